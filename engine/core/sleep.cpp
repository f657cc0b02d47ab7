#include <brume/engine/core/sleep.h>

namespace brume::core {

bool Sleep::begin(std::coroutine_handle<> waiter, TaskScope& scope) {
  if (scope.cancelled()) {
    cancelled_ = true;
    return false;
  }
  waiter_ = waiter;
  reactor_ = &scope.reactor();
  scope.link(*this);
  reactor_->arm(*this, reactor_->now() + duration_);
  return true;
}

void Sleep::cancel() {
  reactor_->timers().cancel(*this);
  cancelled_ = true;
  waiter_.resume();
}

void Sleep::fire() {
  CancelPoint::unlink();
  waiter_.resume();
}

}  // namespace brume::core
