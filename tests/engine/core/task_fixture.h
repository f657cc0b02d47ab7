// task_fixture.h: an owner of tasks that notes what becomes of them, and a place for them to wait in.
//
// One thread; made by a test and gone with it.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <vector>

#include <brume/engine/core/intrusive_list.h>
#include <brume/engine/core/task.h>
#include <brume/engine/core/task_scope.h>

namespace brume::core::test {

class TestScope : public TaskScope {
 public:
  ~TestScope() { destroy_all(); }

  Reactor& reactor() override { std::abort(); }  // tests that need one have a scope of their own
  void on_task_begun(void* task) override { running.push_back(task); }
  void on_task_done(void* task, std::exception_ptr exception) noexcept override {
    std::erase(running, task);
    done++;
    last_exception = exception;
  }
  // As a connection does after its deadline.
  void destroy_all() {
    while (!running.empty()) {
      void* task = running.back();
      running.pop_back();
      destroy_task(task);
    }
  }

  std::vector<void*> running;
  int done = 0;
  std::exception_ptr last_exception;
};

// Tasks wait here, first come first served, until resume_one().
class WaitingRoom {
 public:
  class Wait : public ListLink<> {
   public:
    explicit Wait(WaitingRoom& room) : room_(room) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      waiter_ = waiter;
      room_.waits_.push_back(*this);
    }
    void await_resume() const noexcept {}

   private:
    friend class WaitingRoom;
    WaitingRoom& room_;
    std::coroutine_handle<> waiter_{};
  };

  Wait wait() { return Wait(*this); }
  bool empty() const { return waits_.empty(); }
  // False where nobody waits.
  bool resume_one() {
    Wait* first = waits_.pop_front();
    if (first) first->waiter_.resume();
    return first != nullptr;
  }

 private:
  IntrusiveList<Wait> waits_;
};

// Counts the objects that live, through every way a coroutine may hold them.
struct Tracked {
  explicit Tracked(int& c) : count(&c) { ++*count; }
  Tracked(const Tracked& other) : count(other.count) { ++*count; }
  Tracked(Tracked&& other) noexcept : count(other.count) { ++*count; }
  Tracked& operator=(const Tracked&) = delete;
  ~Tracked() { --*count; }
  int* count;
};

}  // namespace brume::core::test
