// core_extension.h: something that lives on a core beside its connections, such as a hub's shard.
//
// Reached by its number in the core's table, never by its address: an envelope that comes late finds that it is gone.
// Its core's thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brume::connection {

class CoreExtension {
 public:
  virtual void check_invariants() const {}
  // The core begins to stop: connections hear of it by themselves, what else is under way is to be ended until
  // `deadline`.
  virtual void on_stop(std::chrono::nanoseconds /*deadline*/) {}

 protected:
  ~CoreExtension() = default;
};

// The extensions of one core. A number is never given twice.
class CoreExtensions {
 public:
  std::uint32_t add(CoreExtension& extension) {
    entries_.push_back(&extension);
    return static_cast<std::uint32_t>(entries_.size() - 1);
  }
  void remove(std::uint32_t number) { entries_[number] = nullptr; }
  // Null where it is gone, or was never there.
  CoreExtension* find(std::uint32_t number) const { return number < entries_.size() ? entries_[number] : nullptr; }
  void on_stop(std::chrono::nanoseconds deadline) {
    for (std::size_t i = 0; i < entries_.size(); i++)
      if (entries_[i]) entries_[i]->on_stop(deadline);
  }
  void check_invariants() const {
    for (const CoreExtension* extension : entries_)
      if (extension) extension->check_invariants();
  }

 private:
  std::vector<CoreExtension*> entries_;
};

}  // namespace brume::connection
