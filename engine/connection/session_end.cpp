// How a connection ends: by its peer, its application, its core or the lack of memory; once, in finish().
#include <exception>
#include <new>
#include <string>
#include <utility>

#include <brume/codec/close_payload.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/connection/session_cold.h>

namespace brume::connection {

void Session::on_end(End end) {
  if (state_ == State::ended) return;
  if (end == End::memory) {
    context_.counters.refusals[static_cast<std::size_t>(Refusal::out_of_memory)].add();
    log(LogLevel::error, "out_of_memory", "no memory for this connection");
    return finish(codec::close_code::internal_error, {}, CloseCause::limit, false);
  }
  const bool ours = state_ == State::closing;
  const CloseCause cause = end == End::write_timeout ? CloseCause::timeout
                           : ours                    ? close_cause_
                                                     : CloseCause::transport;
  finish(ours ? close_code_ : codec::close_code::abnormal, {}, cause, false);
}

void Session::handle_exception(const std::exception_ptr& exception) noexcept {
  context_.note_exception(exception, route_->name, transport_ ? &transport_->peer() : nullptr);
  if (state_ == State::ended) return;
  try {
    fail_with(codec::close_code::internal_error, "internal error", CloseCause::handler_error);
  } catch (...) {
    // Not even a Close frame fits into memory: the socket goes without one.
    if (transport_) transport_->abort(End::memory);
  }
}

void Session::on_stop() {
  if (state_ != State::open) return;
  guarded([this] { begin_close(codec::close_code::going_away, "server stopping", CloseCause::stopping); });
}

void Session::finish(std::uint16_t code, std::string_view reason, CloseCause cause, bool clean) {
  if (state_ == State::ended) return;
  if (state_ == State::open) deadline_ = now() + config().close_timeout;
  state_ = State::ended;
  close_code_ = code;
  close_cause_ = cause;
  close_clean_ = clean;
  // The transport goes first: what the application does in its last calls can no longer reach the peer.
  if (transport_) transport_->end(deadline_);
  if (deflate_.keeps_context() && cold_) drop_contexts();
  tell_watchers();
  if (!reason.empty()) guarded([&] { cold().close_reason = reason; });
  serve();
  if (cold_ && cold_->stop_source) cold_->stop_source->request_stop();
  resume_drained();
  if (waiter_) std::exchange(waiter_, nullptr).resume();
  if (route_->close) guarded([this] { route_->close(*this, close_info()); });
  cancel();
}

CloseInfo Session::close_info() const {
  return CloseInfo{close_code_, cold_ ? std::string_view(cold_->close_reason) : std::string_view(), close_cause_,
                   close_clean_};
}

void Session::on_detached() {
  // May end the handler: not before this may the session go.
  if (state_ != State::ended) finish(codec::close_code::abnormal, {}, CloseCause::transport, false);
  Transport& gone = *std::exchange(transport_, nullptr);
  if (free_if_done()) return;
  // Tasks that wait for something that is not brume's own have until the deadline; then they are destroyed.
  try {
    Cold& rare = cold();
    rare.peer = gone.peer();
    rare.id = id_of(gone);
    context_.lingering.add(*this, now() + config().close_timeout);
  } catch (const std::bad_alloc&) {
    give_up();
  }
}

bool Session::free_if_done() {
  if (transport_ || handler_ || (cold_ && !cold_->spawned.empty())) return false;
  context_.lingering.remove(*this);
  this->~Session();
  core::FramePool::deallocate(this);
  return true;
}

void Session::give_up() {
  if (handler_) destroy_task(std::exchange(handler_, nullptr));
  while (cold_ && !cold_->spawned.empty()) {
    void* task = cold_->spawned.back();
    cold_->spawned.pop_back();
    destroy_task(task);
  }
  free_if_done();
}

}  // namespace brume::connection
