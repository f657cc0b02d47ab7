#include <algorithm>
#include <cassert>

#include <brume/hub/room.h>

namespace brume::hub {

MemberList::~MemberList() {
  assert(size_ == 0);
  if (capacity_ != 0) core::FramePool::deallocate(static_cast<void*>(many_));
}

void MemberList::add(Membership& membership, core::FramePool& frames) {
  const std::uint32_t room_for = std::max(capacity_, 1U);
  if (size_ == room_for) {
    constexpr std::uint32_t kFirst = 4;
    const std::uint32_t grown = std::max(2 * capacity_, kFirst);
    auto** many = static_cast<Membership**>(frames.allocate(grown * sizeof(Membership*)));
    for (std::uint32_t i = 0; i < size_; i++) many[i] = (*this)[i];
    if (capacity_ != 0) core::FramePool::deallocate(static_cast<void*>(many_));
    many_ = many;
    capacity_ = grown;
  }
  membership.index = size_;
  (capacity_ == 0 ? only_ : many_[size_]) = &membership;
  size_++;
}

void MemberList::remove(Membership& membership) noexcept {
  assert(membership.index < size_ && (*this)[membership.index] == &membership);
  Membership* last = (*this)[--size_];
  last->index = membership.index;
  (capacity_ == 0 ? only_ : many_[membership.index]) = last;
}

}  // namespace brume::hub
