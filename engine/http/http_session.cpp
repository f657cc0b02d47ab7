#include <algorithm>
#include <cassert>
#include <chrono>
#include <new>
#include <utility>

#include <brume/codec/handshake.h>
#include <brume/codec/http_authority.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/core/task.h>
#include <brume/engine/http/forwarded.h>
#include <brume/engine/http/http_date.h>
#include <brume/engine/http/http_session.h>
#include <brume/engine/http/owned_request.h>
#include <brume/engine/http/upgrader.h>

namespace brume::http {

using codec::HttpError;
using connection::End;

namespace {
// Bytes of answers that may wait to be sent while the next pipelined request is served: a peer that asks and does not
// read holds that much and one answer, not one answer for each line it sent.
constexpr std::size_t kMaxUnsentAnswers = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// RFC 9110, sections 8.6 and 15.4.5: with these there is no content, and Content-Length would describe another answer.
bool has_no_content(std::uint16_t status) {
  return status == 204 || status == 304;
}

}  // namespace

HttpSession::HttpSession(connection::Transport& transport, const Service& service, Time accepted,
                         std::string_view proxied)
    : context_(transport.context()),
      transport_(&transport),
      service_(service),
      proxied_(proxied),
      deadline_(accepted + service.config.handshake_timeout) {
  if (auto tls = transport.tls_info()) tls_ = std::make_unique<const TlsInfo>(*std::move(tls));
}

HttpSession::~HttpSession() {
  if (task_) destroy_task(task_);
  context_.reactor.ledger().sub(core::Ledger::Kind::messages, counted_);
}

HttpSession& HttpSession::open(connection::Transport& transport, const Service& service, Time accepted,
                               std::string_view proxied) {
  void* memory = transport.context().reactor.frames().allocate(sizeof(HttpSession));
  HttpSession* session = nullptr;
  try {
    session = new (memory) HttpSession(transport, service, accepted, proxied);
  } catch (...) {
    core::FramePool::deallocate(memory);
    throw;
  }
  transport.set_protocol(*session);
  transport.wake_by(session->deadline_);
  return *session;
}

core::Reactor& HttpSession::reactor() {
  return context_.reactor;
}

// ---- reading

std::size_t HttpSession::on_input(std::span<std::byte> input) {
  if (state_ == State::ended) return input.size();
  reactor().serve(route_name());
  if (state_ == State::head) return read_head(input);
  if (state_ == State::body) return read_body(input);
  transport_->pause();  // the next request waits for this one's answer
  return 0;
}

std::size_t HttpSession::read_head(std::span<std::byte> input) {
  if (buffer_.empty() && deadline_ == idle_deadline_) {
    // A later request's time counts from its first byte.
    deadline_ = reactor().now() + service_.config.handshake_timeout;
    transport_->wake_by(deadline_);
  }
  const std::size_t before = buffer_.size();
  buffer_.append(reinterpret_cast<const char*>(input.data()), input.size());
  account();
  const codec::HeadLimits limits{service_.config.max_head_size, service_.config.max_headers};
  const auto size = scanner_.scan(std::as_bytes(std::span(buffer_)), limits);
  if (!size) {
    refuse(size.error());
    return input.size();
  }
  if (!*size) return input.size();
  buffer_.resize(**size);
  on_head();
  return **size - before;
}

void HttpSession::on_head() {
  const codec::HeadLimits limits{service_.config.max_head_size, service_.config.max_headers};
  fields_.resize(
      std::min(limits.max_headers, static_cast<std::size_t>(std::count(buffer_.begin(), buffer_.end(), '\n'))));
  const auto head = codec::parse_request_head(buffer_, fields_, limits);
  if (!head) return refuse(head.error());
  head_ = *head;
  keep_alive_ = head_.keep_alive();
  if (is_misdirected()) return refuse(HttpError::misdirected_request);
  auto match = service_.router.find(head_.method, head_.path, parameters_);
  if (!match.route) {
    if (match.allow.empty()) return refuse(HttpError::not_found);
    return refuse(HttpError::method_not_allowed, std::move(match.allow));
  }
  route_ = match.route;
  if (route_->websocket) return dispatch();  // which judges the body's framing among the rest
  const auto framing = codec::body_framing(head_);
  if (!framing) return refuse(framing.error());
  if (framing->empty()) return dispatch();
  if (head_.method == "GET" || head_.method == "HEAD") return refuse(HttpError::body_on_get);
  if (!framing->chunked && framing->content_length > service_.config.max_body_size) {
    return refuse(HttpError::body_too_large);
  }
  state_ = State::body;
  body_decoder_.emplace(*framing, service_.config.max_body_size);
  // RFC 9110, section 10.1.1: the peer holds the body back until it hears that it is wanted.
  if (expects_continue()) write(kContinue, {});
}

bool HttpSession::expects_continue() const {
  return head_.version_minor >= 1 && head_.has_token("Expect", "100-continue");
}

bool HttpSession::is_misdirected() const {
  if (!tls_ || tls_->server_name.empty() || !service_.config.tls->check_host) return false;
  const auto authority = codec::parse_authority(head_.authority);
  if (!authority) return true;
  std::string_view host = authority->host;
  if (host.ends_with('.')) host.remove_suffix(1);  // which a name asked for never has (RFC 6066, section 3)
  return !codec::equals_ignore_case(host, tls_->server_name);
}

std::size_t HttpSession::read_body(std::span<std::byte> input) {
  std::span<const std::byte> rest = input;
  for (;;) {
    const auto run = body_decoder_->next(rest);
    if (!run) {
      refuse(run.error());
      return input.size();
    }
    body_.append(reinterpret_cast<const char*>(run->data()), run->size());
    if (run->empty() || body_decoder_->done()) break;
  }
  account();
  if (body_decoder_->done()) dispatch();
  return input.size() - rest.size();
}

// ---- answering

void HttpSession::dispatch() {
  reactor().serve(route_name());
  state_ = State::handling;
  request_.emplace(head_, as_bytes(body_), transport_->peer(), parameters_,
                   read_forwarded(head_, transport_->peer(), service_.trusted_proxies, proxied_), tls_.get());
  if (route_->websocket) return respond(judge(*request_, route_->websocket));
  begin(run_handler());
}

core::Task<void> HttpSession::run_handler() {
  const Response response = co_await route_->handler(*request_);
  // A decision that comes after the connection went is a decision about nothing.
  if (transport_ && state_ == State::handling) respond(response);
}

void HttpSession::on_task_done(void*, std::exception_ptr exception) noexcept {
  task_ = nullptr;
  if (exception) on_exception(std::move(exception));
  free_if_done();
}

void HttpSession::on_exception(std::exception_ptr exception) noexcept {
  if (!transport_) return;
  const auto refusal = context_.note_exception(exception, route_name(), &transport_->peer());
  if (state_ == State::ended) return;
  try {
    keep_alive_ = false;
    const bool no_memory = refusal == connection::Refusal::out_of_memory;
    respond(Response::of(no_memory ? HttpError::over_capacity : HttpError::internal_error));
  } catch (...) {
    transport_->abort(End::memory);
  }
}

void HttpSession::respond(const Response& response) {
  if (!response.valid()) {
    context_.log.event(LogLevel::error, reactor().now(), "invalid_response_field", &transport_->peer(), route_name());
    keep_alive_ = false;
    return respond(Response::of(HttpError::internal_error));
  }
  // A WebSocket connection that began now would not hear that it has to close.
  if (response.upgrade() && context_.stopping) return refuse(HttpError::draining);
  context_.counters.requests.add();
  if (response.upgrade()) return upgrade(response);
  if (response.error()) {
    const codec::HttpErrorInfo& rule = codec::info(*response.error());
    context_.counters.http_errors[static_cast<std::size_t>(rule.error)].add();
    context_.log.event(LogLevel::info, reactor().now(), rule.name, &transport_->peer(), rule.message);
  }
  const bool keep = keep_alive_ && !response.error() && !context_.stopping;
  write_response(response, keep, head_.method == "HEAD");
  if (!keep) return end();
  next_request();
}

void HttpSession::refuse(HttpError error, std::string allow) {
  Response response = Response::of(error);
  if (!allow.empty()) response.header("Allow", allow);
  respond(response);
}

void HttpSession::write_response(const Response& response, bool keep_alive, bool head_only) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status()) + ' ';
  head += codec::reason_phrase(response.status());
  // RFC 9110, section 6.6.1: who has a clock says when.
  const auto now = std::chrono::floor<std::chrono::seconds>(service_.environment.wall_clock());
  head.append("\r\nDate: ").append(format_date(now)).append("\r\n");
  for (const auto& [name, value] : response.headers()) head.append(name).append(": ").append(value).append("\r\n");
  const bool contentless = has_no_content(response.status());
  if (!contentless) head += "Content-Length: " + std::to_string(response.body().size()) + "\r\n";
  if (!keep_alive) {
    // RFC 9110, section 7.8: who sends Upgrade says so in Connection.
    head += response.status() == 426 ? "Connection: close, Upgrade\r\n" : "Connection: close\r\n";
  } else if (head_.version_minor == 0) {
    head += "Connection: keep-alive\r\n";  // which HTTP/1.0 does not take for granted (RFC 9112, appendix C.2.2)
  }
  head += "\r\n";
  write(head, head_only || contentless ? Bytes() : as_bytes(response.body()));
}

