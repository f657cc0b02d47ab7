// How an UringIo ends with operations still under way, and how it goes on after the kernel lost completions.
#include <cerrno>

#include <brume/engine/io/uring_io.h>

namespace brume::io {

namespace {
constexpr int kSettleRounds = 100;
constexpr Time kSettleWait = std::chrono::milliseconds(10);  // a round: a second in all
constexpr Time kQuietWait = std::chrono::milliseconds(1);
}  // namespace

void UringIo::cancel_everything() {
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_cancel64(&sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  track(sqe, {UringOp::cancel});
}

// Takes completions without telling anyone; what they own is given back. Returns their number.
std::size_t UringIo::discard_completions() {
  std::size_t count = 0;
  UringCompletion completion;
  for (; ring_.take(completion); count++) {
    const UringTag tag = UringTag::unpack(completion.user_data);
    const bool final = !(completion.flags & IORING_CQE_F_MORE);
    switch (tag.op) {
      case UringOp::receive:
        if (ReceivePool::has_buffer(completion)) const ReceivePool::View dropped(pool_, completion);
        break;
      case UringOp::accept:
        listeners_[tag.slot / kAcceptsInFlight]->armed.reset(tag.slot % kAcceptsInFlight);
        if (completion.result >= 0) submit_close(static_cast<SocketId>(completion.result));
        break;
      case UringOp::handed_over:
        door_->inbox.take(tag.use);
        if (completion.result >= 0) submit_close(static_cast<SocketId>(completion.result));
        continue;
      case UringOp::hand_over: {
        HandOver& h = hand_overs_[tag.use];
        if (completion.result < 0) h.target->inbox.take(h.inbox_slot);
        h.target.reset();
        break;
      }
      case UringOp::connect:
      case UringOp::install:
        discard_connect(tag, completion);
        break;
      case UringOp::wake:
      case UringOp::woken:
      case UringOp::wake_failed:
        continue;  // not counted
      default:
        break;
    }
    if (final && operations_ != 0) operations_--;
  }
  return count;
}

bool UringIo::settle() {
  operations_ -= waiting_hand_overs_.size();  // none of these is in the kernel
  waiting_hand_overs_.clear();
  if (operations_ == 0) return true;
  if (!ring_.usable_from_this_thread()) return false;
  cancel_everything();
  for (int round = 0; round < kSettleRounds && operations_ != 0; round++) {
    ring_.enter(kSettleWait);
    discard_completions();
  }
  return operations_ == 0;
}

UringIo::~UringIo() {
  if (door_) door_->state.store(Door::State::closed, std::memory_order_release);
  const bool settled = !door_ || settle();
  drop_connects();
  if (!settled) pool_.leak();
  for (const auto& listener : listeners_) {
    if (!listener) continue;
    ::close(listener->handle);
    if (!settled) listener->memory.leak();
  }
}

void UringIo::recover_lost_completions(Events& events) {
  cancel_everything();
  do ring_.enter(kQuietWait);
  while (discard_completions() != 0 || !ring_.all_submitted());
  // Nothing is under way in the kernel now. All is put in order before anyone is told, as handlers start new
  // operations.
  struct Lost {
    SocketId socket;
    std::uint32_t use;
    bool receiving;
    bool sending;
  };
  std::vector<Lost> lost;
  operations_ = 0;
  starved_.clear();
  watching_ = false;  // poll() watches again; a second watch would do no harm
  waiting_hand_overs_.clear();
  for (HandOver& h : hand_overs_) h.target.reset();
  for (SocketId socket = 0; socket < sockets_.size(); socket++) {
    Socket& s = sockets_[socket];
    if (!s.open) continue;
    s.starved = false;
    s.before_close = 0;
    if (s.closing) submit_close(socket);
    operations_ += std::size_t{s.receiving} + std::size_t{s.sending};
    if (s.receiving || s.sending) lost.push_back({socket, s.use, s.receiving, s.sending});
  }
  for (std::size_t index = 0; index < listeners_.size(); index++) {
    if (!listeners_[index]) continue;
    listeners_[index]->armed.reset();
    if (listeners_[index]->closing)
      finish_close(index);
    else if (!listeners_[index]->paused)
      arm_accepts(index);
  }
  std::vector<std::uint32_t> lost_connects;
  for (std::uint32_t index = 0; index < connects_.size(); index++) {
    if (!connects_[index].used) continue;
    operations_++;
    lost_connects.push_back(index);
  }
  for (const std::uint32_t index : lost_connects) end_connect(events, index, kNoSocket, ECANCELED);
  for (const Lost& l : lost) {
    if (l.receiving) end_receive(events, l.socket, ECANCELED);
    if (l.sending && sockets_[l.socket].use == l.use) end_send(events, l.socket, -ECANCELED);
  }
}

}  // namespace brume::io
