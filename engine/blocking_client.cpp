#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <utility>

#include <brume/engine/blocking_client.h>

namespace brume {

namespace {
// A post that nobody answers: the core is at its end.
constexpr std::chrono::seconds kAnswerPatience{10};
}  // namespace

struct BlockingClient::State {
  explicit State(Config config) : client(std::move(config)) {}

  // Runs on the core with the connection, and waits for what it answers.
  template <class F>
  std::expected<void, Error> ask(F&& call) {
    using Answer = std::expected<void, Error>;
    auto promise = std::make_shared<std::promise<Answer>>();
    auto answer = promise->get_future();
    const auto posted =
        handle.post([promise, call = std::forward<F>(call)](Connection& c) { promise->set_value(call(c)); });
    promise.reset();
    if (!posted) return std::unexpected(posted.error() == Error::stopping ? Error::connection_closed : posted.error());
    if (answer.wait_for(kAnswerPatience) != std::future_status::ready) return std::unexpected(Error::timed_out);
    try {
      return answer.get();
    } catch (const std::future_error&) {
      return std::unexpected(Error::connection_closed);  // dropped unrun
    }
  }

  // Takes the front of one of the queues.
  template <class T>
  std::expected<T, Error> take(std::deque<T>& queue, std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, timeout, [&] { return !queue.empty() || ended; });
    if (queue.empty()) return std::unexpected(ended ? Error::connection_closed : Error::timed_out);
    T front = std::move(queue.front());
    queue.pop_front();
    return front;
  }

  Callbacks callbacks() {
    Callbacks made;
    made.open = [this](Connection& c) {
      const std::lock_guard lock(mutex);
      opened = true;
      subprotocol = c.subprotocol();
      changed.notify_all();
    };
    made.message = [this](Connection& c, const Message& message) {
      KeptMessage kept = message.keep();
      const std::lock_guard lock(mutex);
      messages.push_back(std::move(kept));
      held_back = messages.size() >= kMaxWaiting;
      if (held_back) c.pause_reading();
      changed.notify_all();
    };
    made.pong = [this](Connection&, Bytes payload) {
      const std::lock_guard lock(mutex);
      if (pongs.size() < kMaxWaiting) pongs.emplace_back(as_text(payload));
      changed.notify_all();
    };
    made.close = [this](Connection&, const CloseInfo& info) {
      const std::lock_guard lock(mutex);
      end = End{info, std::string(info.reason)};
      end.info.reason = {};
      // With reconnect on, an end may be followed by a connection; this one is what its user sees until then.
      ended = !reconnects;
      changed.notify_all();
    };
    return made;
  }

  std::mutex mutex;
  std::condition_variable changed;
  // Behind the mutex.
  std::deque<KeptMessage> messages;
  std::deque<std::string> pongs;
  std::string subprotocol;
  std::optional<ConnectError> failure;
  End end;
  bool opened = false;
  bool ended = false;
  bool held_back = false;

  bool reconnects = false;
  ConnectHandle handle;
  Client client;  // last: it ends first, and its core's thread uses the others
};

BlockingClient::BlockingClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlockingClient::BlockingClient(BlockingClient&&) noexcept = default;
BlockingClient& BlockingClient::operator=(BlockingClient&&) noexcept = default;
BlockingClient::~BlockingClient() = default;

std::expected<BlockingClient, ConnectError> BlockingClient::connect(std::string_view url, ConnectOptions options,
                                                                    Config config) {
  config.cores = 1;
  auto state = std::make_unique<State>(std::move(config));
  if (auto started = state->client.start(); !started) {
    ConnectError error;
    error.text = started.error().text;
    return std::unexpected(std::move(error));
  }
  state->reconnects = options.reconnect.has_value();
  State& s = *state;
  auto handle = s.client.connect(url, std::move(options), s.callbacks(), [&s](const ConnectError& error) {
    const std::lock_guard lock(s.mutex);
    s.failure = error;
    s.ended = true;
    s.changed.notify_all();
  });
  if (!handle) return std::unexpected(std::move(handle.error()));
  s.handle = *std::move(handle);
  {
    std::unique_lock lock(s.mutex);
    s.changed.wait(lock, [&] { return s.opened || s.failure; });
    if (!s.opened) return std::unexpected(*s.failure);
  }
  return BlockingClient(std::move(state));
}

std::expected<void, Error> BlockingClient::send(MessageType type, Bytes data) {
  // A copy: the core may be slower than this call waits.
  return state_->ask(
      [type, copy = std::vector<std::byte>(data.begin(), data.end())](Connection& c) { return c.send(type, copy); });
}

std::expected<void, Error> BlockingClient::ping(Bytes payload) {
  return state_->ask(
      [copy = std::vector<std::byte>(payload.begin(), payload.end())](Connection& c) { return c.ping(copy); });
}

std::expected<KeptMessage, Error> BlockingClient::receive(std::chrono::milliseconds timeout) {
  auto message = state_->take(state_->messages, timeout);
  bool resume = false;
  {
    const std::lock_guard lock(state_->mutex);
    resume = state_->held_back && state_->messages.size() < kMaxWaiting / 2;
    if (resume) state_->held_back = false;
  }
  if (resume) (void)state_->handle.post([](Connection& c) { c.resume_reading(); });
  return message;
}

std::expected<std::string, Error> BlockingClient::receive_pong(std::chrono::milliseconds timeout) {
  return state_->take(state_->pongs, timeout);
}

std::expected<void, Error> BlockingClient::close(std::uint16_t code, std::string_view reason,
                                                 std::chrono::milliseconds timeout) {
  const auto asked = state_->handle.close(code, reason);
  if (!asked && asked.error() != Error::stopping) return asked;
  std::unique_lock lock(state_->mutex);
  if (state_->reconnects) return {};
  if (!state_->changed.wait_for(lock, timeout, [&] { return state_->ended; })) return std::unexpected(Error::timed_out);
  return {};
}

std::optional<BlockingClient::End> BlockingClient::end() const {
  const std::lock_guard lock(state_->mutex);
  return state_->ended ? std::optional(state_->end) : std::nullopt;
}

std::string BlockingClient::subprotocol() const {
  const std::lock_guard lock(state_->mutex);
  return state_->subprotocol;
}

}  // namespace brume