void HttpSession::write(std::string_view head, Bytes body) {
  const auto room = transport_->outbox().append(context_.reactor.blocks(), head.size() + body.size(),
                                                connection::Outbox::Content::raw, service_.config.write_buffer_size);
  std::ranges::copy(body, std::ranges::copy(as_bytes(head), room.begin()).out);
  transport_->request_flush();
}

void HttpSession::upgrade(const Response& response) {
  const auto key = codec::judge_upgrade(head_);
  assert(key);
  const auto accept = codec::accept_key(*key);
  std::vector<codec::HeaderField> extra;
  for (const auto& [name, value] : response.headers()) extra.push_back({name, value});
  std::string extension;
  connection::AgreedDeflate agreed;
  if (auto deflate = response.deflate()) {
    // No windows for newcomers where memory is short.
    const bool short_of_memory = reactor().ledger().above_limit();
    deflate->settings.server_no_context_takeover |= short_of_memory;
    deflate->settings.client_no_context_takeover |= short_of_memory;
    codec::append_deflate_answer(extension, *deflate);
    extra.push_back({"Sec-WebSocket-Extensions", extension});
    agreed = connection::AgreedDeflate::of_server(deflate->settings);
  }
  std::string head;
  // RFC 9110, section 7.8: who expects it hears 100 before 101, though an upgrade has no body.
  if (expects_continue()) head = kContinue;
  codec::append_switching_protocols(head, {accept.data(), accept.size()}, response.subprotocol(), extra);
  std::shared_ptr<const Request> kept;
  if (response.upgrade()->config.keep_request) kept = copy_request(*request_, buffer_);
  transport_->resume();
  connection::Session::open(*transport_, response.upgrade(), *request_, std::move(kept), response.subprotocol(), head,
                            agreed);
  state_ = State::ended;
  transport_ = nullptr;
  detached_ = true;
  free_if_done();
}

