// message_store.h: the bytes of a message that is not complete yet, in one piece.
//
// Memory grows with the bytes stored, never with a length the peer declared: after each extend() the capacity is at
// most twice the size or kMinCapacity, whichever is more. While it grows, the old piece is held as well.
// A value of one message of one Decoder, on its thread. May throw std::bad_alloc.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace brume::codec {

class MessageStore {
 public:
  static constexpr std::size_t kMinCapacity = 64;  // bytes

  // Makes the store `count` bytes longer and returns these bytes, unspecified, to be written. `final_size` is the
  // largest size the store will reach: no room beyond it is taken.
  std::span<std::byte> extend(std::size_t count, std::size_t final_size);

  // The bytes so far; valid until the next extend(), and with the memory given away by release() as long as that lives.
  std::span<std::byte> bytes() { return {data_.get(), size_}; }
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }

  // Gives the memory away (null where none was needed) and is empty afterwards.
  std::unique_ptr<std::byte[]> release();
  void check_invariants() const;

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace brume::codec
