#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdlib>
#include <latch>
#include <thread>

#include <brume/codec/http_error.h>
#include <brume/codec/violation.h>
#include <brume/engine/connection/tls_core.h>
#include <brume/engine/http/router.h>
#include <brume/engine/io/machine.h>
#include <brume/engine/server.h>
#include <brume/engine/server/admission.h>
#include <brume/engine/server/core.h>
#include <brume/engine/server/extension.h>
#include <brume/engine/server/listener_set.h>

namespace brume {

namespace {

// Connections of a core above its even share while hand-overs have not levelled it out.
constexpr std::size_t kBalanceMargin = 64;

SystemError wrong_state(std::string_view text) {
  return {SystemError::Kind::wrong_state, 0, std::string(text)};
}

// Requires: validate() passed.
std::vector<io::AddressRange> read_ranges(const std::vector<std::string>& texts) {
  std::vector<io::AddressRange> ranges;
  for (const std::string& text : texts) ranges.push_back(io::AddressRange::parse(text).value());
  return ranges;
}

// Config::io, else BRUME_IO, else whatever works.
std::expected<io::Backend, SystemError> choose_backend(const Config& config) {
  if (config.io) return *config.io;
  const char* wish = std::getenv("BRUME_IO");
  const std::string_view name = wish ? wish : "auto";
  if (name.empty() || name == "auto") return io::Backend::automatic;
  if (name == "io_uring") return io::Backend::io_uring;
  if (name == "epoll") return io::Backend::epoll;
  return std::unexpected(SystemError{SystemError::Kind::config, 0,
                                     "BRUME_IO is \"" + std::string(name) + "\", but must be auto, io_uring or epoll"});
}

}  // namespace

class Server::Implementation {
 public:
  Implementation(Config config, io::Environment* world)
      : config_(std::move(config)),
        machine_(world ? nullptr : std::make_unique<io::Machine>()),
        environment_(world ? *world : *machine_) {}
  ~Implementation();

  void add(http::Route route);
  void add(std::string_view path, WebSocketEndpoint endpoint);
  void add(std::string_view path, StaticFiles files);
  std::expected<void, SystemError> listen(std::string_view address);
  std::expected<void, SystemError> prepare();
  std::expected<void, SystemError> start();
  std::expected<bool, SystemError> poll(std::chrono::nanoseconds budget);
  void stop(std::chrono::milliseconds deadline, std::chrono::milliseconds spread);
  void wait();
  void add_extension(server::Extension& extension) { extensions_.push_back(&extension); }
  void remove_extension(server::Extension& extension) { std::erase(extensions_, &extension); }
  void run_on_each_core(const std::function<void(std::size_t)>& f);
  std::expected<void, SystemError> reload_tls();
  ServerStats stats() const;
  io::Address address() const { return listeners_.address(); }
  std::vector<std::string> addresses() const { return listeners_.addresses(); }
  const Config& config() const { return config_; }
  void set_log(LogFunction log) { config_.log = std::move(log); }
  std::size_t core_count() const { return cores_count_; }
  bool stopped() const;
  std::string_view io_name() const { return cores_.empty() ? std::string_view() : cores_.front()->io().name(); }

 private:
  enum class State : std::uint8_t { fresh, listening, running, stopped };

  // Keeps the first fault of a route for problem().
  void report(std::string_view path, std::optional<SystemError> error);
  // What is wrong with the routes and extensions so far.
  std::optional<SystemError> problem() const;
  std::expected<void, SystemError> resolve_config();
  // One for each core, all of one kind.
  std::expected<std::vector<std::unique_ptr<io::Io>>, SystemError> make_ios(io::IoOptions options);
  std::expected<void, SystemError> make_cores();
  std::expected<void, SystemError> read_tls();
  void log(LogLevel level, std::string_view line) const {
    if (config_.log) config_.log(level, line);
  }

