// What UringIo has to do with other cores: waking them, and handing sockets over.
#include <algorithm>
#include <cassert>
#include <new>

#include <brume/engine/io/uring_constants.h>
#include <brume/engine/io/uring_io.h>

namespace brume::io {

std::uint32_t UringIo::peer_index(const std::shared_ptr<Door>& door) {
  const auto found = std::ranges::find(peers_, door);
  const auto index = static_cast<std::uint32_t>(found - peers_.begin());
  if (found == peers_.end()) peers_.push_back(door);
  return index;
}

void UringIo::wake_peer(Io& target) {
  if (target.name() != kName) return target.wake();
  const std::shared_ptr<Door>& door = static_cast<UringIo&>(target).door_;
  std::uint32_t peer = 0;
  try {
    peer = peer_index(door);
  } catch (const std::bad_alloc&) {
    return target.wake();
  }
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_msg_ring(&sqe, door->ring, 0, UringTag{UringOp::woken}.pack(), 0);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe.user_data = UringTag{UringOp::wake_failed, 0, peer}.pack();
}

void UringIo::hand_over(SocketId socket, ListenerHandle listener, const Address& peer, Io& target) {
  assert(sockets_[socket].open && !sockets_[socket].receiving && !sockets_[socket].sending);
  if (target.name() != kName || &target == this) return close(socket, false);
  auto place = std::ranges::find_if(hand_overs_, [](const HandOver& h) { return !h.target; });
  try {
    waiting_hand_overs_.reserve(hand_overs_.size() + 1);
    if (place == hand_overs_.end()) place = hand_overs_.insert(place, HandOver{});
  } catch (const std::bad_alloc&) {
    return close(socket, false);
  }
  *place = {static_cast<UringIo&>(target).door_, {listener, peer, -1}, socket, 0};
  sockets_[socket].closing = true;
  operations_++;
  const auto index = static_cast<std::uint32_t>(place - hand_overs_.begin());
  if (!try_hand_over(index)) waiting_hand_overs_.push_back(index);
}

// False where it has to wait: a ring that its thread has not started yet takes no messages.
bool UringIo::try_hand_over(std::uint32_t index) {
  HandOver& h = hand_overs_[index];
  const Door::State state = h.target->state.load(std::memory_order_acquire);
  if (state == Door::State::not_started) return false;
  if (state == Door::State::closed) {
    operations_--;
    h.target.reset();
    submit_close(h.socket);
    return true;
  }
  const auto inbox_slot = h.target->inbox.put(h.record);
  if (!inbox_slot) return false;
  h.inbox_slot = *inbox_slot;
  io_uring_sqe& sqe = ring_.entry();
  uring::prep_send_descriptor(sqe, h.target->ring, h.socket, UringTag{UringOp::handed_over, 0, h.inbox_slot}.pack());
  sqe.user_data = UringTag{UringOp::hand_over, h.socket, index}.pack();
  return true;
}

// The target has the socket now, or never will: this ring's hold on it ends either way.
void UringIo::on_hand_over(const UringTag& tag, const UringCompletion& completion) {
  operations_--;
  HandOver& h = hand_overs_[tag.use];
  if (completion.result < 0) h.target->inbox.take(h.inbox_slot);
  h.target.reset();
  submit_close(tag.slot);
}

void UringIo::on_handed_over(Events& events, const UringTag& tag, const UringCompletion& completion) {
  const HandOverInbox::Record record = door_->inbox.take(tag.use);
  if (completion.result < 0) return;
  const auto socket = static_cast<SocketId>(completion.result);
  adopt(socket);
  delivered_++;
  events.on_accepted(record.listener, socket, record.peer);
}

}  // namespace brume::io
