#include <brume/engine/core/sleep.h>

namespace brume::core {

bool Sleep::begin(std::coroutine_handle<> waiter, TaskScope& scope) {
  if (scope.cancelled()) {
    cancelled_ = true;
    return false;
  }
  waiter_ = waiter;
  scope_ = &scope;
  scope.link(*this);
  Reactor& reactor = scope.reactor();
  reactor.arm(*this, reactor.now() + duration_);
  return true;
}

void Sleep::cancel() {
  scope_->reactor().timers().cancel(*this);
  cancelled_ = true;
  waiter_.resume();
}

void Sleep::fire() {
  CancelPoint::unlink();
  scope_->on_woken();
  waiter_.resume();
}

}  // namespace brume::core
