#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <brume/engine/client/upgrade_session.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/log.h>
#include <brume/engine/connection/session.h>

namespace brume::client {

using connection::End;

namespace {
constexpr std::size_t kMaxFields = 100;
constexpr std::uint16_t kSwitching = 101;

bool is_about_extensions(codec::ResponseError rule) {
  return rule == codec::ResponseError::malformed_extensions || rule == codec::ResponseError::unexpected_extension;
}

}  // namespace

UpgradeSession::UpgradeSession(connection::Transport& transport, Owner& owner, const codec::Url& url,
                               const ConnectOptions& options, connection::RouteRef route)
    : context_(transport.context()),
      transport_(&transport),
      owner_(&owner),
      url_(url),
      options_(options),
      route_(std::move(route)) {}

UpgradeSession& UpgradeSession::open(connection::Transport& transport, Owner& owner, const codec::Url& url,
                                     const ConnectOptions& options, connection::RouteRef route) {
  auto* const session = new UpgradeSession(transport, owner, url, options, std::move(route));
  try {
    session->key_ = codec::encode_key(session->context_.masks.draw<codec::kNonceSize>());
    session->offer_compression();
    session->send_request();
  } catch (...) {
    delete session;
    throw;
  }
  transport.set_protocol(*session);
  transport.request_flush();
  return *session;
}

core::Reactor& UpgradeSession::reactor() {
  return context_.reactor;
}

codec::UpgradeRequest UpgradeSession::request() const {
  return {.authority = url_.authority,
          .resource = url_.resource,
          .key = {key_.data(), key_.size()},
          .subprotocols = options_.subprotocols,
          .extensions = extensions_,
          .headers = options_.headers};
}

void UpgradeSession::offer_compression() {
  const Compression& wanted = route_->config.compression;
  if (!wanted.enabled) return;
  // No windows for newcomers where memory is short.
  const bool short_of_memory = context_.reactor.ledger().above_limit();
  offer_ =
      codec::DeflateOffer{.settings = {.server_no_context_takeover = !wanted.server_context_takeover || short_of_memory,
                                       .client_no_context_takeover = !wanted.client_context_takeover || short_of_memory,
                                       .server_max_window_bits = wanted.server_max_window_bits,
                                       .client_max_window_bits = wanted.client_max_window_bits},
                          .window_may_be_limited = true};
  codec::append_deflate_offer(extensions_, *offer_);
}

void UpgradeSession::send_request() {
  std::string text;
  codec::append_upgrade_request(text, request());
  const auto room = transport_->outbox().append(context_.reactor.blocks(), text.size(),
                                                connection::Outbox::Content::raw, text.size());
  std::memcpy(room.data(), text.data(), text.size());
}

std::size_t UpgradeSession::on_input(std::span<std::byte> input) {
  const std::size_t size = input.size();
  if (state_ == State::head) return read_head(input);
  if (state_ == State::body) read_body(input);
  return size;
}

std::size_t UpgradeSession::read_head(std::span<const std::byte> input) {
  const std::size_t before = buffer_.size();
  buffer_.append(reinterpret_cast<const char*>(input.data()), input.size());
  const codec::HeadLimits limits{options_.max_head_size - interim_size_, kMaxFields};
  const auto size = scanner_.scan(std::as_bytes(std::span(buffer_)), limits);
  if (!size) {
    const auto rule = codec::response_error(size.error());
    fail(std::string(to_string(rule)), ConnectCause::failed, rule);
    return input.size();
  }
  if (!*size) return input.size();
  const std::size_t taken = **size - before;  // the rest is another protocol's, or a body
  codec::unfold_fields(std::span(buffer_).first(**size));
  judge(std::string_view(buffer_).substr(0, **size));
  return taken;  // from here on this object may be gone
}

void UpgradeSession::judge(std::string_view text) {
  std::array<codec::HeaderField, kMaxFields> storage;
  const auto head = codec::parse_response_head(text, storage);
  if (!head) return fail(std::string(to_string(head.error())), ConnectCause::failed, head.error());
  if (head->status < 200 && head->status != kSwitching) {
    // An interim answer (RFC 9110, section 15.2): the one that counts follows, within the same limit.
    interim_size_ += text.size();
    if (interim_size_ >= options_.max_head_size) {
      return fail("too many interim answers", ConnectCause::failed, codec::ResponseError::head_too_large);
    }
    scanner_.reset();
    buffer_.clear();
    return;
  }
  const auto subprotocol = codec::judge_response(*head, request());
  if (!subprotocol && subprotocol.error() == codec::ResponseError::not_switching) return begin_body(*head);
  const auto deflate = codec::judge_deflate_answer(head->fields, offer_ ? &*offer_ : nullptr);
  std::optional<codec::ResponseError> rule;
  if (!subprotocol) rule = subprotocol.error();
  if (!deflate && (!rule || is_about_extensions(*rule))) {
    refusal_.deflate_rule = deflate.error();
    if (!rule) rule = codec::ResponseError::wrong_extension;
  }
  if (rule) {
    refusal_.status = head->status;
    std::string what(to_string(*rule));
    if (refusal_.deflate_rule) what.append(": ").append(to_string(*refusal_.deflate_rule));
    return fail(std::move(what), ConnectCause::failed, rule);
  }
  state_ = State::ended;  // the handler may do anything, also end the client
  try {
    const auto agreed = *deflate ? connection::AgreedDeflate::of_client(**deflate) : connection::AgreedDeflate();
    connection::Session::open_client(*transport_, route_, *subprotocol, agreed);
  } catch (...) {
    state_ = State::head;
    throw;
  }
  Owner* const owner = std::exchange(owner_, nullptr);
  delete this;
  if (owner) owner->on_upgraded();
}

// What the server says about its refusal is kept: status, headers, and the beginning of the body.
void UpgradeSession::begin_body(const codec::ResponseHead& head) {
  refusal_.status = head.status;
  for (const codec::HeaderField& field : head.fields) refusal_.headers.emplace_back(field.name, field.value);
  refusal_.text = "the server refused the upgrade: " + std::to_string(head.status);
  if (!head.reason.empty()) refusal_.text += " " + connection::escape_for_log(head.reason);
  refusal_.rule = codec::ResponseError::not_switching;
  state_ = State::body;
  const bool framed = head.field("Content-Length") || head.field("Transfer-Encoding");
  const auto framing = codec::body_framing(head.as_request());
  const bool has_none = head.status == 204 || head.status == 304;
  if (has_none || (framed && (!framing || framing->empty()))) return refuse();
  if (framed) body_decoder_.emplace(*framing, std::size_t{1} << 30);
}

void UpgradeSession::read_body(std::span<const std::byte> input) {
  const auto keep = [this](std::span<const std::byte> bytes) {
    const std::size_t size = std::min(bytes.size(), ConnectError::kMaxBody - refusal_.body.size());
    refusal_.body.append(reinterpret_cast<const char*>(bytes.data()), size);
    return refusal_.body.size() < ConnectError::kMaxBody;
  };
  if (!body_decoder_) {  // until the connection ends
    if (!keep(input)) refuse();
    return;
  }
  for (;;) {
    const auto run = body_decoder_->next(input);
    if (!run || (run->empty() && body_decoder_->done())) return refuse();
    if (run->empty()) return;
    if (!keep(*run)) return refuse();
  }
}

void UpgradeSession::on_end(End end) {
  if (state_ == State::ended) return;
  if (end == End::memory) return fail("out of memory");
  if (end == End::write_timeout) return fail("the server did not take the request", ConnectCause::timed_out);
  fail(end == End::fin ? "the connection ended before the answer" : "the connection was reset before the answer");
}

void UpgradeSession::on_exception(std::exception_ptr exception) noexcept {
  const connection::Refusal met =
      context_.note_exception(exception, route_->name, transport_ ? &transport_->peer() : nullptr);
  if (state_ == State::ended) return;
  ConnectError error;
  error.text = "out of memory";  // short: needs none
  try {
    // The application is called here for its state alone.
    if (met != connection::Refusal::out_of_memory) error.text = "the connection's state could not be made";
  } catch (const std::bad_alloc&) {
    error.code = ENOMEM;
  }
  fail(std::move(error));
}

void UpgradeSession::on_stop() {
  if (state_ != State::ended) fail("the client stops", ConnectCause::stopping);
}

void UpgradeSession::fail(std::string text, ConnectCause cause, std::optional<codec::ResponseError> rule) {
  ConnectError error = refusal_;
  error.cause = cause;
  error.rule = rule;
  error.text = std::move(text);
  fail(std::move(error));
}

void UpgradeSession::fail(ConnectError error) {
  if (state_ == State::ended) return;
  if (state_ == State::body && error.cause != ConnectCause::stopping) {
    // Whatever ends the body: the refusal is what counts.
    error = std::move(refusal_);
    error.cause = ConnectCause::refused;
  }
  error.step = ConnectStep::upgrade;
  state_ = State::ended;
  Owner* const owner = std::exchange(owner_, nullptr);
  if (transport_) transport_->abort(End::local);
  if (owner) owner->on_upgrade_failed(std::move(error));
}

void UpgradeSession::leave() {
  owner_ = nullptr;
  if (state_ == State::ended) return;
  state_ = State::ended;
  if (transport_) transport_->abort(End::local);
}

void UpgradeSession::expire() {
  fail("no answer in time", ConnectCause::timed_out);
}

void UpgradeSession::on_detached() {
  transport_ = nullptr;
  try {
    on_end(End::reset);
  } catch (...) {
    on_exception(std::current_exception());
  }
  delete this;
}

}  // namespace brume::client
