#include <algorithm>
#include <utility>

#include <brume/codec/check.h>
#include <brume/codec/copy_bytes.h>
#include <brume/codec/message_store.h>

namespace brume::codec {

std::span<std::byte> MessageStore::extend(std::size_t count, std::size_t final_size) {
  const std::size_t old_size = size_;
  const std::size_t new_size = old_size + count;
  if (new_size > capacity_) {
    const std::size_t roomy = std::max(2 * new_size, kMinCapacity);
    const std::size_t capacity = std::max(new_size, std::min(roomy, final_size));
    auto data = std::make_unique_for_overwrite<std::byte[]>(capacity);
    copy_bytes({data.get(), capacity}, bytes());
    data_ = std::move(data);
    capacity_ = capacity;
  }
  size_ = new_size;
  return bytes().subspan(old_size);
}

std::unique_ptr<std::byte[]> MessageStore::release() {
  size_ = 0;
  capacity_ = 0;
  return std::move(data_);
}

void MessageStore::check_invariants() const {
  check(size_ <= capacity_, "a message store's size is within its capacity");
  check(capacity_ <= std::max(2 * size_, kMinCapacity), "a message store's capacity is within twice its size");
  check((data_ == nullptr) == (capacity_ == 0), "a message store without capacity holds no memory");
}

}  // namespace brume::codec
