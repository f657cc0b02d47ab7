// simulator.h: a machine and a network that exist only in a test, and are the same every time.
//
// A server given a Simulator as its environment runs in it unchanged: connections, time, several cores and all that can
// go wrong follow from one seed. Nothing sleeps and no thread is started; the test's own thread turns everything:
//
//   brume::Simulator world{{.seed = 7, .cores = 2}};
//   brume::Server server{world};
//   ...
//   auto ann = world.connect(server, "/ws/chat");
//   ann.send_text("hi");
//   world.run_until_idle();
//
// One thread. Lives longer than every server in it; owns the clients. Whatever breaks the rules of the simulation (a
// core that never comes to rest, bytes changed while they are being sent) ends the process with a message and the seed.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/io/environment.h>
#include <brume/engine/sim/faults.h>
#include <brume/engine/sim/sim_options.h>
#include <brume/engine/sim/simulated_client.h>

namespace brume {

namespace sim {
class World;
}

class Simulator final : public io::Environment {
 public:
  explicit Simulator(const SimulatorOptions& options = {});
  ~Simulator() override;
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  std::size_t cores() const { return cores_; }
  std::uint64_t seed() const;

  // Turns cores and network until nothing is pending: nothing on its way, no completion, no wake, no core with work to
  // do. What cores wait for in their timers (pings, time-outs, tickers) does not count, but fires where its time comes
  // while something else is under way. So the clock stops at the last thing that happened.
  void run_until_idle();
  // The same and timers, until this much time has passed; the clock then stands exactly there.
  void run_for(io::Time duration);
  // Until `done()` holds, at most for `limit`. Returns what it last said.
  template <std::predicate Done>
  bool run_until(Done&& done, io::Time limit = std::chrono::minutes{10}) {
    const io::Time end = begin_run() + limit;
    while (!done())
      if (!step_until(end)) return done();
    return true;
  }
  // One turn of a core or one event of the network; moves the clock where nothing is due. False where nothing ever
  // will be.
  bool step();

  // For a handler, which says how long what it does takes: the clock moves on by that much within the turn.
  void spend(io::Time duration);
  // Since some start; see io::Io::now().
  io::Time now() const;

  // A WebSocket client on its way: it connects and upgrades when the simulation is next run.
  SimulatedClient connect(const io::Address& address, std::string_view path, const ClientOptions& options = {});
  template <class Server>
    requires requires(const Server& server) {
      { server.address() } -> std::convertible_to<io::Address>;
    }
  SimulatedClient connect(const Server& server, std::string_view path, const ClientOptions& options = {}) {
    return connect(static_cast<io::Address>(server.address()), path, options);
  }
  // Bare TCP.
  SimulatedSocket connect_raw(const io::Address& address, const std::optional<io::Address>& from = {});
  template <class Server>
    requires requires(const Server& server) {
      { server.address() } -> std::convertible_to<io::Address>;
    }
  SimulatedSocket connect_raw(const Server& server, const std::optional<io::Address>& from = {}) {
    return connect_raw(static_cast<io::Address>(server.address()), from);
  }

  // From now on nobody answers what is sent to `address`: connects to it come to nothing, and say so two minutes later.
  void swallow(const io::Address& address);
  // Names that clients may look up, beside "localhost" and addresses; a second call for a name replaces the first. The
  // port is the one asked for. Without addresses nobody ever answers for the name.
  void add_host(const std::string& name, std::vector<io::Address> addresses);

  // How often each fault struck so far.
  const FaultCounts& fault_counts() const;
  // Over everything that happened so far: equal for equal seeds and equal calls.
  std::uint64_t trace_hash() const;
  // Connections one end of which at least is open.
  std::size_t connection_count() const;

  // io::Environment, for servers
  std::expected<std::vector<io::ListenerHandle>, SystemError> open_listeners(const io::Address& address,
                                                                             std::size_t count,
                                                                             const io::ListenOptions& options) override;
  io::Address local_address(io::ListenerHandle listener) const override;
  void close_listener(io::ListenerHandle listener) override;
  std::expected<MadeIo, SystemError> make_io(std::size_t core, const io::IoOptions& options) override;
  std::expected<void, SystemError> start(std::size_t core, io::Driven& driven, bool pin) override;
  void join() override;
  void join_these(std::span<const io::Driven* const> driven) override;
  std::size_t available_cores() const override { return cores_; }
  std::uint64_t random() override;
  void resolve(const std::string& host, std::uint16_t port, Resolved resolved) override;
  std::chrono::system_clock::time_point wall_clock() const override;

 private:
  io::Time begin_run();  // returns now()
  bool step_until(io::Time end);

  std::size_t cores_;
  std::unique_ptr<sim::World> world_;
  std::map<std::string, std::vector<io::Address>, std::less<>> hosts_;
};

}  // namespace brume
