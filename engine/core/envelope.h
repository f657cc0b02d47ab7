// envelope.h: one request on its way to a core: a function and a few words for it.
//
// A value that is copied through a mailbox slot: what its payload owns is released by its one run.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace brume::core {

struct Envelope {
  static constexpr std::size_t kPayloadSize = 48;  // bytes: with the function and the slot's sequence, one cache line

  // Does what is asked on the receiving core, with the host its reactor serves; a null host means that the core is
  // gone: then only what the payload owns is released. Called exactly once for an envelope a mailbox took.
  using Run = void (*)(void* host, std::byte* payload) noexcept;

  Run run = nullptr;
  alignas(8) std::array<std::byte, kPayloadSize> payload{};

  // An envelope around a trivially copyable value.
  template <class T>
  static Envelope make(Run run, const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kPayloadSize && alignof(T) <= 8);
    Envelope envelope{.run = run};
    std::memcpy(envelope.payload.data(), &value, sizeof value);
    return envelope;
  }
  template <class T>
  static T read(const std::byte* payload) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kPayloadSize);
    T value;
    std::memcpy(&value, payload, sizeof value);
    return value;
  }
};
static_assert(std::is_trivially_copyable_v<Envelope>);

}  // namespace brume::core
