// lingering.h: sessions whose transport is gone while a handler of theirs still waits for something.
//
// They have a while to come to an end by themselves; then their tasks are destroyed where they stand. Owned by the
// core; its thread only.
#pragma once

#include <cstddef>
#include <vector>

#include <brume/engine/core/reactor.h>
#include <brume/engine/core/task_scope.h>

namespace brume::connection {

// The scope of tasks that may outlive what they speak to.
class Lingerer : public core::TaskScope {
 public:
  // Destroys the tasks, and with them this object.
  virtual void give_up() = 0;

 protected:
  ~Lingerer() = default;
};

class Lingering {
 public:
  explicit Lingering(core::Reactor& reactor) : reactor_(reactor), alarm_(*this) {}
  // Requires: empty.
  ~Lingering();
  Lingering(const Lingering&) = delete;
  Lingering& operator=(const Lingering&) = delete;

  // give_up() is called at `deadline`, or earlier where the core stops. May throw std::bad_alloc.
  void add(Lingerer& lingerer, core::Time deadline);
  // It has ended by itself.
  void remove(Lingerer& lingerer);
  // Ends all of them now.
  void give_up_all();
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    Lingerer* lingerer;
    core::Time deadline;
  };
  struct OwnAlarm final : core::Alarm {
    explicit OwnAlarm(Lingering& l) : lingering(l) {}
    void fire() override { lingering.give_up_until_now(); }
    Lingering& lingering;
  };
  void give_up_until_now();
  void end(core::Time until);

  core::Reactor& reactor_;
  OwnAlarm alarm_;
  std::vector<Entry> entries_;
};

}  // namespace brume::connection
