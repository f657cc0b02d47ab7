#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <brume/engine/sim/world.h>

namespace brume::sim {
namespace {

using namespace std::chrono_literals;

constexpr io::Time kMaxStall = 20ms;
constexpr std::uint32_t kStepsBetweenNetworkChecks = 64;  // it looks at every connection there is
constexpr std::uint64_t kEntropySalt = 0x656E74726F7079;

SystemError error(SystemError::Kind kind, int code, std::string text) {
  return {.kind = kind, .code = code, .text = std::move(text)};
}

}  // namespace

World::World(const SimulatorOptions& options)
    : options_(options),
      context_(options.seed, options.faults, options.print_trace),
      network_(context_, {options.min_latency, options.max_latency, options.window_size}),
      entropy_(options.seed ^ kEntropySalt) {}

World::~World() {
  if (ios_ != 0) context_.fail("an Io outlives the simulation that made it");
}

// --- the Environment's part

std::expected<std::vector<io::ListenerHandle>, SystemError> World::open_listeners(const io::Address& address,
                                                                                  std::size_t count,
                                                                                  const io::ListenOptions& options) {
  if (address.family == io::Address::Family::none)
    return std::unexpected(error(SystemError::Kind::bad_address, EINVAL, "not an address"));
  io::Address bound = address;
  const bool any_port = address.port == 0 && address.family != io::Address::Family::local;
  if (address.family == io::Address::Family::local) bound.port = number_of_path(options.unix_path);
  while (bound.port == 0 || (any_port && network_.in_use(bound))) bound.port = next_port_++;
  if (network_.in_use(bound))
    return std::unexpected(
        error(SystemError::Kind::address_in_use, EADDRINUSE, "address in use: " + bound.to_string()));
  std::vector<io::ListenerHandle> listeners;
  listeners.reserve(count);
  for (std::size_t i = 0; i < count; ++i) listeners.push_back(network_.listen(bound, options.backlog));
  return listeners;
}

std::uint16_t World::number_of_path(const std::string& path) {
  const auto found = std::ranges::find(unix_paths_, path);
  const auto index = static_cast<std::size_t>(found - unix_paths_.begin());
  if (found == unix_paths_.end()) unix_paths_.push_back(path);
  return static_cast<std::uint16_t>(index + 1);
}

std::unique_ptr<io::Io> World::make_io(std::size_t core, const io::IoOptions& options) {
  auto made = std::make_unique<SimIo>(context_, network_, static_cast<SimIoHome&>(*this), core, options.max_sockets);
  ++ios_;
  return made;
}

void World::io_is_gone(SimIo& io) {
  --ios_;
  for (Core& core : cores_)
    if (core.io == &io) core.finished = true;
}

std::expected<void, SystemError> World::start(std::size_t core, io::Driven& driven) {
  auto* const io = dynamic_cast<SimIo*>(&driven.io());
  if (!io || io->core() != core)
    return std::unexpected(error(SystemError::Kind::wrong_state, 0, "start() needs the core's own simulated Io"));
  std::erase_if(cores_, [](const Core& c) { return c.finished; });
  cores_.push_back({&driven, io, io::Time::zero(), false, false});
  return {};
}

bool World::all_finished() const {
  return std::ranges::all_of(cores_, [](const Core& core) { return core.finished; });
}

void World::join() {
  StepCounter counter(*this, "join()");
  stir();
  while (!all_finished()) {
    if (!step(kNever, true)) context_.fail("join(): nothing will ever wake the cores that have not finished");
    counter.count();
  }
}

void World::join(std::span<const io::Driven* const> driven) {
  const auto is_waited_for = [driven](const Core& core) {
    return !core.finished && std::ranges::find(driven, core.driven) != driven.end();
  };
  StepCounter counter(*this, "join()");
  stir();
  while (std::ranges::any_of(cores_, is_waited_for)) {
    if (!step(kNever, true)) context_.fail("join(): nothing will ever wake the cores that have not finished");
    counter.count();
  }
}

// --- running

World::Outlook World::look() {
  Outlook outlook{network_.next_due(), kNever};
  due_.clear();
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    const Core& core = cores_[i];
    if (core.finished) continue;
    core.io->notice_wake();
    const io::Time work = std::max(core.io->work_due(), core.stalled_until);
    const io::Time timeout = std::max(core.io->timeout_due(), core.stalled_until);
    if (std::min(work, timeout) <= context_.now()) due_.push_back(i);
    outlook.pending = std::min(outlook.pending, work);
    outlook.timeout = std::min(outlook.timeout, timeout);
  }
  return outlook;
}

