#include <brume/hub/call.h>
#include <brume/hub/shard.h>

namespace brume::hub {

CallBase::CallBase(Started&& started)
    : shard_(started.shard), slot_(started.slot), generation_(started.generation), answer_(std::move(started.answer)) {
  if (shard_) shard_->wait_for(slot_, generation_, *this);
}

CallBase::~CallBase() {
  forget();
}

void CallBase::forget() {
  if (shard_) std::exchange(shard_, nullptr)->forget(slot_, generation_);
}

void CallBase::complete(Answer&& answer) {
  shard_ = nullptr;
  answer_ = std::move(answer);
  unlink();
  if (!waiter_) return;
  scope_->on_woken();
  std::exchange(waiter_, nullptr).resume();
}

bool CallBase::wait(std::coroutine_handle<> waiter, core::TaskScope& scope) {
  if (scope.cancelled()) {
    forget();
    answer_.error = Error::connection_closed;
    return false;
  }
  waiter_ = waiter;
  scope_ = &scope;
  scope.link(*this);
  return true;
}

void CallBase::cancel() {
  forget();
  answer_.error = Error::connection_closed;
  std::exchange(waiter_, nullptr).resume();
}

void CallBase::give_callback(core::InlineFunction<void(Answer&&)> callback) {
  if (!shard_) return callback(std::move(answer_));
  Shard& shard = *shard_;
  forget();
  shard.call_back(slot_, generation_, std::move(callback));
}

}  // namespace brume::hub
