#include <algorithm>
#include <bit>
#include <cassert>

#include <brume/engine/io/poison.h>
#include <brume/engine/io/receive_pool.h>
#include <brume/engine/io/uring_constants.h>

namespace brume::io {

int ReceivePool::open(io_uring* ring, std::size_t size_bytes, bool incremental) {
  size_bytes = std::max(size_bytes, kMinBytes);
  incremental_ = incremental;
  // A ring's entries are a power of two.
  buffer_count_ = incremental
                      ? kIncrementalBuffers
                      : std::clamp(std::bit_floor(size_bytes / kWholeBufferBytes), kIncrementalBuffers, kMaxBuffers);
  buffer_size_bytes_ = size_bytes / buffer_count_;
  // The kernel goes round all of it, however few the connections: touched now, no receive stops at a page fault, and
  // the memory of a server does not grow with the first megabyte it is sent.
  if (const int error = buffers_.allocate(buffer_count_ * buffer_size_bytes_, MappedMemory::Touch::at_once)) {
    return error;
  }
  if (const int error = ring_memory_.allocate(buffer_count_ * sizeof(io_uring_buf))) return error;
  ring_ = static_cast<io_uring_buf_ring*>(ring_memory_.data());
  uring::BufferRingRegistration registration{reinterpret_cast<std::uint64_t>(ring_),
                                             static_cast<std::uint32_t>(buffer_count_),
                                             kGroup,
                                             incremental ? uring::kBufferRingIncremental : std::uint16_t{0},
                                             {}};
  if (const int error = uring::register_buffer_ring(ring, registration)) return -error;
  for (std::size_t id = 0; id < buffer_count_; id++) give(static_cast<std::uint16_t>(id));
  poison(buffers_.data(), buffers_.size_bytes());
  return 0;
}

ReceivePool::~ReceivePool() {
  if (buffers_.data()) unpoison(buffers_.data(), buffers_.size_bytes());
}

void ReceivePool::leak() {
  buffers_.leak();
  ring_memory_.leak();
}

void ReceivePool::give(std::uint16_t id) {
  if (incremental_) used_bytes_[id] = 0;
  auto* const data = static_cast<std::byte*>(buffers_.data()) + id * buffer_size_bytes_;
  io_uring_buf_ring_add(ring_, data, static_cast<unsigned>(buffer_size_bytes_), id,
                        io_uring_buf_ring_mask(static_cast<unsigned>(buffer_count_)), 0);
  io_uring_buf_ring_advance(ring_, 1);
}

ReceivePool::View::View(ReceivePool& pool, const UringCompletion& completion)
    : pool_(pool), id_(static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT)) {
  assert(has_buffer(completion) && id_ < pool.buffer_count_);
  const auto size = static_cast<std::size_t>(std::max(completion.result, 0));
  auto* data = static_cast<std::byte*>(pool.buffers_.data()) + id_ * pool.buffer_size_bytes_;
  if (pool.incremental_) {
    data += pool.used_bytes_[id_];
    pool.used_bytes_[id_] += static_cast<std::uint32_t>(size);
    assert(pool.used_bytes_[id_] <= pool.buffer_size_bytes_);
    // Without bytes nothing was used, whatever the flag says: giving the buffer back now would lend it twice.
    done_ = size != 0 && !(completion.flags & uring::kCqeBufferMore);
  } else {
    done_ = true;
  }
  bytes_ = {data, size};
  unpoison(data, size);
}

ReceivePool::View::~View() {
  poison(bytes_.data(), bytes_.size());
  if (done_) pool_.give(id_);
}

void ReceivePool::check_invariants() const {
  for ([[maybe_unused]] const std::uint32_t used : used_bytes_) assert(used <= buffer_size_bytes_);
}

}  // namespace brume::io
