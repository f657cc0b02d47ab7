#include <algorithm>

#include <brume/engine/sim/faults.h>
#include <brume/engine/sim/random.h>

namespace brume {
namespace {

struct Row {
  FaultKind kind;
  std::string_view name;
  std::uint32_t storm_ppm;
  bool loses;  // connections, or the chance to make one
};

// In the enumerators' order. The frequent ones only delay and split; a reset has a chance at every arrival and every
// operation, so it is rare for one of them and common for a connection.
constexpr std::array<Row, kFaultKindCount> kRows{{
    {FaultKind::split_segment, "split_segment", 300'000, false},
    {FaultKind::slow_segment, "slow_segment", 50'000, false},
    {FaultKind::small_window, "small_window", 150'000, false},
    {FaultKind::reset, "reset", 2'000, true},
    {FaultKind::reset_overtakes, "reset_overtakes", 300'000, true},
    {FaultKind::reset_discards, "reset_discards", 300'000, true},
    {FaultKind::short_read, "short_read", 250'000, false},
    {FaultKind::receive_pause, "receive_pause", 30'000, false},
    {FaultKind::short_send, "short_send", 250'000, false},
    {FaultKind::pending_send, "pending_send", 500'000, false},
    {FaultKind::late_send, "late_send", 300'000, false},
    {FaultKind::late_completion, "late_completion", 100'000, false},
    {FaultKind::reordered, "reordered", 200'000, false},
    {FaultKind::short_batch, "short_batch", 200'000, false},
    {FaultKind::cancel_lost, "cancel_lost", 400'000, false},
    {FaultKind::late_accept, "late_accept", 500'000, false},
    {FaultKind::accept_failed, "accept_failed", 50'000, true},
    {FaultKind::no_reserve, "no_reserve", 300'000, false},
    {FaultKind::hand_over_lost, "hand_over_lost", 50'000, true},
    {FaultKind::late_wake, "late_wake", 200'000, false},
    {FaultKind::spurious_wake, "spurious_wake", 20'000, false},
    {FaultKind::core_stall, "core_stall", 10'000, false},
    {FaultKind::connect_refused, "connect_refused", 0, true},
    {FaultKind::connect_lost, "connect_lost", 0, true},
}};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<std::size_t>(kRows[i].kind) != i) return false;
  return true;
}
static_assert(rows_are_in_order());

}  // namespace

std::string_view to_string(FaultKind kind) {
  return kRows[static_cast<std::size_t>(kind)].name;
}

FaultRates FaultRates::storm() {
  FaultRates rates;
  for (const Row& row : kRows) rates.set(row.kind, row.storm_ppm);
  return rates;
}

FaultRates FaultRates::storm(std::uint64_t seed) {
  sim::Random random(seed ^ 0x73746F726D);  // apart from the stream of the world that has the same seed
  FaultRates rates;
  for (const Row& row : kRows) {
    constexpr std::array<std::uint32_t, 6> kQuarters{0, 0, 1, 4, 4, 16};
    const std::uint32_t quarters = kQuarters[random.below(kQuarters.size())];
    rates.set(row.kind, std::min(kAlways * 9 / 10, row.storm_ppm / 4 * quarters));
  }
  return rates;
}

FaultRates& FaultRates::without_losses() {
  for (const Row& row : kRows)
    if (row.loses) set(row.kind, 0);
  return *this;
}

FaultCounts& FaultCounts::operator+=(const FaultCounts& other) {
  for (std::size_t i = 0; i < struck.size(); ++i) struck[i] += other.struck[i];
  return *this;
}

std::string FaultCounts::to_string() const {
  std::string text;
  for (const Row& row : kRows) {
    if (!text.empty()) text += ", ";
    text.append(row.name).append(" ").append(std::to_string(of(row.kind)));
  }
  return text;
}

std::string FaultCounts::missing() const {
  std::string text;
  for (const Row& row : kRows) {
    if (of(row.kind) != 0 || row.storm_ppm == 0) continue;
    if (!text.empty()) text += ' ';
    text += row.name;
  }
  return text;
}

}  // namespace brume
