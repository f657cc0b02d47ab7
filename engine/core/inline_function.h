// inline_function.h: a move-only callable with room for a small one inside; any other is allocated.
//
// Inside are only callables that may be copied as bytes, so that a whole InlineFunction may travel as bytes: Packed
// fits into an envelope. As thread-safe as what it holds. Calling an empty one is a broken precondition.
#pragma once

#include <cassert>
#include <cstddef>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace brume::core {

template <class Signature>
class InlineFunction;

template <class Result, class... Arguments>
class InlineFunction<Result(Arguments...)> {
 public:
  static constexpr std::size_t kInlineSize = 32;  // bytes

  InlineFunction() = default;
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, InlineFunction> &&
             std::is_invocable_r_v<Result, std::decay_t<F>&, Arguments...>)
  explicit(false) InlineFunction(F&& f) {  // implicit, as std::function's
    using Held = std::decay_t<F>;
    if constexpr (kFits<Held>) {
      new (packed_.memory) Held(std::forward<F>(f));
    } else {
      new (packed_.memory) Held*(new Held(std::forward<F>(f)));
    }
    packed_.operations = &kOperations<Held>;
  }
  InlineFunction(InlineFunction&& other) noexcept : packed_(std::move(other).pack()) {}
  InlineFunction& operator=(InlineFunction&& other) noexcept {
    std::swap(packed_, other.packed_);
    return *this;
  }
  ~InlineFunction() {
    if (packed_.operations) packed_.operations->destroy(packed_.memory);
  }

  explicit operator bool() const { return packed_.operations != nullptr; }
  Result operator()(Arguments... arguments) {
    assert(packed_.operations);
    return packed_.operations->call(packed_.memory, std::forward<Arguments>(arguments)...);
  }

 private:
  struct Operations {
    Result (*call)(void* memory, Arguments&&... arguments);
    void (*destroy)(void* memory) noexcept;
  };

 public:
  // A function on its way, as bytes. Whoever has it has to unpack it once, and only once: it owns what it holds.
  struct Packed {
    const Operations* operations = nullptr;
    alignas(void*) std::byte memory[kInlineSize] = {};
  };
  static_assert(std::is_trivially_copyable_v<Packed>);

  // Leaves this one empty.
  Packed pack() && noexcept { return std::exchange(packed_, Packed{}); }
  static InlineFunction unpack(const Packed& packed) noexcept {
    InlineFunction function;
    function.packed_ = packed;
    return function;
  }

 private:
  template <class Held>
  static constexpr bool kFits =
      sizeof(Held) <= kInlineSize && alignof(Held) <= alignof(void*) && std::is_trivially_copyable_v<Held>;

  template <class Held>
  static Held& held(void* memory) {
    if constexpr (kFits<Held>) {
      return *std::launder(static_cast<Held*>(memory));
    } else {
      return **std::launder(static_cast<Held**>(memory));
    }
  }
  template <class Held>
  static Result call(void* memory, Arguments&&... arguments) {
    return std::invoke_r<Result>(held<Held>(memory), std::forward<Arguments>(arguments)...);
  }
  template <class Held>
  static void destroy(void* memory) noexcept {
    if constexpr (!kFits<Held>) delete &held<Held>(memory);
  }
  template <class Held>
  static constexpr Operations kOperations{&call<Held>, &destroy<Held>};

  Packed packed_;
};

}  // namespace brume::core
