// inline_function.h: a move-only callable with room for a small one inside; a larger one is allocated.
//
// As thread-safe as what it holds. Calling an empty one is a broken precondition.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace brume::core {

template <class Signature>
class InlineFunction;

template <class Result, class... Arguments>
class InlineFunction<Result(Arguments...)> {
 public:
  static constexpr std::size_t kInlineSize = 48;  // bytes

  InlineFunction() = default;
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, InlineFunction> &&
             std::is_invocable_r_v<Result, std::decay_t<F>&, Arguments...>)
  explicit(false) InlineFunction(F&& f) : operations_(&kOperations<std::decay_t<F>>) {  // implicit, as std::function's
    using Held = std::decay_t<F>;
    if constexpr (kFits<Held>) {
      new (memory_) Held(std::forward<F>(f));
    } else {
      new (memory_) Held*(new Held(std::forward<F>(f)));
    }
  }
  InlineFunction(InlineFunction&& other) noexcept : operations_(std::exchange(other.operations_, nullptr)) {
    if (operations_) operations_->move(memory_, other.memory_);
  }
  InlineFunction& operator=(InlineFunction&& other) noexcept {
    if (this == &other) return *this;
    if (operations_) operations_->destroy(memory_);
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_) operations_->move(memory_, other.memory_);
    return *this;
  }
  ~InlineFunction() {
    if (operations_) operations_->destroy(memory_);
  }

  explicit operator bool() const { return operations_ != nullptr; }
  Result operator()(Arguments... arguments) {
    return operations_->call(memory_, std::forward<Arguments>(arguments)...);
  }

 private:
  struct Operations {
    Result (*call)(void* memory, Arguments&&... arguments);
    void (*move)(void* to, void* from) noexcept;  // leaves `from` without an object
    void (*destroy)(void* memory) noexcept;
  };
  template <class Held>
  static constexpr bool kFits = sizeof(Held) <= kInlineSize && alignof(Held) <= alignof(std::max_align_t) &&
                                std::is_nothrow_move_constructible_v<Held>;
  template <class Held>
  static Held& held(void* memory) {
    if constexpr (kFits<Held>) {
      return *std::launder(static_cast<Held*>(memory));
    } else {
      return **std::launder(static_cast<Held**>(memory));
    }
  }
  template <class Held>
  static constexpr Operations kOperations{[](void* memory, Arguments&&... arguments) -> Result {
                                            return held<Held>(memory)(std::forward<Arguments>(arguments)...);
                                          },
                                          [](void* to, void* from) noexcept {
                                            if constexpr (kFits<Held>) {
                                              new (to) Held(std::move(held<Held>(from)));
                                              held<Held>(from).~Held();
                                            } else {
                                              new (to) Held*(&held<Held>(from));
                                            }
                                          },
                                          [](void* memory) noexcept {
                                            if constexpr (kFits<Held>) {
                                              held<Held>(memory).~Held();
                                            } else {
                                              delete &held<Held>(memory);
                                            }
                                          }};

  const Operations* operations_ = nullptr;
  alignas(std::max_align_t) std::byte memory_[kInlineSize];
};

}  // namespace brume::core
