// task_scope.h: the owner of running tasks: a connection, or an HTTP request.
//
// What it owns ends with it: cancel() resumes every brume await of its tasks with an error, and destroying the frames
// (destroy_task()) unlinks whatever they still wait in. Its core's thread only.
#pragma once

#include <coroutine>
#include <exception>

namespace brume::core {

class Reactor;
template <class T>
class Task;

// An await that ends early when its scope is cancelled; lives in the waiting coroutine's frame and unlinks itself.
class CancelPoint {
 public:
  CancelPoint() = default;
  CancelPoint(const CancelPoint&) = delete;
  CancelPoint& operator=(const CancelPoint&) = delete;

  bool linked() const { return place_ != nullptr; }

 protected:
  ~CancelPoint() { unlink(); }
  // The scope ends: resume the waiter with an error. Called once, already unlinked.
  virtual void cancel() = 0;
  void unlink();

 private:
  friend class TaskScope;
  CancelPoint* next_ = nullptr;
  CancelPoint** place_ = nullptr;  // what points at this
};

class TaskScope {
 public:
  virtual Reactor& reactor() = 0;

  // A task is about to run for the first time; from here on the scope owns its frame, and may destroy it by
  // destroy_task() wherever it is suspended.
  virtual void on_task_begun(void* task) = 0;
  // A task has ended and its frame is gone; the exception it ended with, if any.
  virtual void on_task_done(void* task, std::exception_ptr exception) noexcept = 0;

  // A task of it goes on by what is not a call into this scope: its sleep is over, an answer has come.
  virtual void on_woken() {}

  // Runs `task` until it first suspends.
  void begin(Task<void> task);
  static void destroy_task(void* task) { std::coroutine_handle<>::from_address(task).destroy(); }

  // Resumes every waiting cancel point with its error, also those that come to wait meanwhile: they do not wait.
  void cancel();
  bool cancelled() const { return cancelled_; }
  void link(CancelPoint& point);

 protected:
  ~TaskScope() = default;

 private:
  CancelPoint* points_ = nullptr;
  bool cancelled_ = false;
};

inline void CancelPoint::unlink() {
  if (!place_) return;
  *place_ = next_;
  if (next_) next_->place_ = place_;
  place_ = nullptr;
  next_ = nullptr;
}

inline void TaskScope::link(CancelPoint& point) {
  point.next_ = points_;
  point.place_ = &points_;
  if (points_) points_->place_ = &point.next_;
  points_ = &point;
}

inline void TaskScope::cancel() {
  cancelled_ = true;
  while (points_) {
    CancelPoint& point = *points_;
    point.unlink();
    point.cancel();
  }
}

}  // namespace brume::core
