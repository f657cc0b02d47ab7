#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include <brume/bench/wsblast/ring.h>

namespace wsblast {
namespace {

constexpr unsigned kSubmissions = 16384;
constexpr unsigned kCompletions = 65536;
constexpr std::size_t kPage = 4096;

// The pool is small so that received bytes stay in the cache; without incremental use it has to be many buffers.
constexpr std::uint32_t kLargeBuffers = 4;
constexpr std::size_t kLargeBufferSize = 256 * 1024;
constexpr std::uint32_t kSmallBuffers = 1024;
constexpr std::size_t kSmallBufferSize = 16 * 1024;

void check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(-result));
}

}  // namespace

Ring::Ring(const std::vector<int>& descriptors) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
  params.cq_entries = kCompletions;
  check(io_uring_queue_init_params(kSubmissions, &ring_, &params), "io_uring");
  check(io_uring_register_ring_fd(&ring_), "io_uring_register_ring_fd");
  check(io_uring_register_files(&ring_, descriptors.data(), static_cast<unsigned>(descriptors.size())),
        "io_uring_register_files");
  if (!try_pool(kLargeBuffers, kLargeBufferSize, true) && !try_pool(kSmallBuffers, kSmallBufferSize, false)) {
    throw std::runtime_error("io_uring provides no buffer rings here");
  }
}

Ring::~Ring() {
  io_uring_queue_exit(&ring_);
}

Ring::Pages Ring::allocate_pages(std::size_t size) {
  const std::size_t whole_pages = (size + kPage - 1) / kPage * kPage;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(kPage, whole_pages));
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, whole_pages);
  return Pages(memory);
}

bool Ring::try_pool(std::uint32_t buffers, std::size_t buffer_size, bool incremental) {
  buffer_ring_memory_ = allocate_pages(buffers * sizeof(io_uring_buf));
  if (limits::register_buffers(ring_, buffer_ring_memory_.get(), buffers, kGroup, incremental) < 0) return false;
  pool_ = allocate_pages(buffers * buffer_size);
  buffer_count_ = buffers;
  buffer_size_ = buffer_size;
  incremental_ = incremental;
  offsets_.resize(buffers);
  for (std::uint32_t id = 0; id < buffers; ++id) give_back(static_cast<std::uint16_t>(id));
  return true;
}

void Ring::give_back(std::uint16_t id) {
  offsets_[id] = 0;
  auto* ring = reinterpret_cast<io_uring_buf_ring*>(buffer_ring_memory_.get());
  io_uring_buf_ring_add(ring, pool_.get() + id * buffer_size_, static_cast<unsigned>(buffer_size_), id,
                        io_uring_buf_ring_mask(buffer_count_), 0);
  io_uring_buf_ring_advance(ring, 1);
}

io_uring_sqe* Ring::next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  while (entry == nullptr) {
    check(io_uring_submit(&ring_), "io_uring_submit");
    entry = io_uring_get_sqe(&ring_);
  }
  return entry;
}

void Ring::receive(std::uint32_t connection) {
  io_uring_sqe* entry = next_entry();
  io_uring_prep_recv(entry, static_cast<int>(connection), nullptr, 0, 0);
  entry->ioprio |= IORING_RECV_MULTISHOT;
  entry->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
  entry->buf_group = kGroup;
  entry->user_data = std::uint64_t{connection} << 1;
}

void Ring::send(std::uint32_t connection, std::span<const std::byte> bytes) {
  io_uring_sqe* entry = next_entry();
  io_uring_prep_send(entry, static_cast<int>(connection), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
  entry->flags |= IOSQE_FIXED_FILE;
  entry->user_data = std::uint64_t{connection} << 1 | kSendTag;
}

}  // namespace wsblast
