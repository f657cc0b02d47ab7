// world.h: the scheduler of a simulation, and owner of all its parts.
//
// The simulation's thread only. One step is one turn of a core or one event of the network; which of those that are due
// comes first is chance, and the clock moves only when nothing is due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/io/environment.h>
#include <brume/engine/sim/sim_context.h>
#include <brume/engine/sim/sim_io.h>
#include <brume/engine/sim/sim_network.h>
#include <brume/engine/sim/sim_options.h>
#include <brume/engine/sim/websocket_peer.h>

namespace brume::sim {

class World final : private SimIoHome {
 public:
  explicit World(const SimulatorOptions& options);
  // Requires: every Io it made is gone.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  SimContext& context() { return context_; }
  SimNetwork& network() { return network_; }

  // --- the Environment's part (environment.h)
  std::expected<std::vector<io::ListenerHandle>, SystemError> open_listeners(const io::Address& address,
                                                                             std::size_t count,
                                                                             const io::ListenOptions& options);
  std::unique_ptr<io::Io> make_io(std::size_t core, const io::IoOptions& options);
  std::expected<void, SystemError> start(std::size_t core, io::Driven& driven);
  // All cores, or these.
  void join();
  void join(std::span<const io::Driven* const> driven);
  std::uint64_t random() { return entropy_.next(); }

  // --- running (simulator.h)
  // One step at `limit` or before. Where nothing is pending but time-outs of cores: false, unless they are waited for.
  bool step(io::Time limit, bool wait_for_timeouts);
  void run_until_idle();
  void run_for(io::Time duration);
  // Before a run: the test's own code may have changed anything about the cores, so each is turned at least once.
  void stir();

  TcpPeer& connect_raw(const io::Address& to, const std::optional<io::Address>& from);
  WebSocketPeer& connect(const io::Address& to, std::string_view path, const ClientOptions& options);

 private:
  // Counts the steps of one run; ends the process above the bound.
  class StepCounter {
   public:
    StepCounter(World& world, const char* call) : world_(world), call_(call) {}
    void count();

   private:
    World& world_;
    const char* call_;
    std::uint64_t steps_ = 0;
  };
  struct Core {
    io::Driven* driven;
    SimIo* io;
    io::Time stalled_until;
    bool finished;
    bool turned;
  };

  void io_is_gone(SimIo& io) override;
  bool all_finished() const;
  void turn(std::size_t index);
  void check(const Core& core);
  // Collects the cores that are due into due_, and the time at which the next one will be.
  struct Outlook {
    io::Time pending;  // of the network and the cores' own work
    io::Time timeout;  // of a core that only sleeps
  };
  Outlook look();
  io::Address next_client_address() override;
  // A simulation has no files: the paths of its Unix-domain sockets are numbers in the place of ports.
  std::uint16_t number_of_path(const std::string& path);

  SimulatorOptions options_;
  SimContext context_;
  SimNetwork network_;
  Random entropy_;  // apart from the schedule, so that a server that draws once more does not change everything
  std::vector<Core> cores_;
  std::vector<std::size_t> due_;
  std::vector<std::unique_ptr<TcpPeer>> peers_;
  std::vector<std::string> unix_paths_;
  std::size_t ios_ = 0;
  std::uint32_t clients_ = 0;
  std::uint16_t next_port_ = 40'000;
  std::uint32_t steps_until_check_ = 0;
  std::uint64_t steps_at_this_time_ = 0;
  bool turning_ = false;
};

}  // namespace brume::sim
