// The completions of UringIo: what each means for its socket and what its owner is told.
#include <cassert>
#include <cerrno>

#include <brume/engine/io/uring_io.h>

namespace brume::io {

void UringIo::handle(Events& events, const UringCompletion& completion) {
  const UringTag tag = UringTag::unpack(completion.user_data);
  switch (tag.op) {
    case UringOp::receive:
      return on_receive(events, tag, completion);
    case UringOp::send:
      return on_send(events, tag, completion);
    case UringOp::accept:
      return on_accept(events, tag, completion);
    case UringOp::shutdown:
    case UringOp::linger:
      return ready_to_close(tag);
    case UringOp::close:
    case UringOp::cancel:
      operations_--;
      return;
    case UringOp::connect:
      return on_connect(events, tag, completion);
    case UringOp::install:
      return on_install(events, tag, completion);
    case UringOp::hand_over:
      return on_hand_over(tag, completion);
    case UringOp::handed_over:
      return on_handed_over(events, tag, completion);
    case UringOp::wake:
      if (!(completion.flags & IORING_CQE_F_MORE)) watch_wake();
      door_->wake.clear();
      return;
    case UringOp::woken:
      return;
    case UringOp::wake_failed:
      // Its ring has not started yet, or had no memory for the message.
      peers_[tag.use]->wake.ring();
      return;
  }
}

void UringIo::on_receive(Events& events, const UringTag& tag, const UringCompletion& completion) {
  Socket& s = sockets_[tag.slot];
  const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
  assert(s.use == tag.use && s.receiving);  // close() waits for the end of the receive
  if (completion.result > 0) {
    {
      const ReceivePool::View view(pool_, completion);
      delivered_++;
      s.fed = true;
      events.on_received(s.token, view.bytes());
    }
    if (more) return;
    return s.stopping ? end_receive(events, tag.slot, ECANCELED) : arm_receive(tag.slot);
  }
  // An end may come with a buffer it did not use.
  if (ReceivePool::has_buffer(completion)) const ReceivePool::View unused(pool_, completion);
  assert(!more);
  const int error = -completion.result;
  switch (error) {
    case ENOBUFS:
      pool_dry_count_++;
      s.starved = true;
      starved_.push_back(tag.slot);
      return;
    case EAGAIN:
    case EINTR:
      return s.stopping ? end_receive(events, tag.slot, ECANCELED) : arm_receive(tag.slot);
    default:
      return end_receive(events, tag.slot, error);
  }
}

// By now every buffer is back in the pool: views end with their call. The kernel serves them in this order, so those
// who got nothing the last time go first: a socket that always has more cannot drain the pool again and again.
void UringIo::feed_starved(Events& events) {
  for (const bool fed : {false, true}) {
    for (std::size_t i = 0; i < starved_.size(); i++) {
      Socket& s = sockets_[starved_[i]];
      if (!s.starved || s.fed != fed) continue;
      s.starved = false;
      s.fed = false;
      if (s.stopping)
        end_receive(events, starved_[i], ECANCELED);
      else
        arm_receive(starved_[i]);
    }
  }
  starved_.clear();
}

void UringIo::end_receive(Events& events, SocketId socket, int error) {
  Socket& s = sockets_[socket];
  s.receiving = false;
  s.stopping = false;
  operations_--;
  delivered_++;
  events.on_receive_ended(s.token, error);
}

void UringIo::on_send(Events& events, const UringTag& tag, const UringCompletion& completion) {
  assert(sockets_[tag.slot].use == tag.use && sockets_[tag.slot].sending);
  end_send(events, tag.slot, completion.result);
}

void UringIo::end_send(Events& events, SocketId socket, std::int32_t result) {
  Socket& s = sockets_[socket];
  s.sending = false;
  operations_--;
  delivered_++;
  events.on_sent(s.token, result);
}

void UringIo::ready_to_close(const UringTag& tag) {
  Socket& s = sockets_[tag.slot];
  // A worker of the kernel may be slower than recover_lost_completions() waited.
  if (s.use != tag.use || s.before_close == 0) return;
  operations_--;
  if (--s.before_close == 0 && s.closing) submit_close(tag.slot);
}

}  // namespace brume::io
