// server.h: a WebSocket and HTTP server on all cores of a machine, or of a simulation.
//
// Filled with routes, then listen() and start(); or run(), which is the whole life of a program. Used by one thread,
// but for stop(), reload_tls(), stats() and stopped(), which any thread may call, handlers included, and, once it has
// been started, whatever only looks. Handlers run on the cores' threads. The library installs no signal handler, never
// exits and writes only to Config::log; run() alone does the first and the last.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <brume/engine/config.h>
#include <brume/engine/connection.h>
#include <brume/engine/core/sleep.h>
#include <brume/engine/http/request.h>
#include <brume/engine/http/response.h>
#include <brume/engine/http/static_files.h>
#include <brume/engine/http/upgrader.h>
#include <brume/engine/websocket.h>

namespace brume {

// Sums over all cores: each number is exact by itself, and they need not be of one moment.
struct ServerStats {
  std::uint64_t accepted = 0;     // sockets
  std::uint64_t sockets = 0;      // open now
  std::uint64_t connections = 0;  // WebSocket connections open now
  std::uint64_t upgrades = 0;     // WebSocket connections so far
  std::uint64_t requests = 0;     // HTTP requests answered
  std::uint64_t messages_received = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t compressions = 0;    // of messages; a broadcast counts once a core and setting
  std::uint64_t tls_handshakes = 0;  // done
  std::uint64_t tls_resumed = 0;     // of them by a ticket, without a full handshake
  std::uint64_t handed_over = 0;     // fresh sockets given to a less loaded core
  std::vector<std::pair<std::string_view, std::uint64_t>> refused;  // by rule, those that happened
  std::uint64_t refused_by(std::string_view rule) const {
    for (const auto& [name, count] : refused)
      if (name == rule) return count;
    return 0;
  }
};

namespace server {
class Extension;
}

class Server {
 public:
  explicit Server(Config config = {});
  // In a simulation; `world` must outlive the server.
  explicit Server(io::Environment& world, Config config = {});
  // Stops at once and waits.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // A route's path begins with '/', has ":name" parameters as whole segments, and may end in "/*". A path or method
  // that is taken, or a path that is none, is reported by listen(), or by start() where the route comes after that.
  // Before start(): one that comes later is logged as an error and left out.
  using Handler = std::function<Task<Response>(Request&)>;
  void get(std::string_view path, WebSocketEndpoint endpoint);
  void get(std::string_view path, StaticFiles files);  // a folder that cannot be opened is reported likewise
  void get(std::string_view path, Handler handler) { route("GET", path, std::move(handler)); }
  void post(std::string_view path, Handler handler) { route("POST", path, std::move(handler)); }
  void route(std::string_view method, std::string_view path, Handler handler);
  // A handler that answers at once.
  template <class F>
    requires std::is_same_v<std::invoke_result_t<F&, Request&>, Response>
  void get(std::string_view path, F handler) {
    route("GET", path, answer_at_once(std::move(handler)));
  }
  template <class F>
    requires std::is_same_v<std::invoke_result_t<F&, Request&>, Response>
  void post(std::string_view path, F handler) {
    route("POST", path, answer_at_once(std::move(handler)));
  }

  // Checks the configuration and opens an address for all cores: "127.0.0.1:8080", "[::1]:0", ":8080" for every IPv4
  // address, "[::]:8080" for every address of both kinds, "unix:/run/app.sock" for a Unix-domain socket. Its file gets
  // Config::unix_socket_mode, replaces one that nobody listens at any more, and is removed once the server has stopped;
  // "unix:@name" is an abstract name and has none. Called again, one more (16 at most). Nothing is accepted before
  // start().
  std::expected<void, SystemError> listen(std::string_view address);
  // Instead of listen(), for what only connects to others (engine/client.h): checks the configuration, listens nowhere.
  std::expected<void, SystemError> prepare();
  // Where it listens, with the port that was chosen for port 0: of several the first that has a port. Requires:
  // listen() succeeded.
  io::Address address() const;
  // All of them as text, in the order of the calls: "127.0.0.1:8080", "unix:/run/app.sock".
  std::vector<std::string> addresses() const;

  // Starts a thread for each core (in a simulation: nothing but the world turns them). Requires: listen() or prepare().
  std::expected<void, SystemError> start();
  // Instead of start(), for a host with a loop of its own and `cores` = 1: one turn that waits at most `budget`. False
  // once the server has stopped.
  std::expected<bool, SystemError> poll(std::chrono::nanoseconds budget);

  // Closes: no new connections, 1001 to all that are open, spread over `spread`; what is still open at `deadline` is
  // cut. Any thread; returns at once. Without values: drain_timeout and drain_spread. A later call with an earlier
  // deadline wins.
  void stop(std::optional<std::chrono::milliseconds> deadline = {},
            std::optional<std::chrono::milliseconds> spread = {});
  // Returns once everything has stopped. Not from a core's thread.
  void wait();

  // Reads the files of Config::tls again; connections that begin from now on get what they hold, older ones keep
  // theirs. Any thread; a core that calls it stands still while files are read. Where one cannot be used nothing
  // changes, the error names it, and it is logged.
  std::expected<void, SystemError> reload_tls();

  // For what has a part of its own on every core (hub/hub.h). Added before start().
  void add_extension(server::Extension& extension);
  void remove_extension(server::Extension& extension);
  // Calls `f(index)` for every core on its own thread, between two of its turns or inside one, and waits for all. Where
  // no thread turns them (a simulation, poll(), after wait()) on the caller's. Before start() there are no cores, and
  // nothing is called. Not from a core's thread.
  void run_on_each_core(const std::function<void(std::size_t index)>& f);

  // Zeros before start(). Any thread.
  ServerStats stats() const;
  const Config& config() const;
  // Before listen(): replaces Config::log.
  void set_log(LogFunction log);
  std::size_t core_count() const;
  // Whether every core has come to its end after stop().
  bool stopped() const;
  // "io_uring", "epoll" or "simulated", once started.
  std::string_view io_name() const;

  // The program's way: raises the descriptor limit, logs to stderr where no log is set, listens, starts, reads
  // certificates anew at SIGHUP, and stops at SIGTERM or SIGINT (a second one: at once). Returns the exit code: 0, or 2
  // with one line on stderr where it could not begin.
  int run(std::string_view address) { return run(std::span(&address, 1)); }
  int run(std::span<const std::string_view> addresses);

 private:
  template <class F>
  static Handler answer_at_once(F handler) {
    return [handler = std::move(handler)](Request& request) mutable -> Task<Response> { co_return handler(request); };
  }

  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace brume
