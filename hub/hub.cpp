#include <new>
#include <string>
#include <utility>

#include <brume/hub/hub.h>
#include <brume/hub/hub_implementation.h>

namespace brume {

std::optional<SystemError> validate(const HubConfig& config) {
  const auto wrong = [](std::string_view field, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    return SystemError{SystemError::Kind::config, 0,
                       "hub: " + std::string(field) + " is " + std::to_string(value) + ", but must be " +
                           std::to_string(least) + " to " + std::to_string(most)};
  };
  struct Bound {
    std::string_view field;
    std::uint64_t value;
    std::uint64_t least;
    std::uint64_t most;
  };
  constexpr std::uint64_t kMostRooms = 1'000'000;
  constexpr std::uint64_t kMost = 1U << 24;
  for (const Bound& bound : {
           Bound{"max_rooms_per_connection", config.max_rooms_per_connection, 1, kMostRooms},
           Bound{"max_name_size", config.max_name_size, 1, hub::Name::kMaxSize},
           Bound{"max_room_policies", config.max_room_policies, 0, kMost},
           Bound{"max_pending_calls", config.max_pending_calls, 1, kMost},
           Bound{"max_waiting_broadcasts", config.max_waiting_broadcasts, 1, kMost},
       }) {
    if (bound.value < bound.least || bound.value > bound.most) {
      return wrong(bound.field, bound.value, bound.least, bound.most);
    }
  }
  return std::nullopt;
}

// ---- the parts

Hub::Implementation::Implementation(Server& server, const HubConfig& config) : server_(&server) {
  options_.config = config;
  server.add_extension(*this);
}

Hub::Implementation::~Implementation() {
  if (!server_) return;
  server_->remove_extension(*this);
  detach();
}

void Hub::Implementation::attach(std::span<connection::CoreContext* const> cores, std::uint64_t seed) {
  options_.seed = seed;
  options_.max_message_size = server_->config().max_message_size;
  cores_.assign(cores.begin(), cores.end());
  for (connection::CoreContext* core : cores_) {
    gates_.push_back(core->reactor.gate_ref());
    shards_.push_back(std::make_unique<hub::Shard>(*core, cores_, options_));
  }
  number_ = shards_.front()->number();  // the same on all cores: what is added is added to each
}

void Hub::Implementation::detach() {
  if (!shards_.empty()) {
    server_->run_on_each_core([this](std::size_t core) {
      shards_[core]->detach();
      shards_[core].reset();
    });
  }
  shards_.clear();
  server_ = nullptr;
}

hub::Shard* Hub::Implementation::here() const {
  const core::Reactor* current = core::Reactor::current();
  if (!current) return nullptr;
  const auto* context = static_cast<const connection::CoreContext*>(current->host());
  for (std::size_t i = 0; i < shards_.size(); i++)
    if (cores_[i] == context) return shards_[i].get();
  return nullptr;
}

std::optional<Error> Hub::Implementation::set_early_policy(std::string_view room,
                                                           std::optional<SlowConsumerPolicy> policy) {
  if (!server_) return Error::stopping;
  if (room.size() > options_.config.max_name_size) return Error::name_too_long;
  std::erase_if(options_.policies, [&](const auto& known) { return known.first == room; });
  if (!policy) return std::nullopt;
  // Nobody knows yet how many cores there will be: the bound of one holds for all.
  if (options_.policies.size() >= options_.config.max_room_policies) return Error::out_of_memory;
  options_.policies.emplace_back(room, *policy);
  return std::nullopt;
}

std::expected<void, Error> Hub::Implementation::post_broadcast(std::optional<std::string_view> room,
                                                               const hub::Content& content,
                                                               const BroadcastOptions& options) const {
  if (hub::Shard* shard = here()) return shard->broadcast(room, content, options);
  if (!attached()) return std::unexpected(Error::stopping);
  if (const auto error = hub::judge_message(content, options_.max_message_size)) return std::unexpected(*error);
  if (room && room->empty()) return std::unexpected(Error::invalid_argument);
  if (room && room->size() > options_.config.max_name_size) return std::unexpected(Error::name_too_long);
  const hub::HashedName name = room ? hub::hash_name(*room, options_.seed) : hub::HashedName{{}, 0};
  hub::ParcelPtr packed;
  try {
    packed = hub::pack_unpooled(name, content, options, options_.seed);
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error::out_of_memory);
  }
  const std::size_t home = hub::home_of_broadcast(room.has_value(), name.hash, gates_.size());
  const auto posted = gates_[home].get()->post(hub::Shard::envelope(hub::Broadcast{packed.get()}, number_));
  if (posted) (void)packed.release();
  return posted;
}

std::expected<void, Error> Hub::Implementation::post_errand(Errand f) const {
  if (!attached()) return std::unexpected(Error::stopping);
  auto owned = std::make_unique<Errand>(std::move(f));
  const auto posted = gates_.front().get()->post(hub::Shard::envelope(hub::RunErrand{owned.get()}, number_));
  if (posted) (void)owned.release();
  return posted;
}

