// tape.h: the frames that one turn lays down for many connections: written once, sent to each of them from here.
//
// A Tape belongs to one core and is its thread's. Frames stand next to each other in chunks from the core's block pool;
// an outbox refers to a range of a chunk, and a chunk lives until its tape is cleared and the last outbox has let it
// go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <brume/engine/config.h>
#include <brume/engine/core/block_pool.h>

namespace brume::connection {

// Stands at the front of its block; the frames' bytes follow. Counted: by its tape, and by each range in an outbox.
struct TapeChunk {
  core::BlockPool* pool;
  std::uint32_t capacity;  // bytes of the whole block
  std::uint32_t size = 0;  // bytes of frames
  std::uint32_t references = 1;

  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
  std::uint32_t room() const { return capacity - static_cast<std::uint32_t>(sizeof(TapeChunk)) - size; }
  void release() {
    if (--references == 0) pool->give_back({reinterpret_cast<std::byte*>(this), capacity});
  }
};

// What a message of a broadcast is, to the outboxes it is laid into.
struct TapeMessage {
  SlowConsumerPolicy policy = SlowConsumerPolicy::drop_newest;
  std::uint64_t key = 0;     // latest_only: what it is the newest of; 0: of nothing
  std::uint64_t except = 0;  // Connection::id() of the one it does not go to; 0: none
};

// What laying messages into an outbox left to be done, once nobody goes through receivers any more.
enum class TapeOutcome : std::uint8_t {
  taken,          // nothing
  dropped,        // the application has to hear of it
  disconnect,     // the policy ends the connection
  out_of_memory,  // there was no memory for it, which ends the connection
};

class Tape {
 public:
  struct Entry {
    TapeMessage message;
    std::uint32_t chunk;  // index into chunks()
    std::uint32_t begin;  // bytes in that chunk
    std::uint32_t end;
    // Outboxes that took it: `taken` by itself, and all who took everything from an entry at or before this one.
    std::uint32_t taken = 0;
    std::uint32_t taken_from_here = 0;
  };

  explicit Tape(core::BlockPool& pool) : pool_(&pool) {}
  ~Tape() { clear(); }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // `size` contiguous bytes at the end, which the caller fills at once with one whole frame. May throw std::bad_alloc;
  // then nothing changed.
  std::span<std::byte> append(std::size_t size, const TapeMessage& message);

  bool empty() const { return entries_.empty(); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }  // messages
  std::size_t bytes_from(std::uint32_t first) const;                                  // of the frames from there on
  std::span<Entry> entries() { return entries_; }
  std::span<TapeChunk* const> chunks() const { return chunks_; }
  // Calls `f(TapeChunk&, begin, end, messages)` for each run of bytes that holds the messages from `first` on.
  template <class F>
  void for_each_run(std::uint32_t first, F&& f) const {
    std::uint32_t chunk = entries_[first].chunk;
    for (std::uint32_t begin = entries_[first].begin; chunk < chunks_.size(); chunk++, begin = 0) {
      const std::uint32_t next = chunk + 1 < chunks_.size() ? first_entries_[chunk + 1] : size();
      f(*chunks_[chunk], begin, chunks_[chunk]->size, next - std::max(first, first_entries_[chunk]));
    }
  }
  // Whether some message does not go to the connection of that id.
  bool excepts(std::uint64_t id) const { return std::ranges::find(excepted_, id) != excepted_.end(); }
  // Whether some message replaces older ones.
  bool has_latest_only() const { return has_latest_only_; }
  // An outbox took every message from `first` to the last one there is now.
  void note_whole(std::uint32_t first) {
    entries_[first].taken_from_here++;
    whole_takers_++;
  }
  // Adds up for each entry how many took it, into `taken`. Once, after the last outbox.
  void sum_taken();
  // Lets the chunks go; keeps the memory of its lists.
  void clear();
  void check_invariants() const;

 private:
  void add_chunk(std::size_t size);

  core::BlockPool* pool_;
  std::vector<TapeChunk*> chunks_;
  std::vector<std::uint32_t> first_entries_;  // of each chunk
  std::vector<Entry> entries_;
  std::vector<std::uint64_t> excepted_;
  std::size_t bytes_ = 0;
  std::size_t last_bytes_ = 0;      // when it was cleared
  std::uint32_t whole_takers_ = 0;  // noted since the last message was appended
  bool has_latest_only_ = false;
};

}  // namespace brume::connection
