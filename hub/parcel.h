// parcel.h: names and a frame on their way between cores: immutable once sent, counted by the cores that still read it.
//
// Made by one core from its own pool (or by a foreign thread from operator new); whichever core is last gives it back
// to where it came from. A pool lives until its last parcel has come home.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <brume/hub/reply_to.h>

namespace brume::hub {

class ParcelPool;

// Stands at the front of its memory; name, body and frame follow.
struct Parcel {
  std::atomic<std::uint32_t> references{1};
  std::uint32_t size_class = 0;
  ParcelPool* pool = nullptr;  // null: from operator new
  Parcel* next = nullptr;      // while it is free

  std::uint64_t hash = 0;  // of the name
  std::uint64_t except = 0;
  std::uint64_t key = 0;
  std::uint32_t frame_size = 0;
  std::uint16_t name_size = 0;
  std::uint16_t body_size = 0;
  std::uint8_t policy = 0;  // of the broadcast; kNoPolicy: of the room
  bool counted = false;
  ReplyTo reply{};

  std::string_view name() const { return {text(), name_size}; }
  std::string_view body() const { return {text() + name_size, body_size}; }  // a second name
  std::span<std::byte> frame() { return {bytes() + name_size + body_size, frame_size}; }
  char* name_memory() { return reinterpret_cast<char*>(bytes()); }

  // Relaxed: who adds holds one already.
  void share(std::uint32_t count = 1) { references.fetch_add(count, std::memory_order_relaxed); }
  void release() noexcept;

 private:
  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
  const char* text() const { return reinterpret_cast<const char*>(this + 1); }
};

inline constexpr std::uint8_t kNoPolicy = 0xFF;

struct ReleaseParcel {
  void operator()(Parcel* parcel) const noexcept { parcel->release(); }
};
using ParcelPtr = std::unique_ptr<Parcel, ReleaseParcel>;

// One core's. make() is its thread's; parcels come home from any.
class ParcelPool {
 public:
  static ParcelPool* create() { return new ParcelPool; }
  // The core is done with it: it goes when its last parcel has come home.
  void abandon() noexcept;

  ParcelPool(const ParcelPool&) = delete;
  ParcelPool& operator=(const ParcelPool&) = delete;

  // Room for a name, a second one and a frame; the names are copied. May throw std::bad_alloc.
  Parcel* make(std::string_view name, std::string_view body, std::size_t frame_size);
  // The same where there is no pool.
  static Parcel* make_unpooled(std::string_view name, std::string_view body, std::size_t frame_size);
  std::size_t cached() const { return cached_; }  // bytes of free parcels

 private:
  friend struct Parcel;
  static constexpr std::size_t kMinSize = 256;                // bytes, with the header
  static constexpr std::size_t kClasses = 12;                 // 256 B to 512 KiB; larger ones are not pooled
  static constexpr std::size_t kMaxCached = 4 * 1024 * 1024;  // bytes of free parcels

  ParcelPool() = default;
  ~ParcelPool();
  static Parcel* fill(Parcel* parcel, std::string_view name, std::string_view body, std::size_t frame_size);
  void take_returned();
  void keep_or_free(Parcel* parcel) noexcept;
  void let_go(std::uint32_t count) noexcept;

  std::array<Parcel*, kClasses> free_{};
  std::size_t cached_ = 0;
  // Pushed by any core, taken whole by the owner: no place in it can be mistaken for another.
  std::atomic<Parcel*> returned_{nullptr};
  // The owner, and each parcel that is out.
  std::atomic<std::uint32_t> references_{1};
};

}  // namespace brume::hub
