#include <algorithm>
#include <bit>
#include <cassert>
#include <new>
#include <utility>

#include <brume/engine/connection/tape.h>
#include <brume/engine/connection/tape_twin.h>

namespace brume::connection {

namespace {
// The first chunk of a turn holds what the tape's last turn came to, so that under a steady load a send is of one
// segment, which costs the kernel an eighth less than one of three. It is small where that was little, as most rooms
// get a message or two; further chunks double up to the bound.
constexpr std::size_t kFirstChunkSize = 1024;     // bytes, at least
constexpr std::size_t kLargestChunkSize = 65536;  // bytes, but for a single larger frame

// So that what is pushed next cannot fail.
template <class T>
void make_place(std::vector<T>& list) {
  constexpr std::size_t kFirst = 8;
  if (list.size() == list.capacity()) list.reserve(std::max(kFirst, 2 * list.size()));
}
}  // namespace

Tape::Tape(core::BlockPool& pool) : pool_(&pool) {}

Tape::~Tape() {
  clear();
}

std::span<std::byte> Tape::append(std::size_t size, const TapeMessage& message) {
  make_place(entries_);
  make_place(excepted_);
  if (chunks_.empty() || chunks_.back()->room() < size) add_chunk(size);
  if (message.except != 0 && (excepted_.empty() || excepted_.back() != message.except)) {
    excepted_.push_back(message.except);
  }
  TapeChunk& chunk = *chunks_.back();
  const auto index = static_cast<std::uint32_t>(chunks_.size() - 1);
  const auto end = chunk.size + static_cast<std::uint32_t>(size);
  entries_.push_back({.message = message, .chunk = index, .begin = chunk.size, .end = end});
  // Who took everything so far, and left, did not take this. Below zero it wraps, and so does the sum back.
  entries_.back().taken_from_here -= std::exchange(whole_takers_, 0);
  const std::span<std::byte> room(chunk.bytes() + chunk.size, size);
  chunk.size = end;
  bytes_ += size;
  largest_ = std::max(largest_, size);
  has_latest_only_ |= message.policy == SlowConsumerPolicy::latest_only;
  return room;
}

void Tape::add_chunk(std::size_t size) {
  const std::size_t wanted =
      chunks_.empty() ? sizeof(TapeChunk) + last_bytes_ + last_bytes_ / 4 : std::size_t{2} * chunks_.back()->capacity;
  const std::size_t usual = std::clamp(std::bit_ceil(wanted), kFirstChunkSize, kLargestChunkSize);
  make_place(chunks_);
  make_place(first_entries_);
  const core::Block block = pool_->take(std::max(usual, sizeof(TapeChunk) + size));
  chunks_.push_back(new (block.data) TapeChunk{.pool = pool_, .capacity = block.size});
  first_entries_.push_back(this->size());
}

std::size_t Tape::bytes_from(std::uint32_t first) const {
  if (first == 0) return bytes_;
  std::size_t bytes = 0;
  for (std::size_t i = first; i < entries_.size(); i++) bytes += entries_[i].end - entries_[i].begin;
  return bytes;
}

void Tape::sum_taken() {
  std::uint32_t whole = 0;
  for (Entry& entry : entries_) {
    whole += entry.taken_from_here;
    entry.taken += whole;
  }
  add_taken_of_twins();
}

void Tape::clear() {
  for (TapeChunk* chunk : chunks_) chunk->release();
  chunks_.clear();
  first_entries_.clear();
  entries_.clear();
  excepted_.clear();
  clear_twins();
  last_bytes_ = std::exchange(bytes_, 0);
  largest_ = 0;
  has_latest_only_ = false;
  whole_takers_ = 0;
}

void Tape::check_invariants() const {
  assert(chunks_.size() == first_entries_.size());
  for (std::size_t i = 0; i < chunks_.size(); i++) {
    assert(chunks_[i]->references > 0 && first_entries_[i] < size());
    assert(entries_[first_entries_[i]].chunk == i && entries_[first_entries_[i]].begin == 0);
  }
  std::size_t bytes = 0;
  for (const Entry& entry : entries_) {
    assert(entry.chunk < chunks_.size() && entry.begin < entry.end && entry.end <= chunks_[entry.chunk]->size);
    bytes += entry.end - entry.begin;
  }
  assert(bytes == bytes_);
  for (const auto& twin : twins_) {
    twin->tape.check_invariants();
    assert(twin->tape.size() <= size());
  }
  (void)bytes;
}

}  // namespace brume::connection
