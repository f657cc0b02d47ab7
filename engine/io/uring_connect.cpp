// The connecting half of UringIo. The socket is made and set up by ordinary calls, as not every kernel sets options of
// a direct descriptor; it connects under its ordinary number, and only a connected one gets a slot of the file table,
// so that addresses which do not answer use none up. Any kernel that passes the probe can do this.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <unistd.h>

#include <brume/engine/io/client_socket.h>
#include <brume/engine/io/uring_constants.h>
#include <brume/engine/io/uring_io.h>

namespace brume::io {

namespace {
int close_descriptor(int& descriptor) {
  const int result = descriptor >= 0 ? ::close(descriptor) : 0;
  descriptor = -1;
  return result;
}
}  // namespace

void UringIo::connect(const Address& to, Token token, const ConnectOptions& options) {
  auto place = std::ranges::find(connects_, false, &Connect::used);
  if (place == connects_.end()) {
    connects_.emplace_back();
    place = connects_.end() - 1;
  }
  const auto index = static_cast<std::uint32_t>(place - connects_.begin());
  Connect& c = *place = {.token = token, .peer = to, .to = to_socket_address(to), .used = true};
  auto opened = open_client_socket(to, options, false);  // a non-blocking one would be answered EINPROGRESS
  io_uring_sqe& sqe = ring_.entry();
  if (opened) {
    c.descriptor = opened->release();
    io_uring_prep_connect(&sqe, c.descriptor, c.to.get(), c.to.size);
  } else {
    c.error = opened.error();
    io_uring_prep_nop(&sqe);
  }
  track(sqe, {UringOp::connect, index});
}

void UringIo::cancel_connect(Token token) {
  const auto found = std::ranges::find_if(connects_, [&](const Connect& c) { return c.used && c.token == token; });
  if (found == connects_.end() || found->cancelled) return;
  found->cancelled = true;
  if (found->slot >= 0) return;  // connected, and being put into the table
  io_uring_sqe& sqe = ring_.entry();
  const auto index = static_cast<std::uint32_t>(found - connects_.begin());
  io_uring_prep_cancel64(&sqe, UringTag{UringOp::connect, index}.pack(), 0);
  track(sqe, {UringOp::cancel});
}

void UringIo::on_connect(Events& events, const UringTag& tag, const UringCompletion& completion) {
  Connect& c = connects_[tag.slot];
  if (!c.used) return;
  if (completion.result < 0) c.error = -completion.result;
  if (c.error == 0 && c.cancelled) c.error = ECANCELED;
  if (c.error != 0) return end_connect(events, tag.slot, kNoSocket, c.error);
  c.slot = c.descriptor;
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_files_update(&sqe, &c.slot, 1, static_cast<int>(IORING_FILE_INDEX_ALLOC));
  sqe.user_data = UringTag{UringOp::install, tag.slot}.pack();  // goes on being the one operation
}

void UringIo::on_install(Events& events, const UringTag& tag, const UringCompletion& completion) {
  Connect& c = connects_[tag.slot];
  if (!c.used) return;
  if (completion.result != 1) {
    return end_connect(events, tag.slot, kNoSocket, completion.result < 0 ? -completion.result : ENFILE);
  }
  const auto socket = static_cast<SocketId>(c.slot);
  adopt(socket);
  if (!c.cancelled) return end_connect(events, tag.slot, socket, 0);
  close(socket, true);
  end_connect(events, tag.slot, kNoSocket, ECANCELED);
}

void UringIo::end_connect(Events& events, std::uint32_t index, SocketId socket, int error) {
  Connect& c = connects_[index];
  close_descriptor(c.descriptor);
  c.used = false;
  operations_--;
  delivered_++;
  const Connect told = c;  // a handler may connect again, and then use this record
  events.on_connected(told.token, socket, told.peer, error);
}

// Its owner hears nothing here; where it has to, the record is still in use.
void UringIo::discard_connect(const UringTag& tag, const UringCompletion& completion) {
  Connect& c = connects_[tag.slot];
  if (tag.op == UringOp::install && completion.result == 1) submit_close(static_cast<SocketId>(c.slot));
  close_descriptor(c.descriptor);
}

void UringIo::drop_connects() {
  for (Connect& c : connects_) close_descriptor(c.descriptor);
}

}  // namespace brume::io
