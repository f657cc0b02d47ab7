// uring_constants.h: the parts of io_uring's interface that Debian 12's liburing 2.3 headers do not have yet.
//
// Each with the name it has in newer headers and the kernel that brought it. Nothing else in the tree defines such a
// number.
#pragma once

#include <cstdint>

#include <liburing.h>

namespace brume::io::uring {

// IOU_PBUF_RING_INC, Linux 6.12: a provided buffer is used a part at a time.
inline constexpr std::uint16_t kBufferRingIncremental = 2;
// IORING_CQE_F_BUF_MORE, Linux 6.12: the buffer of this completion goes on being used.
inline constexpr std::uint32_t kCqeBufferMore = std::uint32_t{1} << 4;
// SOCKET_URING_OP_SETSOCKOPT, Linux 6.7: a command of IORING_OP_URING_CMD.
inline constexpr std::uint32_t kSocketSetOption = 3;
// INT_FLAG_REG_RING in io_uring::int_flags: enter_ring_fd is an index registered by the thread that registered it.
inline constexpr std::uint8_t kRegisteredRing = 1;

// io_uring_enable_rings(), which liburing 2.3 declares but Debian's shared library does not export.
inline int enable_ring(io_uring* ring) {
  return io_uring_register(static_cast<unsigned>(ring->ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
}

// struct io_uring_buf_reg, whose `pad` became `flags`.
struct BufferRingRegistration {
  std::uint64_t ring_address;
  std::uint32_t ring_entries;
  std::uint16_t group;
  std::uint16_t flags;
  std::uint64_t reserved[3];
};
static_assert(sizeof(BufferRingRegistration) == sizeof(io_uring_buf_reg));

inline int register_buffer_ring(io_uring* ring, BufferRingRegistration& registration) {
  return io_uring_register_buf_ring(ring, reinterpret_cast<io_uring_buf_reg*>(&registration), 0);
}

// io_uring_prep_cmd_sock() for SOCKET_URING_OP_SETSOCKOPT. `value` must live until the operation has ended.
inline void prep_set_option(io_uring_sqe& sqe, int socket, int level, int option, const void* value,
                            std::uint32_t size_bytes) {
  io_uring_prep_rw(IORING_OP_URING_CMD, &sqe, socket, nullptr, 0, 0);
  sqe.cmd_op = kSocketSetOption;
  sqe.addr = static_cast<std::uint32_t>(level) | static_cast<std::uint64_t>(option) << 32;  // level, optname
  sqe.file_index = size_bytes;                                                              // optlen
  sqe.addr3 = reinterpret_cast<std::uint64_t>(value);                                       // optval
}

// io_uring_prep_msg_ring_fd_alloc(): sends the direct descriptor `slot` to `target_ring`, whose completion gets `data`.
inline void prep_send_descriptor(io_uring_sqe& sqe, int target_ring, std::uint32_t slot, std::uint64_t data) {
  io_uring_prep_msg_ring(&sqe, target_ring, 0, data, 0);
  sqe.addr = IORING_MSG_SEND_FD;
  sqe.addr3 = slot;
  sqe.file_index = IORING_FILE_INDEX_ALLOC;
}

// io_uring_prep_accept_direct() with IORING_FILE_INDEX_ALLOC, which liburing 2.3 turns into an ordinary descriptor.
inline void prep_accept_direct(io_uring_sqe& sqe, int listener, sockaddr* peer, socklen_t* peer_size) {
  io_uring_prep_accept(&sqe, listener, peer, peer_size, 0);
  sqe.file_index = IORING_FILE_INDEX_ALLOC;
}

}  // namespace brume::io::uring