  Config config_;
  std::unique_ptr<io::Machine> machine_;
  io::Environment& environment_;
  http::Router router_;
  http::Service service_{router_, config_, environment_, {}, {}};
  std::optional<SystemError> bad_route_;
  std::size_t cores_count_ = 1;
  server::ListenerSet listeners_{environment_};
  std::shared_ptr<tls::TicketKeys> ticket_keys_;  // outlive every reload: tickets stay good
  connection::TlsStore tls_;
  std::optional<server::Admission> admission_;
  std::vector<std::unique_ptr<server::Core>> cores_;
  std::vector<server::Extension*> extensions_;
  bool has_threads_ = false;
  // What stop() may look at from any thread: whether there are cores to tell.
  std::atomic<bool> stoppable_{false};
  State state_ = State::fresh;
};

Server::Implementation::~Implementation() {
  stop(std::chrono::milliseconds(0), std::chrono::milliseconds(0));
  wait();
  for (server::Extension* extension : std::exchange(extensions_, {})) extension->detach();
}

void Server::Implementation::add(http::Route route) {
  const std::string text = route.method + " " + route.path;
  if (state_ != State::fresh && state_ != State::listening) {  // cores are reading the routes
    return log(LogLevel::error, "route \"" + text + "\" comes too late: the server has been started");
  }
  if (!router_.add(std::move(route)) && !bad_route_) {
    bad_route_ = SystemError{SystemError::Kind::config, 0, "route \"" + text + "\" is taken or has a bad path"};
  }
}

void Server::Implementation::report(std::string_view path, std::optional<SystemError> error) {
  if (!error || bad_route_) return;
  error->text = "route \"" + std::string(path) + "\": " + error->text;
  bad_route_ = std::move(error);
}

std::optional<SystemError> Server::Implementation::problem() const {
  if (bad_route_) return bad_route_;
  for (const server::Extension* extension : extensions_)
    if (auto error = extension->problem()) return error;
  return std::nullopt;
}

void Server::Implementation::add(std::string_view path, StaticFiles files) {
  report(path, files.error());
  add(http::Route{std::string(path),
                  "GET",
                  [files = std::move(files)](Request& request) -> Task<Response> { co_return files(request); },
                  {}});
}

void Server::Implementation::add(std::string_view path, WebSocketEndpoint endpoint) {
  auto route = endpoint.bind(path, config_);
  report(path, validate(route->config));
  add(http::Route{std::string(path), "GET", {}, std::move(route)});
}

std::expected<void, SystemError> Server::Implementation::resolve_config() {
  const io::Environment::DescriptorLimit limit = environment_.descriptor_limit();
  if (auto error = validate(config_, limit.hard)) return std::unexpected(*std::move(error));
  if (auto error = problem()) return std::unexpected(*std::move(error));
  constexpr std::size_t kDescriptorReserve = 64;
  constexpr std::size_t kMostConnections = 1'000'000;
  if (config_.max_connections == 0) {
    const std::size_t reachable = limit.soft > kDescriptorReserve ? limit.soft - kDescriptorReserve : kMostConnections;
    config_.max_connections = std::min(kMostConnections, reachable);
  }
  if (config_.memory_limit == 0) config_.memory_limit = environment_.available_memory() / 4 * 3;
  service_.proxy_protocol = read_ranges(config_.proxy_protocol);
  service_.trusted_proxies = read_ranges(config_.trusted_proxies);
  cores_count_ = config_.cores != 0 ? config_.cores : environment_.available_cores();
  return {};
}

std::expected<void, SystemError> Server::Implementation::listen(std::string_view text) {
  if (state_ != State::fresh && state_ != State::listening)
    return std::unexpected(wrong_state("listen() comes before start()"));
  if (state_ == State::fresh)
    if (auto resolved = resolve_config(); !resolved) return resolved;
  if (state_ == State::fresh)
    if (auto read = read_tls(); !read) return read;
  if (auto opened = listeners_.open(text, cores_count_, config_); !opened) return opened;
  state_ = State::listening;
  return {};
}

std::expected<std::vector<std::unique_ptr<io::Io>>, SystemError> Server::Implementation::make_ios(
    io::IoOptions options) {
  std::vector<std::unique_ptr<io::Io>> ios;
  std::string notice;
  while (ios.size() < cores_count_) {
    auto made = environment_.make_io(ios.size(), options);
    if (!made) return std::unexpected(std::move(made.error()));
    if (!made->notice.empty()) notice = std::move(made->notice);
    // They hand sockets to each other: where there is memory for the rings of some cores only, none has one.
    if (!ios.empty() && made->io->name() != ios.front()->name()) {
      ios.clear();
      options.backend = io::Backend::epoll;
      continue;
    }
    ios.push_back(std::move(made->io));
  }
  if (!notice.empty()) log(LogLevel::warning, notice);
  log(LogLevel::info, ios.front()->describe());
  return ios;
}

std::expected<void, SystemError> Server::Implementation::prepare() {
  if (state_ != State::fresh) return std::unexpected(wrong_state("prepare() comes instead of listen(), and once"));
  if (auto resolved = resolve_config(); !resolved) return resolved;
  state_ = State::listening;
  return {};
}

std::expected<void, SystemError> Server::Implementation::read_tls() {
  if (!config_.tls) return {};
  if (!ticket_keys_) ticket_keys_ = std::make_shared<tls::TicketKeys>(config_.tls->ticket_key_interval);
  auto context = tls::TlsContext::for_server(*config_.tls, ticket_keys_);
  if (!context) return std::unexpected(std::move(context.error()));
  tls_.set(*std::move(context));
  return {};
}

std::expected<void, SystemError> Server::Implementation::reload_tls() {
  if (!config_.tls) return std::unexpected(wrong_state("there is no TLS to reload"));
  if (!stoppable_.load(std::memory_order_acquire)) return std::unexpected(wrong_state("reload_tls() needs start()"));
  auto read = read_tls();
  if (read) {
    log(LogLevel::info, "TLS: certificates were read anew");
  } else {
    log(LogLevel::error, "TLS: the certificates before stay in use: " + read.error().text);
  }
  return read;
}

std::expected<void, SystemError> Server::Implementation::make_cores() {
  if (state_ != State::listening) return std::unexpected(wrong_state("start() needs one listen() before it"));
  if (auto error = problem()) return std::unexpected(*std::move(error));  // of what came after listen()
  const auto backend = choose_backend(config_);
  if (!backend) return std::unexpected(backend.error());
  admission_.emplace(config_.max_connections, config_.max_connections_per_address);
  // A core may come to hold a good deal more than its even share before hand-overs level it out.
  const std::size_t share = config_.max_connections / cores_count_;
  io::IoOptions io_options;
  io_options.backend = *backend;
  const std::size_t most = cores_count_ == 1 ? config_.max_connections
                                             : std::min(config_.max_connections, share + share / 2 + kBalanceMargin);
  const std::size_t limit = environment_.descriptor_limit().soft;
  io_options.max_sockets = most + server::Core::kRefusalReserve;
  if (limit != 0) io_options.max_sockets = std::min(io_options.max_sockets, limit);
  auto ios = make_ios(io_options);
  if (!ios) return std::unexpected(std::move(ios.error()));
  for (std::size_t i = 0; i < cores_count_; i++) {
    server::Core::Options options;
    options.index = i;
    options.max_sockets = most;
    if (config_.tls) options.tls = &tls_;
    options.reactor.busy_poll = config_.busy_poll;
    options.reactor.explain_turns = config_.slow_turn.count() != 0;
    options.reactor.memory_limit = config_.memory_limit / cores_count_;
    cores_.push_back(std::make_unique<server::Core>(std::move((*ios)[i]), options, service_, *admission_));
  }
  for (std::size_t i = 0; i < cores_count_; i++) {
    cores_[i]->set_peers(cores_);
    for (const io::ListenerHandle listener : listeners_.take(i)) cores_[i]->add_listener(listener);
  }
  std::vector<connection::CoreContext*> contexts;
  for (const auto& core : cores_) contexts.push_back(&core->context());
  for (server::Extension* extension : extensions_) extension->set_environment(environment_);
  for (server::Extension* extension : extensions_) extension->attach(contexts, environment_.random());
  stoppable_.store(true, std::memory_order_release);  // pairs with the load in stop(): the cores are all there
  state_ = State::running;
  return {};
}

std::expected<void, SystemError> Server::Implementation::start() {
  if (auto made = make_cores(); !made) return made;
  has_threads_ = machine_ != nullptr;
  for (std::size_t i = 0; i < cores_count_; i++) {
    if (auto started = environment_.start(i, *cores_[i], config_.pin_cores); !started) {
      for (std::size_t left = i; left < cores_count_; left++) cores_[left]->leave_out();
      stop(std::chrono::milliseconds(0), std::chrono::milliseconds(0));
      wait();
      return started;
    }
  }
  return {};
}

std::expected<bool, SystemError> Server::Implementation::poll(std::chrono::nanoseconds budget) {
  if (state_ == State::listening) {
    if (cores_count_ != 1) {
      return std::unexpected(SystemError{SystemError::Kind::config, 0, "poll() needs cores = 1"});
    }
    if (auto made = make_cores(); !made) return std::unexpected(std::move(made.error()));
  }
  if (state_ != State::running) return std::unexpected(wrong_state("poll() needs one listen() before it"));
  return cores_.front()->turn(budget);
}

void Server::Implementation::stop(std::chrono::milliseconds deadline, std::chrono::milliseconds spread) {
  if (!stoppable_.load(std::memory_order_acquire)) return;
  for (const auto& core : cores_) core->post_stop(deadline, spread);
}

void Server::Implementation::wait() {
  if (state_ != State::running) return;
  std::vector<const io::Driven*> own;
  for (const auto& core : cores_) own.push_back(core.get());
  environment_.join_these(own);
  has_threads_ = false;
  // Cores that no thread has turned to their end take their last turns here.
  for (bool more = true; more;) {
    more = false;
    for (const auto& core : cores_) more |= core->turn(std::chrono::milliseconds(1));
  }
  state_ = State::stopped;
}

void Server::Implementation::run_on_each_core(const std::function<void(std::size_t)>& f) {
  struct Visit {
    const std::function<void(std::size_t)>* f;
    server::Core* core;
    std::size_t index;
    std::latch* done;
    void run() const {
      const core::Reactor::Entered entered(core->context().reactor);
      (*f)(index);
      done->count_down();
    }
  };
  std::latch done(static_cast<std::ptrdiff_t>(cores_.size()));
  for (std::size_t i = 0; i < cores_.size(); i++) {
    server::Core& core = *cores_[i];
    const Visit visit{&f, &core, i, &done};
    // With a null host too: then its core's thread is at its end, and still the one that may do this.
    const auto run = [](void*, std::byte* payload) noexcept { core::Envelope::read<Visit>(payload).run(); };
    std::expected<void, Error> posted = std::unexpected(Error::stopping);
    if (has_threads_) {
      while (!(posted = core.context().reactor.gate().post(core::Envelope::make(run, visit))) &&
             posted.error() == Error::queue_full)
        std::this_thread::yield();
      while (!posted && !core.stopped()) std::this_thread::yield();
    }
    if (!posted) visit.run();
  }
  done.wait();
}

bool Server::Implementation::stopped() const {
  if (!stoppable_.load(std::memory_order_acquire)) return false;
  return std::ranges::all_of(cores_, [](const auto& core) { return core->stopped(); });
}

ServerStats Server::Implementation::stats() const {
  ServerStats stats;
  if (!stoppable_.load(std::memory_order_acquire)) return stats;
  const auto add_refused = [&](std::string_view rule, std::uint64_t count) {
    if (count == 0) return;
    for (auto& [name, sum] : stats.refused) {
      if (name != rule) continue;
      sum += count;
      return;
    }
    stats.refused.emplace_back(rule, count);
  };
  for (const auto& core : cores_) {
    const connection::Counters& counters = core->counters();
    stats.accepted += counters.accepted.get();
    stats.sockets += counters.sockets.get();
    stats.connections += counters.connections.get();
    stats.upgrades += counters.upgrades.get();
    stats.requests += counters.requests.get();
    stats.messages_received += counters.messages_received.get();
    stats.messages_sent += counters.messages_sent.get();
    stats.compressions += counters.compressions.get();
    stats.bytes_received += counters.bytes_received.get();
    stats.bytes_sent += counters.bytes_sent.get();
    stats.tls_handshakes += counters.tls_handshakes.get();
    stats.tls_resumed += counters.tls_resumed.get();
    stats.handed_over += counters.handed_over.get();
    for (const codec::ViolationInfo& rule : codec::violations())
      add_refused(rule.name, counters.violations[static_cast<std::size_t>(rule.violation)].get());
    for (const codec::HttpErrorInfo& rule : codec::http_errors())
      add_refused(rule.name, counters.http_errors[static_cast<std::size_t>(rule.error)].get());
    for (const codec::ProxyErrorInfo& rule : codec::proxy_errors())
      add_refused(rule.name, counters.proxy_errors[static_cast<std::size_t>(rule.error)].get());
    add_refused("dropped_newest", counters.dropped_newest.get());
    add_refused("dropped_oldest", counters.dropped_oldest.get());
    add_refused("dropped_replaced", counters.dropped_replaced.get());
    for (std::size_t i = 0; i < connection::kRefusalCount; i++)
      add_refused(to_string(static_cast<connection::Refusal>(i)), counters.refusals[i].get());
  }
  return stats;
}

// ---- the face

Server::Server(Config config) : implementation_(std::make_unique<Implementation>(std::move(config), nullptr)) {}
Server::Server(io::Environment& world, Config config)
    : implementation_(std::make_unique<Implementation>(std::move(config), &world)) {}
Server::~Server() = default;

void Server::get(std::string_view path, WebSocketEndpoint endpoint) {
  implementation_->add(path, std::move(endpoint));
}
void Server::get(std::string_view path, StaticFiles files) {
  implementation_->add(path, std::move(files));
}
void Server::route(std::string_view method, std::string_view path, Handler handler) {
  implementation_->add(http::Route{std::string(path), std::string(method), std::move(handler), {}});
}
std::expected<void, SystemError> Server::listen(std::string_view address) {
  return implementation_->listen(address);
}
std::expected<void, SystemError> Server::prepare() {
  return implementation_->prepare();
}
io::Address Server::address() const {
  return implementation_->address();
}
std::vector<std::string> Server::addresses() const {
  return implementation_->addresses();
}
std::expected<void, SystemError> Server::start() {
  return implementation_->start();
}
std::expected<bool, SystemError> Server::poll(std::chrono::nanoseconds budget) {
  return implementation_->poll(budget);
}
void Server::stop(std::optional<std::chrono::milliseconds> deadline, std::optional<std::chrono::milliseconds> spread) {
  implementation_->stop(deadline.value_or(config().drain_timeout), spread.value_or(config().drain_spread));
}
void Server::wait() {
  implementation_->wait();
}
void Server::add_extension(server::Extension& extension) {
  implementation_->add_extension(extension);
}
void Server::remove_extension(server::Extension& extension) {
  implementation_->remove_extension(extension);
}
void Server::run_on_each_core(const std::function<void(std::size_t)>& f) {
  implementation_->run_on_each_core(f);
}
std::expected<void, SystemError> Server::reload_tls() {
  return implementation_->reload_tls();
}
ServerStats Server::stats() const {
  return implementation_->stats();
}
const Config& Server::config() const {
  return implementation_->config();
}
void Server::set_log(LogFunction log) {
  implementation_->set_log(std::move(log));
}
std::size_t Server::core_count() const {
  return implementation_->core_count();
}
bool Server::stopped() const {
  return implementation_->stopped();
}
std::string_view Server::io_name() const {
  return implementation_->io_name();
}

}  // namespace brume
