// client.h: WebSocket connections to other servers: on the cores of a Server, or on cores of its own.
//
//   Client client;                                            // or Client client(server), before server.start()
//   client.start();
//   client.run([&] { return follow(client); });               // Task<> follow(Client&)
//
//   Task<> follow(Client& client) {
//     auto feed = co_await client.connect("ws://localhost:8080/ticks");
//     if (!feed) co_return log(feed.error().to_string());  // the step that failed: resolve, connect, tls or upgrade
//     while (auto message = co_await feed->receive()) apply(message->text());
//   }
//
// Made and ended by one thread; connect() and run() may be called by any once it runs. What is connected belongs to one
// core: the one of the caller, else the cores take turns. Name look-ups have threads of their own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <brume/engine/client/client_connection.h>
#include <brume/engine/client/options.h>
#include <brume/engine/server.h>

namespace brume {

// Names what a callback form of connect() has begun, for any thread. Cheap to copy; outlives its client.
class ConnectHandle {
 public:
  ConnectHandle() = default;
  ConnectHandle(core::GateRef gate, std::uint32_t number, std::uint64_t id)
      : gate_(std::move(gate)), number_(number), id_(id) {}

  // Ends it for good: an attempt or a wait at once, a connection by its closing handshake. Errors: invalid_close_code,
  // invalid_utf8, stopping, queue_full, out_of_memory.
  std::expected<void, Error> close(std::uint16_t code = 1000, std::string_view reason = {}) const;
  // Runs `f(Connection&)` on its core with the connection there is then; dropped unrun where there is none. Errors:
  // stopping, queue_full, out_of_memory.
  std::expected<void, Error> post(core::InlineFunction<void(Connection&)> f) const;

 private:
  core::GateRef gate_;
  std::uint32_t number_ = 0;
  std::uint64_t id_ = 0;
};

class Client {
 public:
  // On the cores of `server`, which outlives it and has not been started; it connects once the server runs.
  explicit Client(Server& server);
  // With cores of its own: one, where Config::cores is 0.
  explicit Client(Config config = {});
  // The same in a simulation; `world` outlives it.
  explicit Client(io::Environment& world, Config config = {});
  // Cores of its own are stopped at once; on a server's cores its connections are closed (1001) and its tasks end.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // For cores of its own (on a server's these are the server's): as Server's calls of the same names.
  std::expected<void, SystemError> start();
  std::expected<bool, SystemError> poll(std::chrono::nanoseconds budget);
  void stop(std::optional<std::chrono::milliseconds> deadline = {});
  void wait();

  // co_await, on a core's thread, inside a Task: -> expected<ClientConnection, ConnectError>. With g++ 12 give options
  // as a named object or by their constructor, never in braces.
  ConnectAwaiter connect(std::string_view url, ConnectOptions options = ConnectOptions());

  // The callback form, from any thread: each connection is handled by `endpoint`, which is what a server's route has:
  // websocket(...). Its RouteConfig, if it has one, comes before ConnectOptions::connection. `failed` hears, on the
  // core's thread and once, that it was given up without a connection. Errors: those of step start, and of step tls
  // where a file of ConnectOptions::tls cannot be used, which they name.
  using Failed = std::function<void(const ConnectError&)>;
  std::expected<ConnectHandle, ConnectError> connect(std::string_view url, ConnectOptions options,
                                                     const WebSocketEndpoint& endpoint, Failed failed = {});
  std::expected<ConnectHandle, ConnectError> connect(std::string_view url, ConnectOptions options, Callbacks callbacks,
                                                     Failed failed = {}) {
    return connect(url, std::move(options), websocket(std::move(callbacks)), std::move(failed));
  }
  template <class Handler>
    requires requires(Handler handler) { websocket(std::move(handler)); } &&
             (!std::is_convertible_v<Handler, Callbacks>) && (!std::is_convertible_v<Handler, WebSocketEndpoint>)
  std::expected<ConnectHandle, ConnectError> connect(std::string_view url, ConnectOptions options, Handler handler,
                                                     Failed failed = {}) {
    return connect(url, std::move(options), websocket(std::move(handler)), std::move(failed));
  }

  // Runs the task that `make` returns on one of its cores; it ends with the client: its brume awaits return errors
  // then, and at the deadline it is destroyed where it stands. Errors: stopping, queue_full.
  std::expected<void, Error> run(std::function<Task<>()> make);

  // Of its own cores, or of the server's.
  ServerStats stats() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace brume
