#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <brume/engine/sim/sim_context.h>

namespace brume::sim {
namespace {

std::string_view name_of(Step step) {
  switch (step) {
    case Step::turn:
      return "turn of core";
    case Step::accepted:
      return "accepted";
    case Step::accept_failed:
      return "accept failed";
    case Step::received:
      return "received";
    case Step::receive_ended:
      return "receive ended";
    case Step::sent:
      return "sent";
    case Step::connected:
      return "connected";
    case Step::arrived:
      return "arrived";
    case Step::fin_arrived:
      return "FIN arrived";
    case Step::reset_arrived:
      return "RST arrived";
    case Step::client_read:
      return "client read";
    case Step::fault:
      return "fault";
  }
  return "?";
}

}  // namespace

void SimContext::fail(std::string_view text) const {
  std::fprintf(stderr, "brume simulator: %.*s (seed %" PRIu64 ", at %.9f s)\n", static_cast<int>(text.size()),
               text.data(), seed_, std::chrono::duration<double>(now()).count());
  std::abort();
}

void SimContext::print(Step step, std::uint64_t who, std::uint64_t what) const {
  const std::string_view name = name_of(step);
  const double seconds = std::chrono::duration<double>(now()).count();
  if (step == Step::fault) {
    const std::string_view kind = to_string(static_cast<FaultKind>(who));
    std::fprintf(stderr, "%.9f fault %.*s\n", seconds, static_cast<int>(kind.size()), kind.data());
    return;
  }
  std::fprintf(stderr, "%.9f %.*s %" PRIu64 ": %" PRId64 "\n", seconds, static_cast<int>(name.size()), name.data(), who,
               static_cast<std::int64_t>(what));
}

std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t hash) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  const auto* bytes = static_cast<const unsigned char*>(data);
  hash = (hash ^ size) * kMultiplier;
  std::uint64_t word = 0;
  for (; size >= sizeof(word); size -= sizeof(word), bytes += sizeof(word)) {
    std::memcpy(&word, bytes, sizeof(word));
    hash = (std::rotl(hash, 29) ^ word) * kMultiplier;
  }
  word = 0;
  if (size != 0) std::memcpy(&word, bytes, size);
  return (std::rotl(hash, 29) ^ word) * kMultiplier;
}

}  // namespace brume::sim
