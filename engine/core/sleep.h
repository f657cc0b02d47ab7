// sleep.h: co_await sleep(duration): time on the core's timer wheel.
//
// -> expected<void, Error>: connection_closed where the task's owner ended first. Inside a Task only; its core's
// thread.
#pragma once

#include <chrono>
#include <coroutine>
#include <expected>

#include <brume/engine/core/reactor.h>
#include <brume/engine/core/task_scope.h>
#include <brume/engine/error.h>

namespace brume::core {

class Sleep final : private CancelPoint, private Alarm {
 public:
  explicit Sleep(std::chrono::nanoseconds duration) : duration_(duration) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return begin(waiter, *waiter.promise().scope());
  }
  std::expected<void, Error> await_resume() const {
    if (cancelled_) return std::unexpected(Error::connection_closed);
    return {};
  }

 private:
  bool begin(std::coroutine_handle<> waiter, TaskScope& scope);
  void cancel() override;
  void fire() override;

  std::chrono::nanoseconds duration_;
  std::coroutine_handle<> waiter_{};
  TaskScope* scope_ = nullptr;
  bool cancelled_ = false;
};

}  // namespace brume::core

namespace brume {

inline core::Sleep sleep(std::chrono::nanoseconds duration) {
  return core::Sleep(duration);
}

}  // namespace brume
