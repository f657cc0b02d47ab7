#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
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
      empty_pings = 0;
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
      // The heartbeat's are empty, and nobody asked for them.
      if (payload.empty() && empty_pings == 0) return;
      if (payload.empty()) empty_pings--;
      const std::lock_guard lock(mutex);
      if (pongs.size() < kMaxWaiting) pongs.emplace_back(as_text(payload));
      changed.notify_all();
    };
    made.close = [this](Connection&, const CloseInfo& info) {
      const std::lock_guard lock(mutex);
      end = End{info, std::string(info.reason)};
      end.info.reason = {};
      // With reconnect on, an end may be followed by a connection, or by `failed`.
      if (reconnects && !closing) return;
      ended = true;
      changed.notify_all();
    };
    return made;
  }

  // On the core: whether a connection that ended so is followed by another.
  bool wants_another(const std::function<bool(const CloseInfo&)>& wanted, const CloseInfo& info) {
    const bool ours = info.cause == CloseCause::local || info.cause == CloseCause::handler_error;
    bool again = false;
    std::exception_ptr thrown;  // which is a no, too
    try {
      again = wanted ? wanted(info) : !ours;
    } catch (...) {
      thrown = std::current_exception();
    }
    if (!again) {
      const std::lock_guard lock(mutex);
      ended = true;
      changed.notify_all();
    }
    if (thrown) std::rethrow_exception(thrown);
    return again;
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
  bool closing = false;  // close() was called: no connection follows this one
  bool ended = false;
  bool held_back = false;

  std::uint32_t empty_pings = 0;  // of its user's, without a pong yet; the core's thread only
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
  State& s = *state;
  s.reconnects = options.reconnect.has_value();
  if (s.reconnects) {
    options.reconnect_after = [&s, wanted = std::move(options.reconnect_after)](const CloseInfo& info) {
      return s.wants_another(wanted, info);
    };
  }
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
  return state_->ask([s = state_.get(), copy = std::vector<std::byte>(payload.begin(), payload.end())](Connection& c) {
    const auto sent = c.ping(copy);
    if (sent && copy.empty()) s->empty_pings++;
    return sent;
  });
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
  const auto close_is_asked = [this](bool is) {
    const std::lock_guard lock(state_->mutex);
    state_->closing = is;
  };
  close_is_asked(true);  // before the core can act
  const auto asked = state_->handle.close(code, reason);
  if (!asked && asked.error() != Error::stopping) {
    close_is_asked(false);
    return asked;
  }
  std::unique_lock lock(state_->mutex);
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