void HttpSession::next_request() {
  request_.reset();
  head_ = {};  // its views end with the buffer's content: a refusal before the next head is whole must not look at them
  body_decoder_.reset();
  // Not cleared but given back: an idle connection holds no memory.
  std::string().swap(body_);
  std::string().swap(buffer_);
  scanner_.reset();
  route_ = nullptr;
  state_ = State::head;
  account();
  idle_deadline_ = deadline_ = reactor().now() + service_.config.keep_alive_timeout;
  transport_->wake_by(deadline_);
  transport_->outbox().size() > kMaxUnsentAnswers ? transport_->pause() : transport_->resume();
}

void HttpSession::on_output_progress() {
  if (state_ == State::ended && transport_->outbox().empty()) return end();
  if (state_ != State::head) return;
  // A connection whose answer is still being read is not idle; write_timeout watches it.
  if (buffer_.empty() && deadline_ == idle_deadline_) {
    idle_deadline_ = deadline_ = reactor().now() + service_.config.keep_alive_timeout;
  }
  if (transport_->outbox().size() <= kMaxUnsentAnswers) transport_->resume();
}

void HttpSession::account() {
  const std::size_t held = buffer_.capacity() + body_.capacity();
  core::Ledger& ledger = reactor().ledger();
  ledger.sub(core::Ledger::Kind::messages, counted_);
  ledger.add(core::Ledger::Kind::messages, held);
  counted_ = held;
}

// The time to close counts once the last answer is sent: sending it takes as long as the peer goes on reading.
void HttpSession::end() {
  state_ = State::ended;
  if (!transport_->outbox().empty()) return transport_->resume();  // what still comes is dropped
  transport_->end(reactor().now() + service_.config.close_timeout);
}

// ---- ends

HttpSession::Time HttpSession::on_deadline(Time now) {
  if (state_ == State::ended) return Time::max();
  if (now < deadline_) return deadline_;
  if (state_ == State::head && buffer_.empty() && idle_deadline_ == deadline_) {
    end();  // an idle connection, closed without a word
  } else {
    refuse(state_ == State::handling ? HttpError::internal_error : HttpError::request_timeout);
  }
  return Time::max();
}

void HttpSession::on_end(End end_kind) {
  if (end_kind != End::fin) {
    state_ = State::ended;
  } else if (state_ == State::handling) {
    keep_alive_ = false;  // a peer that ended its sending direction may still read the answer
  } else if (state_ != State::ended) {
    end();  // an unfinished head is never served; an answer on its way still goes out
  }
}

void HttpSession::on_stop() {
  if (state_ == State::head && buffer_.empty()) return end();
  keep_alive_ = false;
}

void HttpSession::on_detached() {
  transport_ = nullptr;
  state_ = State::ended;
  cancel();  // may end the handler: not before this may the session go
  detached_ = true;
  if (free_if_done()) return;
  try {
    context_.lingering.add(*this, context_.reactor.now() + service_.config.close_timeout);
  } catch (const std::bad_alloc&) {
    give_up();
  }
}

bool HttpSession::free_if_done() {
  if (!detached_ || task_) return false;
  context_.lingering.remove(*this);
  this->~HttpSession();
  core::FramePool::deallocate(this);
  return true;
}

void HttpSession::give_up() {
  if (task_) destroy_task(std::exchange(task_, nullptr));
  free_if_done();
}

std::string_view HttpSession::route_name() const {
  return route_ ? std::string_view(route_->path) : "(no route)";
}

}  // namespace brume::http
