// task.h: a lazy coroutine of one core: it starts when it is awaited (or begun by a TaskScope) and ends there.
//
// Frames come from the core's pool (frame_pool.h). A Task is moved, never copied; destroying one that has not ended
// destroys its frame, and with it every await it stands in. An exception goes to whoever awaits. Awaiting a task costs
// no stack: control is handed over symmetrically. One thread: the core's.
//
// With g++ 12 never write an aggregate temporary that has a non-trivial member (a string, designated initializers)
// inside a co_await expression: the compiler destroys it twice. Types a coroutine may be given have a constructor.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include <brume/engine/core/frame_pool.h>
#include <brume/engine/core/task_scope.h>

namespace brume::core {

class PromiseBase {
 public:
  static void* operator new(std::size_t size) { return FramePool::allocate_from_current(size); }
  static void operator delete(void* frame) { FramePool::deallocate(frame); }

  PromiseBase() = default;
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;
  ~PromiseBase() {
    if (start_) *start_ = Start::destroyed;
  }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  // Who owns the tree of tasks this one belongs to: for awaits that end with it. Null only before it is awaited.
  TaskScope* scope() const { return scope_; }

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      PromiseBase& promise = ended.promise();
      if (promise.start_) {  // the call that started it has not returned: it goes on from there
        *promise.start_ = Start::ended;
        promise.start_ = nullptr;
        return std::noop_coroutine();
      }
      if (promise.continuation_) return promise.continuation_;
      // A root: the frame (and this awaiter in it) goes before its owner hears of it, so that the owner may free
      // itself.
      TaskScope* scope = promise.scope_;
      const std::exception_ptr exception = std::move(promise.exception_);
      void* const address = ended.address();
      ended.destroy();
      scope->on_task_done(address, exception);
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  FinalAwaiter final_suspend() const noexcept { return {}; }

  void set_root(TaskScope& scope) { scope_ = &scope; }

  // Runs the task until it suspends or ends; true where it has ended. Otherwise `continuation` is resumed when it ends.
  // All that is known afterwards is on the stack: by then the task and whoever awaits it may have been destroyed.
  static bool start(std::coroutine_handle<> task, PromiseBase& promise, std::coroutine_handle<> continuation,
                    TaskScope* scope) {
    Start outcome = Start::suspended;
    promise.continuation_ = continuation;
    promise.scope_ = scope;
    promise.start_ = &outcome;
    task.resume();
    if (outcome == Start::suspended) promise.start_ = nullptr;
    return outcome == Start::ended;
  }

 protected:
  void rethrow() {
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
  }

 private:
  enum class Start : std::uint8_t { suspended, ended, destroyed };

  std::coroutine_handle<> continuation_{};
  TaskScope* scope_ = nullptr;
  Start* start_ = nullptr;  // where start() waits for what comes of it; null once it has returned
  std::exception_ptr exception_;
};

template <class T>
class Promise final : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() { rethrow(); }
};

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = Promise<T>;

  Task() = default;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  explicit operator bool() const { return handle_ != nullptr; }

  // Requires: awaited from another Task, at most once.
  struct Awaiter {
    std::coroutine_handle<promise_type> task;
    bool await_ready() const noexcept { return false; }
    template <class Parent>
    bool await_suspend(std::coroutine_handle<Parent> parent) const {
      return !PromiseBase::start(task, task.promise(), parent, parent.promise().scope());
    }
    T await_resume() const { return task.promise().take(); }
  };
  Awaiter operator co_await() const noexcept {
    assert(handle_ && !handle_.done());
    return Awaiter{handle_};
  }

  void* address() const { return handle_.address(); }
  std::coroutine_handle<promise_type> release() { return std::exchange(handle_, nullptr); }

 private:
  std::coroutine_handle<promise_type> handle_{};
};

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace brume::core
