// deflate_pool.h: the compressors and the decompressor that the connections of a core without context takeover share.
//
// A handler runs to its end before another begins, so one of each kind is enough: it is borrowed for one message. Made
// when first needed and kept: at most 0.6 MiB a core, however many connections there are. Its core's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include <brume/codec/copy_bytes.h>
#include <brume/codec/deflater.h>
#include <brume/codec/inflater.h>
#include <brume/codec/permessage_deflate.h>
#include <brume/engine/core/block_pool.h>

namespace brume::connection {

class DeflatePool {
 public:
  // For one message of `size` bytes to a peer that agreed on `most_bits`; for deflate_alone() alone. Null where there
  // is no memory for it: the message then goes as it is.
  codec::Deflater* deflater(std::size_t size, std::uint8_t most_bits, std::uint8_t level) noexcept;
  // May throw std::bad_alloc.
  codec::WholeInflater& inflater();

  // Of the compressors there are.
  std::size_t held_bytes() const;

 private:
  static constexpr std::size_t kWindows = codec::kMaxWindowBits - codec::kMinOwnWindowBits + 1;

  std::array<std::unique_ptr<codec::Deflater>, kWindows> deflaters_;  // by the bits of their window
  std::unique_ptr<codec::WholeInflater> inflater_;
};

// A block of the core's pool for as long as this lives.
class BorrowedBlock {
 public:
  // May throw std::bad_alloc.
  BorrowedBlock(core::BlockPool& pool, std::size_t size) : pool_(pool), block_(pool.take(size)) {}
  ~BorrowedBlock() { pool_.give_back(block_); }
  BorrowedBlock(const BorrowedBlock&) = delete;
  BorrowedBlock& operator=(const BorrowedBlock&) = delete;

  std::span<std::byte> bytes() const { return {block_.data, block_.size}; }
  // A larger one, with the first `keep` bytes. May throw std::bad_alloc; then nothing changed.
  void grow(std::size_t size, std::size_t keep) {
    const core::Block larger = pool_.take(size);
    codec::copy_bytes({larger.data, larger.size}, bytes().first(keep));
    pool_.give_back(block_);
    block_ = larger;
  }

 private:
  core::BlockPool& pool_;
  core::Block block_;
};

}  // namespace brume::connection
