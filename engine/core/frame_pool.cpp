#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include <brume/engine/core/frame_pool.h>
#include <brume/engine/core/pages.h>

namespace brume::core {

// A chunk starts with this; its frames lie behind it, each with its chunk's address in the word before it (null for a
// frame that is not pooled, whose pool is in the word before that). While a frame is free that word leads to the next.
struct FramePool::Chunk : ListLink<> {
  FramePool* pool = nullptr;
  void* free = nullptr;      // frames that were used and given back
  std::uint32_t stride = 0;  // bytes from one frame to the next
  std::uint32_t used = 0;
  std::uint32_t carved = 0;  // frames that were ever used since the chunk was empty; memory behind them is untouched
  std::uint32_t capacity = 0;
};

namespace {

// Where a chunk's first frame is: its header ends on a cache line, so that frames whose size with the header is a
// multiple of one each start on one.
constexpr std::size_t kFirstFrame = 128;

// What frames are current on this thread: see FramePool::Scope.
constinit thread_local FramePool* current_pool = nullptr;

void* load_word_before(const void* frame, std::size_t words = 1) {
  void* word = nullptr;
  std::memcpy(static_cast<void*>(&word), static_cast<const std::byte*>(frame) - words * sizeof(void*), sizeof word);
  return word;
}

void store_word_before(void* frame, void* word, std::size_t words = 1) {
  std::memcpy(static_cast<std::byte*>(frame) - words * sizeof(void*), static_cast<const void*>(&word), sizeof word);
}

}  // namespace

FramePool::~FramePool() {
  assert(frames_in_use_ == 0);
  trim();
}

void* FramePool::allocate(std::size_t size) {
  if (size > kMaxPooledSize - kHeaderSize) return allocate_unpooled(this, size);
  const std::size_t size_class = class_of(size + kHeaderSize);
  SizeClass& frames = classes_[size_class];
  Chunk* first = frames.with_room.front();
  Chunk& chunk = first ? *first : add_chunk(size_class);
  if (frames.empty == &chunk) frames.empty = nullptr;

  void* frame = chunk.free;
  if (frame) {
    chunk.free = load_word_before(frame);
  } else {
    frame = reinterpret_cast<std::byte*>(&chunk) + kFirstFrame + std::size_t{chunk.carved} * chunk.stride;
    chunk.carved++;
  }
  if (++chunk.used == chunk.capacity) chunk.unlink();
  bytes_in_use_ += chunk.stride;
  frames_in_use_++;
  store_word_before(frame, &chunk);
  mark_usable(frame, size);
  return frame;
}

void FramePool::give_back(Chunk& chunk, void* frame) noexcept {
  SizeClass& frames = classes_[class_of(chunk.stride)];
  mark_unusable(frame, chunk.stride - kHeaderSize);
  if (chunk.used == chunk.capacity) frames.with_room.push_front(chunk);
  store_word_before(frame, chunk.free);
  chunk.free = frame;
  chunk.used--;
  bytes_in_use_ -= chunk.stride;
  frames_in_use_--;
  if (chunk.used != 0) return;
  if (frames.empty) return remove_chunk(chunk);
  frames.empty = &chunk;
  chunk.unlink();  // used only when no other has room
  frames.with_room.push_back(chunk);
}

FramePool::Chunk& FramePool::add_chunk(std::size_t size_class) {
  static_assert(sizeof(Chunk) + kHeaderSize <= kFirstFrame);
  static_assert(kSmallStep % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0 && kLargeStep % kSmallStep == 0);
  auto* chunk = new (take_pages(kChunkSize)) Chunk;
  mark_unusable(reinterpret_cast<std::byte*>(chunk) + kFirstFrame, kChunkSize - kFirstFrame);
  chunk->pool = this;
  chunk->stride = static_cast<std::uint32_t>(stride_of(size_class));
  chunk->capacity = static_cast<std::uint32_t>((kChunkSize - kFirstFrame) / chunk->stride);
  for (std::uint32_t i = 1; i <= chunk->capacity; i++) {  // the headers between the frames stay usable
    mark_usable(reinterpret_cast<std::byte*>(chunk) + kFirstFrame + i * std::size_t{chunk->stride} - kHeaderSize,
                kHeaderSize);
  }
  chunks_++;
  classes_[size_class].with_room.push_front(*chunk);
  return *chunk;
}

void FramePool::remove_chunk(Chunk& chunk) noexcept {
  chunks_--;
  chunk.~Chunk();
  give_pages_back(&chunk, kChunkSize);
}

void FramePool::trim() noexcept {
  for (SizeClass& frames : classes_)
    if (Chunk* empty = std::exchange(frames.empty, nullptr)) remove_chunk(*empty);
}

void* FramePool::allocate_unpooled(FramePool* pool, std::size_t size) {
  constexpr std::size_t kFront = 2 * sizeof(void*);
  static_assert(kFront % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0);
  void* frame = static_cast<std::byte*>(::operator new(kFront + size)) + kFront;
  store_word_before(frame, nullptr);
  store_word_before(frame, pool, 2);
  if (pool) pool->frames_in_use_++;
  return frame;
}

void* FramePool::allocate_from_current(std::size_t size) {
  return current_pool ? current_pool->allocate(size) : allocate_unpooled(nullptr, size);
}

void FramePool::deallocate(void* memory) noexcept {
  if (auto* chunk = static_cast<Chunk*>(load_word_before(memory))) return chunk->pool->give_back(*chunk, memory);
  if (auto* pool = static_cast<FramePool*>(load_word_before(memory, 2))) pool->frames_in_use_--;
  ::operator delete(static_cast<std::byte*>(memory) - 2 * sizeof(void*));
}

void FramePool::check_invariants() const {
  for (const SizeClass& frames : classes_) {
    frames.with_room.check_invariants();
    [[maybe_unused]] bool found_empty = false;
    frames.with_room.for_each([&](const Chunk& chunk) {
      assert(chunk.pool == this && chunk.used < chunk.capacity && chunk.carved <= chunk.capacity);
      [[maybe_unused]] std::uint32_t free = 0;
      for (const void* frame = chunk.free; frame; frame = load_word_before(frame)) free++;
      assert(free == chunk.carved - chunk.used);
      if (chunk.used == 0) {
        assert(frames.empty == &chunk);
        found_empty = true;
      }
    });
    assert(found_empty == (frames.empty != nullptr));
  }
  assert(bytes_in_use_ <= memory());
}

FramePool::Scope::Scope(FramePool& pool) : previous_(current_pool) {
  current_pool = &pool;
}
FramePool::Scope::~Scope() {
  current_pool = previous_;
}

}  // namespace brume::core
