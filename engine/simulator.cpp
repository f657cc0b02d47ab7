#include <algorithm>

#include <brume/engine/sim/world.h>
#include <brume/engine/simulator.h>

namespace brume {

Simulator::Simulator(const SimulatorOptions& options)
    : cores_(options.cores), world_(std::make_unique<sim::World>(options)) {}

Simulator::~Simulator() = default;

std::uint64_t Simulator::seed() const {
  return world_->context().seed();
}

void Simulator::run_until_idle() {
  world_->run_until_idle();
}

void Simulator::run_for(io::Time duration) {
  world_->run_for(duration);
}

bool Simulator::step() {
  return world_->step(sim::kNever, true);
}

io::Time Simulator::begin_run() {
  world_->stir();
  return now();
}

bool Simulator::step_until(io::Time end) {
  if (world_->step(end, true)) return true;
  world_->context().clock.advance_to(end);
  return false;
}

void Simulator::spend(io::Time duration) {
  sim::SimClock& clock = world_->context().clock;
  clock.advance_to(sim::after(clock.now(), std::max(duration, io::Time::zero())));
}

io::Time Simulator::now() const {
  return world_->context().now();
}

SimulatedClient Simulator::connect(const io::Address& address, std::string_view path, const ClientOptions& options) {
  return SimulatedClient(world_->connect(address, path, options));
}

SimulatedSocket Simulator::connect_raw(const io::Address& address, const std::optional<io::Address>& from) {
  return SimulatedSocket(world_->connect_raw(address, from));
}

void Simulator::swallow(const io::Address& address) {
  world_->network().swallow(address);
}

void Simulator::add_host(const std::string& name, std::vector<io::Address> addresses) {
  hosts_[name] = std::move(addresses);
}

void Simulator::resolve(const std::string& host, std::uint16_t port, Resolved resolved) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return Environment::resolve(host, port, std::move(resolved));
  if (found->second.empty()) return;
  Resolution resolution{found->second, {}};
  for (io::Address& address : resolution.addresses) address.port = port;
  resolved(std::move(resolution));
}

const FaultCounts& Simulator::fault_counts() const {
  return world_->context().fault_counts();
}

std::uint64_t Simulator::trace_hash() const {
  return world_->context().trace_hash();
}

std::size_t Simulator::connection_count() const {
  return world_->network().connection_count();
}

std::expected<std::vector<io::ListenerHandle>, SystemError> Simulator::open_listeners(
    const io::Address& address, std::size_t count, const io::ListenOptions& options) {
  return world_->open_listeners(address, count, options);
}

io::Address Simulator::local_address(io::ListenerHandle listener) const {
  return world_->network().address_of(listener);
}

void Simulator::close_listener(io::ListenerHandle listener) {
  world_->network().close_listener(listener);
}

std::expected<Simulator::MadeIo, SystemError> Simulator::make_io(std::size_t core, const io::IoOptions& options) {
  return MadeIo{world_->make_io(core, options), {}};
}

std::expected<void, SystemError> Simulator::start(std::size_t core, io::Driven& driven, bool) {
  return world_->start(core, driven);
}

void Simulator::join_these(std::span<const io::Driven* const> driven) {
  world_->join(driven);
}

void Simulator::join() {
  world_->join();
}

std::uint64_t Simulator::random() {
  return world_->random();
}

std::chrono::system_clock::time_point Simulator::wall_clock() const {
  return world_->context().clock.wall_clock();
}

}  // namespace brume