// ---- the face

Hub::Hub(Server& server, const HubConfig& config) : implementation_(std::make_unique<Implementation>(server, config)) {}
Hub::~Hub() = default;

template <class T, class F>
HubCall<T> Hub::on_this_core(F&& f) {
  if (hub::Shard* shard = implementation_->here()) return HubCall<T>(f(*shard));
  return HubCall<T>(hub::Started::failed(implementation_->attached() ? Error::wrong_thread : Error::stopping));
}

HubCall<Registration> Hub::register_connection(std::string_view id, Connection& connection) {
  return on_this_core<Registration>(
      [&](hub::Shard& shard) { return shard.register_connection(id, static_cast<connection::Session&>(connection)); });
}

HubCall<void> Hub::unregister_connection(std::string_view id) {
  return on_this_core<void>([&](hub::Shard& shard) { return shard.ask_id(hub::AskId::What::unregister, id); });
}

HubCall<void> Hub::join_room(std::string_view room, std::string_view id) {
  return on_this_core<void>([&](hub::Shard& shard) { return shard.ask_id(hub::AskId::What::join, id, room); });
}

HubCall<void> Hub::leave_room(std::string_view room, std::string_view id) {
  return on_this_core<void>([&](hub::Shard& shard) { return shard.ask_id(hub::AskId::What::leave, id, room); });
}

HubCall<std::optional<ConnectionHandle>> Hub::find_connection(std::string_view id) {
  return on_this_core<std::optional<ConnectionHandle>>(
      [&](hub::Shard& shard) { return shard.ask_id(hub::AskId::What::find, id); });
}

std::expected<void, Error> Hub::broadcast(MessageType type, Bytes data, const BroadcastOptions& options) {
  return implementation_->post_broadcast(std::nullopt, {type, data}, options);
}

std::expected<void, Error> Hub::broadcast_to_room(std::string_view room, MessageType type, Bytes data,
                                                  const BroadcastOptions& options) {
  return implementation_->post_broadcast(room, {type, data}, options);
}

HubCall<std::size_t> Hub::broadcast(MessageType type, Bytes data, const BroadcastOptions& options, Counted) {
  return on_this_core<std::size_t>(
      [&](hub::Shard& shard) { return shard.broadcast_counted(std::nullopt, {type, data}, options); });
}

HubCall<std::size_t> Hub::broadcast_to_room(std::string_view room, MessageType type, Bytes data,
                                            const BroadcastOptions& options, Counted) {
  return on_this_core<std::size_t>(
      [&](hub::Shard& shard) { return shard.broadcast_counted(room, {type, data}, options); });
}

std::expected<void, Error> Hub::broadcast(const PreparedMessage& message, const BroadcastOptions& options) {
  return implementation_->post_broadcast(std::nullopt, hub::Content(message), options);
}

std::expected<void, Error> Hub::broadcast_to_room(std::string_view room, const PreparedMessage& message,
                                                  const BroadcastOptions& options) {
  return implementation_->post_broadcast(room, hub::Content(message), options);
}

HubCall<std::size_t> Hub::broadcast(const PreparedMessage& message, const BroadcastOptions& options, Counted) {
  return on_this_core<std::size_t>(
      [&](hub::Shard& shard) { return shard.broadcast_counted(std::nullopt, hub::Content(message), options); });
}

HubCall<std::size_t> Hub::broadcast_to_room(std::string_view room, const PreparedMessage& message,
                                            const BroadcastOptions& options, Counted) {
  return on_this_core<std::size_t>(
      [&](hub::Shard& shard) { return shard.broadcast_counted(room, hub::Content(message), options); });
}

HubCall<std::size_t> Hub::connection_count() {
  return on_this_core<std::size_t>([](hub::Shard& shard) { return shard.ask_all_cores(hub::Question::count); });
}

HubCall<std::size_t> Hub::room_connection_count(std::string_view room) {
  return on_this_core<std::size_t>([&](hub::Shard& shard) { return shard.ask_room(hub::Question::count, room); });
}

HubCall<std::vector<std::string>> Hub::rooms() {
  return on_this_core<std::vector<std::string>>(
      [](hub::Shard& shard) { return shard.ask_all_cores(hub::Question::names); });
}

HubCall<std::vector<std::string>> Hub::room_connections(std::string_view room) {
  return on_this_core<std::vector<std::string>>(
      [&](hub::Shard& shard) { return shard.ask_room(hub::Question::names, room); });
}

HubCall<void> Hub::set_room_policy(std::string_view room, std::optional<SlowConsumerPolicy> policy) {
  if (!implementation_->attached()) {
    hub::Started started;
    started.answer.error = implementation_->set_early_policy(room, policy);
    return HubCall<void>(std::move(started));
  }
  return on_this_core<void>([&](hub::Shard& shard) { return shard.set_policy(room, policy); });
}

}  // namespace brume
