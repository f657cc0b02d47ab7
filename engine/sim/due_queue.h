// due_queue.h: what is to happen later, the earliest first; of equals the one with the smaller tie.
//
// A binary heap in one vector: no allocation once it has grown. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <brume/engine/sim/sim_clock.h>

namespace brume::sim {

template <class Item>
class DueQueue {
 public:
  void push(io::Time due, std::uint64_t tie, const Item& item) {
    heap_.push_back({due, tie, item});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  // kNever where there is nothing.
  io::Time next_due() const { return heap_.empty() ? kNever : heap_.front().due; }

  // Requires: not empty.
  Item pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Item item = heap_.back().item;
    heap_.pop_back();
    return item;
  }

 private:
  struct Entry {
    io::Time due;
    std::uint64_t tie;
    Item item;
  };
  static bool later(const Entry& a, const Entry& b) { return a.due != b.due ? a.due > b.due : a.tie > b.tie; }

  std::vector<Entry> heap_;
};

}  // namespace brume::sim