bool World::step(io::Time limit, bool wait_for_timeouts) {
  if (turning_) context_.fail("the simulation is run from inside a turn of one of its cores");
  Outlook outlook = look();
  bool network_due = network_.next_due() <= context_.now();
  while (due_.empty() && !network_due) {
    if (outlook.pending == kNever && !wait_for_timeouts) return false;
    const io::Time next = std::min(outlook.pending, outlook.timeout);
    if (next == kNever || next > limit) return false;
    context_.clock.advance_to(next);
    steps_at_this_time_ = 0;
    outlook = look();
    network_due = network_.next_due() <= context_.now();
  }
  if (++steps_at_this_time_ > options_.max_steps)
    context_.fail("livelock: after " + std::to_string(steps_at_this_time_) + " steps the clock has not moved");

  if (!cores_.empty() && context_.strikes(FaultKind::spurious_wake)) {
    turn(context_.random.below(static_cast<std::uint32_t>(cores_.size())));
    return true;
  }
  const auto choices = static_cast<std::uint32_t>(due_.size() + (network_due ? 1 : 0));
  const std::uint32_t chosen = choices == 1 ? 0 : context_.random.below(choices);
  if (chosen == due_.size()) {
    network_.handle_next();
  } else if (context_.strikes(FaultKind::core_stall)) {
    cores_[due_[chosen]].stalled_until = context_.now() + context_.duration(1us, kMaxStall);
  } else {
    turn(due_[chosen]);
  }
  return true;
}

void World::turn(std::size_t index) {
  const Core core = cores_[index];
  if (core.finished) return;
  context_.note(Step::turn, core.io->core(), core.io->open_sockets());
  turning_ = true;
  core.io->begin_turn();
  const bool goes_on = core.driven->turn(io::Time{-1});
  turning_ = false;
  // The turn may have started another core, or ended this one together with its Io.
  const auto place = std::ranges::find(cores_, core.driven, &Core::driven);
  if (place == cores_.end() || place->finished) return;
  place->finished = !goes_on;
  if (!std::exchange(place->turned, true)) core.io->stir();  // it may have begun something after its poll
  if (goes_on && options_.check_invariants) check(core);
}

void World::check(const Core& core) {
  core.driven->check_invariants();
  core.io->check_invariants();
  if (steps_until_check_-- != 0) return;
  steps_until_check_ = kStepsBetweenNetworkChecks;
  network_.check_invariants();
}

void World::StepCounter::count() {
  if (++steps_ <= world_.options_.max_steps) return;
  world_.context_.fail(std::string("livelock: ") + call_ + " took " + std::to_string(steps_) +
                       " steps and is not done");
}

void World::stir() {
  for (const Core& core : cores_)
    if (!core.finished) core.io->stir();
}

void World::run_until_idle() {
  StepCounter counter(*this, "run_until_idle()");
  stir();
  while (step(kNever, false)) counter.count();
}

void World::run_for(io::Time duration) {
  const io::Time end = after(context_.now(), duration);
  StepCounter counter(*this, "run_for()");
  stir();
  while (step(end, true)) counter.count();
  context_.clock.advance_to(end);
}

// --- clients

io::Address World::next_client_address() {
  const std::uint32_t number = ++clients_;
  io::Address address;
  address.family = io::Address::Family::v4;
  address.bytes[0] = 10;
  for (unsigned i = 1; i < 4; ++i) address.bytes[i] = static_cast<std::uint8_t>(number >> (8 * (3 - i)));
  address.port = static_cast<std::uint16_t>(49'152 + number % 16'384);
  return address;
}

TcpPeer& World::connect_raw(const io::Address& to, const std::optional<io::Address>& from) {
  peers_.push_back(std::make_unique<TcpPeer>(context_, network_, from ? *from : next_client_address(), to));
  return *peers_.back();
}

WebSocketPeer& World::connect(const io::Address& to, std::string_view path, const ClientOptions& options) {
  const io::Address from = options.from ? *options.from : next_client_address();
  auto peer = std::make_unique<WebSocketPeer>(context_, network_, from, to, path, options);
  WebSocketPeer& made = *peer;
  peers_.push_back(std::move(peer));
  return made;
}

}  // namespace brume::sim
