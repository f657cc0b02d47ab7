// call.h: a question to a hub on its way: co_await it, give it a callback, or drop it.
//
// A call starts when it is made; dropping its result does not take it back (but a Registration that nobody took ends).
// On the core's thread that made it. It cannot be moved: co_await it in place or through the variable it was made in.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <brume/engine/connection.h>
#include <brume/engine/core/inline_function.h>
#include <brume/engine/core/task_scope.h>
#include <brume/engine/error.h>
#include <brume/hub/registration.h>

namespace brume {

namespace hub {

class Shard;

// What came of a call; which fields mean something depends on the call.
struct Answer {
  std::optional<Error> error;
  std::uint64_t number = 0;
  std::vector<std::string> names;
  std::optional<ConnectionHandle> handle;
  Registration registration;
};

// A call as its shard has started it: waiting under a name, or answered already.
struct Started {
  Shard* shard = nullptr;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  Answer answer{};

  static Started failed(Error error) {
    Started started;
    started.answer.error = error;
    return started;
  }
};

class CallBase : private core::CancelPoint {
 public:
  CallBase(const CallBase&) = delete;
  CallBase& operator=(const CallBase&) = delete;

  // The shard has the answer; the call is not known to it any more.
  void complete(Answer&& answer);

  bool await_ready() const noexcept { return !shard_; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return wait(waiter, *waiter.promise().scope());
  }

 protected:
  explicit CallBase(Started&& started);
  ~CallBase();

  Answer take_answer() { return std::move(answer_); }
  void give_callback(core::InlineFunction<void(Answer&&)> callback);

 private:
  bool wait(std::coroutine_handle<> waiter, core::TaskScope& scope);
  void cancel() override;
  void forget();

  Shard* shard_;  // null once there is an answer
  std::uint32_t slot_;
  std::uint32_t generation_;
  Answer answer_;
  std::coroutine_handle<> waiter_{};
  core::TaskScope* scope_ = nullptr;  // of the waiter
};

template <class T>
std::expected<T, Error> result_of(Answer&& answer) {
  if (answer.error) return std::unexpected(*answer.error);
  if constexpr (std::is_void_v<T>) {
    return {};
  } else if constexpr (std::is_same_v<T, std::size_t>) {
    return static_cast<std::size_t>(answer.number);
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    return std::move(answer.names);
  } else if constexpr (std::is_same_v<T, std::optional<ConnectionHandle>>) {
    return std::move(answer.handle);
  } else {
    static_assert(std::is_same_v<T, Registration>);
    return std::move(answer.registration);
  }
}

}  // namespace hub

template <class T>
class [[nodiscard]] HubCall final : public hub::CallBase {
 public:
  explicit HubCall(hub::Started&& started) : CallBase(std::move(started)) {}

  // co_await: -> expected<T, Error>. connection_closed where the awaiting handler's connection ended first; the call
  // goes on.
  std::expected<T, Error> await_resume() { return hub::result_of<T>(take_answer()); }
  // Calls `f(expected<T, Error>)` on this core once there is an answer, perhaps before this returns.
  template <class F>
  void then(F f) {
    give_callback([f = std::move(f)](hub::Answer&& answer) mutable { f(hub::result_of<T>(std::move(answer))); });
  }
};

}  // namespace brume
