// fifo.h: a first-in first-out queue whose items lie side by side, so that its front can be looked at as one span.
//
// One thread. Memory is kept for reuse until the queue is destroyed.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace brume::sim {

template <class T>
class Fifo {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }
  // Valid until the next push.
  std::span<T> items() { return std::span(items_).subspan(head_); }
  std::span<const T> items() const { return std::span(items_).subspan(head_); }
  T& front() { return items_[head_]; }
  T& back() { return items_.back(); }

  void push(const T& item) { push(std::span(&item, 1)); }
  void push(std::span<const T> items) {
    // Moving down only once the gap is as large as what stays keeps the cost of an item constant.
    if (head_ != 0 && head_ >= size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    items_.insert(items_.end(), items.begin(), items.end());
  }

  // Requires: count <= size().
  void pop(std::size_t count = 1) {
    head_ += count;
    if (empty()) clear();
  }
  // Takes items off the end until `count` are left.
  void truncate(std::size_t count) {
    items_.resize(head_ + count);
    if (empty()) clear();
  }
  void clear() {
    items_.clear();
    head_ = 0;
  }

 private:
  std::vector<T> items_;
  std::size_t head_ = 0;
};

}  // namespace brume::sim
