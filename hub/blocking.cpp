#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include <brume/hub/blocking.h>
#include <brume/hub/hub.h>
#include <brume/hub/hub_implementation.h>

namespace brume {

namespace {

// Shared by the thread that waits and the core that answers; whoever is last frees it.
template <class T>
class Mail {
 public:
  void put(std::expected<T, Error> result) {
    {
      const std::scoped_lock lock(mutex_);
      if (result_) return;
      result_.emplace(std::move(result));
    }
    arrived_.notify_one();
  }
  std::expected<T, Error> take(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, timeout, [this] { return result_.has_value(); })) {
      return std::unexpected(Error::timed_out);
    }
    return *std::move(result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<std::expected<T, Error>> result_;
};

}  // namespace

// `start(Shard&)` -> Started, on a core; it owns what it needs, as it may run after this has timed out.
template <class T, class F>
BlockingHub::Result<T> BlockingHub::wait_for(F&& start) const {
  if (core::Reactor::current()) return std::unexpected(Error::would_block_core);
  auto mail = std::make_shared<Mail<T>>();
  const auto posted = hub_.implementation_->post_errand([mail, start = std::forward<F>(start)](hub::Shard* shard) {
    if (!shard) return mail->put(std::unexpected(Error::stopping));
    HubCall<T>(start(*shard)).then([mail](std::expected<T, Error> result) { mail->put(std::move(result)); });
  });
  if (!posted) return std::unexpected(posted.error());
  return mail->take(timeout_);
}

BlockingHub::Result<void> BlockingHub::unregister_connection(std::string_view id) const {
  return wait_for<void>(
      [id = std::string(id)](hub::Shard& shard) { return shard.ask_id(hub::AskId::What::unregister, id); });
}

BlockingHub::Result<void> BlockingHub::join_room(std::string_view room, std::string_view id) const {
  return wait_for<void>([room = std::string(room), id = std::string(id)](hub::Shard& shard) {
    return shard.ask_id(hub::AskId::What::join, id, room);
  });
}

BlockingHub::Result<void> BlockingHub::leave_room(std::string_view room, std::string_view id) const {
  return wait_for<void>([room = std::string(room), id = std::string(id)](hub::Shard& shard) {
    return shard.ask_id(hub::AskId::What::leave, id, room);
  });
}

BlockingHub::Result<std::optional<ConnectionHandle>> BlockingHub::find_connection(std::string_view id) const {
  return wait_for<std::optional<ConnectionHandle>>(
      [id = std::string(id)](hub::Shard& shard) { return shard.ask_id(hub::AskId::What::find, id); });
}

namespace {

// What a broadcast is given, owned.
struct OwnedBroadcast {
  std::optional<std::string> room;
  MessageType type;
  std::vector<std::byte> data;
  std::optional<PreparedMessage> prepared;
  BroadcastOptions options;
  std::string key;

  OwnedBroadcast(std::optional<std::string_view> r, MessageType t, Bytes d, const BroadcastOptions& o)
      : room(r), type(t), data(d.begin(), d.end()), options(o), key(o.key) {}
  OwnedBroadcast(std::optional<std::string_view> r, const PreparedMessage& p, const BroadcastOptions& o)
      : room(r), type(p.type()), prepared(p), options(o), key(o.key) {}
  hub::Started operator()(hub::Shard& shard) const {
    BroadcastOptions own = options;
    own.key = key;
    const hub::Content content = prepared ? hub::Content(*prepared) : hub::Content(type, data);
    return shard.broadcast_counted(room ? std::optional<std::string_view>(*room) : std::nullopt, content, own);
  }
};

}  // namespace

BlockingHub::Result<std::size_t> BlockingHub::broadcast(MessageType type, Bytes data, const BroadcastOptions& options,
                                                        Counted) const {
  return wait_for<std::size_t>(OwnedBroadcast(std::nullopt, type, data, options));
}

BlockingHub::Result<std::size_t> BlockingHub::broadcast_to_room(std::string_view room, MessageType type, Bytes data,
                                                                const BroadcastOptions& options, Counted) const {
  return wait_for<std::size_t>(OwnedBroadcast(room, type, data, options));
}

BlockingHub::Result<std::size_t> BlockingHub::broadcast(const PreparedMessage& message, const BroadcastOptions& options,
                                                        Counted) const {
  return wait_for<std::size_t>(OwnedBroadcast(std::nullopt, message, options));
}

BlockingHub::Result<std::size_t> BlockingHub::broadcast_to_room(std::string_view room, const PreparedMessage& message,
                                                                const BroadcastOptions& options, Counted) const {
  return wait_for<std::size_t>(OwnedBroadcast(room, message, options));
}

BlockingHub::Result<std::size_t> BlockingHub::connection_count() const {
  return wait_for<std::size_t>([](hub::Shard& shard) { return shard.ask_all_cores(hub::Question::count); });
}

BlockingHub::Result<std::size_t> BlockingHub::room_connection_count(std::string_view room) const {
  return wait_for<std::size_t>(
      [room = std::string(room)](hub::Shard& shard) { return shard.ask_room(hub::Question::count, room); });
}

BlockingHub::Result<std::vector<std::string>> BlockingHub::rooms() const {
  return wait_for<std::vector<std::string>>(
      [](hub::Shard& shard) { return shard.ask_all_cores(hub::Question::names); });
}

BlockingHub::Result<std::vector<std::string>> BlockingHub::room_connections(std::string_view room) const {
  return wait_for<std::vector<std::string>>(
      [room = std::string(room)](hub::Shard& shard) { return shard.ask_room(hub::Question::names, room); });
}

BlockingHub::Result<void> BlockingHub::set_room_policy(std::string_view room,
                                                       std::optional<SlowConsumerPolicy> policy) const {
  return wait_for<void>(
      [room = std::string(room), policy](hub::Shard& shard) { return shard.set_policy(room, policy); });
}

}  // namespace brume
