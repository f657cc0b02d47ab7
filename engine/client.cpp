#include <atomic>
#include <string>
#include <vector>

#include <brume/codec/close_payload.h>
#include <brume/codec/utf8.h>
#include <brume/engine/client.h>
#include <brume/engine/client/client_core.h>
#include <brume/engine/client/feed.h>
#include <brume/engine/client/tls_contexts.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/server/extension.h>

namespace brume {

using client::ClientCore;
using client::Feed;

namespace {

Config with_one_core(Config config) {
  if (config.cores == 0) config.cores = 1;
  return config;
}

}  // namespace

class Client::Implementation final : public server::Extension {
 public:
  explicit Implementation(Server& server) : server_(&server) { server.add_extension(*this); }
  Implementation(Config config, io::Environment* world)
      : own_(world ? std::make_unique<Server>(*world, with_one_core(std::move(config)))
                   : std::make_unique<Server>(with_one_core(std::move(config)))),
        server_(own_.get()) {
    server_->add_extension(*this);
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
  virtual ~Implementation() {
    own_.reset();  // detaches
    if (!server_) return;
    server_->remove_extension(*this);
    detach();
  }

  void set_environment(io::Environment& environment) override { environment_ = &environment; }
  void attach(std::span<connection::CoreContext* const> cores, std::uint64_t) override {
    cores_->contexts.assign(cores.begin(), cores.end());
    for (connection::CoreContext* core : cores) {
      gates_.push_back(core->reactor.gate_ref());
      parts_.push_back(std::make_unique<ClientCore>(*core, *environment_));
    }
    cores_->number = parts_.front()->number();  // the same on all cores: what is added is added to each
  }
  void detach() override {
    if (!server_) return;
    server_->run_on_each_core([this](std::size_t index) {
      if (index < parts_.size()) parts_[index].reset();
    });
    server_ = nullptr;
  }

  Server* own() { return own_.get(); }
  Server* server() { return server_; }
  // Requires: both passed validate().
  std::expected<std::shared_ptr<Feed>, ConnectError> make_feed(std::string_view url, ConnectOptions options) {
    client::TlsContexts::Settings tls;
    if (codec::parse_url(url)->secure) {
      auto made = tls_.get(options.tls);
      if (!made) return std::unexpected(std::move(made.error()));
      tls = *std::move(made);
    }
    return std::make_shared<Feed>(url, std::move(options), std::move(tls), cores_);
  }
  std::uint32_t number() const { return cores_->number; }
  // The caller's own core where it is one of these, else each in turn; null before the start.
  const core::GateRef* gate() {
    if (gates_.empty()) return nullptr;
    if (const core::Reactor* reactor = core::Reactor::current())
      for (const core::GateRef& gate : gates_)
        if (gate.get() == reactor->gate_ref().get()) return &gate;
    return &gates_[turn_.fetch_add(1, std::memory_order_relaxed) % gates_.size()];
  }

 private:
  client::TlsContexts tls_;
  std::shared_ptr<client::Cores> cores_ = std::make_shared<client::Cores>();
  std::vector<core::GateRef> gates_;
  std::vector<std::unique_ptr<ClientCore>> parts_;
  io::Environment* environment_ = nullptr;
  std::atomic<std::size_t> turn_{0};
  std::unique_ptr<Server> own_;
  Server* server_;  // null once detached
};

Client::Client(Server& server) : implementation_(std::make_unique<Implementation>(server)) {}
Client::Client(Config config) : implementation_(std::make_unique<Implementation>(std::move(config), nullptr)) {}
Client::Client(io::Environment& world, Config config)
    : implementation_(std::make_unique<Implementation>(std::move(config), &world)) {}
Client::~Client() = default;

namespace {
SystemError not_own() {
  return {SystemError::Kind::wrong_state, 0, "this client runs on a server's cores"};
}
}  // namespace

std::expected<void, SystemError> Client::start() {
  Server* const own = implementation_->own();
  if (!own) return std::unexpected(not_own());
  if (auto prepared = own->prepare(); !prepared) return prepared;
  return own->start();
}
std::expected<bool, SystemError> Client::poll(std::chrono::nanoseconds budget) {
  Server* const own = implementation_->own();
  if (!own) return std::unexpected(not_own());
  if (!implementation_->gate())
    if (auto prepared = own->prepare(); !prepared) return std::unexpected(std::move(prepared.error()));
  return own->poll(budget);
}
void Client::stop(std::optional<std::chrono::milliseconds> deadline) {
  if (Server* own = implementation_->own()) own->stop(deadline);
}
void Client::wait() {
  if (Server* own = implementation_->own()) own->wait();
}

ConnectAwaiter Client::connect(std::string_view url, ConnectOptions options) {
  if (auto error = validate(url, options)) return {nullptr, std::move(error)};
  auto feed = implementation_->make_feed(url, std::move(options));
  if (!feed) return {nullptr, std::move(feed.error())};
  return {*std::move(feed), std::nullopt};
}

std::expected<ConnectHandle, ConnectError> Client::connect(std::string_view url, ConnectOptions options,
                                                           const WebSocketEndpoint& endpoint, Failed failed) {
  if (auto error = validate(url, options)) return std::unexpected(*std::move(error));
  if (auto wrong = validate(endpoint.bind(url, options.connection)->config)) {
    ConnectError error;
    error.cause = ConnectCause::invalid;
    error.text = std::move(wrong->text);
    return std::unexpected(std::move(error));
  }
  const core::GateRef* const gate = implementation_->gate();
  ConnectError refused;
  refused.cause = ConnectCause::stopping;
  refused.text = "the client has not been started";
  if (!gate) return std::unexpected(std::move(refused));
  auto made = implementation_->make_feed(url, std::move(options));
  if (!made) return std::unexpected(std::move(made.error()));
  const std::shared_ptr<Feed> feed = *std::move(made);
  feed->serve(endpoint, std::move(failed));
  const std::uint64_t id = feed->new_id();
  const auto posted =
      ClientCore::post(*gate, implementation_->number(), [feed, id](ClientCore& core) { core.start(feed, id); });
  if (posted) return ConnectHandle(*gate, implementation_->number(), id);
  refused.text = std::string(to_string(posted.error()));
  return std::unexpected(std::move(refused));
}

std::expected<void, Error> Client::run(std::function<Task<>()> make) {
  const core::GateRef* const gate = implementation_->gate();
  if (!gate) return std::unexpected(Error::stopping);
  return ClientCore::post(*gate, implementation_->number(),
                          [make = std::move(make)](ClientCore& core) { core.spawn(make); });
}

ServerStats Client::stats() const {
  Server* const server = implementation_->server();
  return server ? server->stats() : ServerStats{};
}

// ---- the handle

std::expected<void, Error> ConnectHandle::close(std::uint16_t code, std::string_view reason) const {
  if (!codec::is_sendable_close_code(code)) return std::unexpected(Error::invalid_close_code);
  if (!codec::is_valid_utf8(reason)) return std::unexpected(Error::invalid_utf8);
  try {
    return ClientCore::post(gate_, number_, [id = id_, code, text = std::string(reason)](ClientCore& core) {
      if (const auto feed = core.find(id)) (void)feed->close(code, text);
    });
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error::out_of_memory);
  }
}

std::expected<void, Error> ConnectHandle::post(core::InlineFunction<void(Connection&)> f) const {
  try {
    return ClientCore::post(gate_, number_, [id = id_, f = std::move(f)](ClientCore& core) mutable {
      const auto feed = core.find(id);
      if (feed && feed->connection()) static_cast<connection::Session&>(*feed->connection()).run_posted(f);
    });
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error::out_of_memory);
  }
}

}  // namespace brume
