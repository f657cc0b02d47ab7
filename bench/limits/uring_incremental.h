// uring_incremental.h: provided buffers that the kernel uses up bit by bit (kernel 6.12 and up), for programs built
// with the headers of liburing 2.3, which lack them.
#pragma once

#include <cstdint>

#include <liburing.h>

namespace limits {

inline constexpr std::uint16_t kBufferRingIncremental = 2;       // IOU_PBUF_RING_INC
inline constexpr std::uint32_t kCompletionBufferMore = 1U << 4;  // IORING_CQE_F_BUF_MORE

// io_uring_buf_reg as newer headers have it: they call its padding `flags`.
struct BufferRingRegistration {
  std::uint64_t address;
  std::uint32_t entries;
  std::uint16_t group;
  std::uint16_t flags;
  std::uint64_t reserved[3];
};
static_assert(sizeof(BufferRingRegistration) == sizeof(io_uring_buf_reg));

// Returns 0 or a negative errno, as liburing does. `memory` is page-aligned and holds `entries` io_uring_buf, zeroed.
inline int register_buffers(io_uring& ring, void* memory, std::uint32_t entries, std::uint16_t group,
                            bool incremental) {
  BufferRingRegistration registration{reinterpret_cast<std::uint64_t>(memory),
                                      entries,
                                      group,
                                      incremental ? kBufferRingIncremental : std::uint16_t{0},
                                      {}};
  return io_uring_register_buf_ring(&ring, reinterpret_cast<io_uring_buf_reg*>(&registration), 0);
}

}  // namespace limits
