// turn_shares.h: which names a turn's time was spent on: how a turn that took too long is explained.
//
// Own thread of its reactor. Allocates nothing: of more names than it has room for it forgets those with the least
// time. Names are copied, as who is called by one may be gone before the turn is over.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <brume/engine/io/io.h>

namespace brume::core {

class TurnShares {
 public:
  static constexpr std::size_t kMost = 8;          // names
  static constexpr std::size_t kMaxNameSize = 64;  // bytes; the rest of a longer one is left out

  struct Share {
    std::string_view name;
    io::Time time{0};
  };

  void begin_turn() {
    count_ = 0;
    current_ = nullptr;
  }
  bool running() const { return current_ != nullptr; }
  bool runs(std::string_view name) const { return current_ && current_->called(name); }
  // From `now` on time is spent on `name`, and no longer on what came before.
  void change(std::string_view name, io::Time now) {
    stop(now);
    current_ = &entry(name);
    since_ = now;
  }
  void stop(io::Time now) {
    if (current_) current_->time += now - since_;
    current_ = nullptr;
  }
  // The one with the most time since begin_turn(), valid until then; without a name where there was none.
  Share largest() const {
    const Entry* const end = entries_.data() + count_;
    const Entry* const most = std::max_element(entries_.data(), end, less);
    return most == end ? Share{} : Share{{most->text.data(), most->size}, most->time};
  }

 private:
  struct Entry {
    bool called(std::string_view name) const {
      return std::string_view(text.data(), size) == name.substr(0, kMaxNameSize);
    }
    io::Time time{0};
    std::size_t size = 0;
    std::array<char, kMaxNameSize> text{};
  };
  static bool less(const Entry& a, const Entry& b) { return a.time < b.time; }

  Entry& entry(std::string_view name) {
    for (std::size_t i = 0; i < count_; i++)
      if (entries_[i].called(name)) return entries_[i];
    Entry& fresh = count_ < kMost ? entries_[count_++] : *std::ranges::min_element(entries_, less);
    fresh.time = io::Time::zero();
    fresh.size = name.copy(fresh.text.data(), kMaxNameSize);
    return fresh;
  }

  Entry* current_ = nullptr;
  io::Time since_{0};
  std::size_t count_ = 0;
  std::array<Entry, kMost> entries_;
};

}  // namespace brume::core
