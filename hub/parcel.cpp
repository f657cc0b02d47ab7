#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include <brume/hub/parcel.h>

namespace brume::hub {

namespace {
void destroy(Parcel* parcel) noexcept {
  parcel->~Parcel();
  ::operator delete(static_cast<void*>(parcel));
}
}  // namespace

void Parcel::release() noexcept {
  // Acquire and release: who is last sees the others done reading before the memory is used again.
  if (references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  ParcelPool* home = pool;
  if (!home) return destroy(this);
  // Release: pairs with the acquire exchange in take_returned().
  next = home->returned_.load(std::memory_order_relaxed);
  while (!home->returned_.compare_exchange_weak(next, this, std::memory_order_release, std::memory_order_relaxed)) {
  }
  home->let_go(1);
}

Parcel* ParcelPool::make(std::string_view name, std::string_view body, std::size_t frame_size) {
  const std::size_t wanted = std::max(sizeof(Parcel) + name.size() + body.size() + frame_size, kMinSize);
  const auto size_class = static_cast<std::size_t>(std::bit_width((wanted - 1) / kMinSize));
  if (size_class >= kClasses) return make_unpooled(name, body, frame_size);
  if (!free_[size_class]) take_returned();
  Parcel* parcel = free_[size_class];
  if (parcel) {
    free_[size_class] = parcel->next;
    cached_ -= kMinSize << size_class;
  } else {
    parcel = new (::operator new(kMinSize << size_class)) Parcel;
    parcel->size_class = static_cast<std::uint32_t>(size_class);
  }
  parcel->pool = this;
  // Relaxed: a count; the last decrement orders the end.
  references_.fetch_add(1, std::memory_order_relaxed);
  return fill(parcel, name, body, frame_size);
}

Parcel* ParcelPool::make_unpooled(std::string_view name, std::string_view body, std::size_t frame_size) {
  auto* parcel = new (::operator new(sizeof(Parcel) + name.size() + body.size() + frame_size)) Parcel;
  return fill(parcel, name, body, frame_size);
}

Parcel* ParcelPool::fill(Parcel* parcel, std::string_view name, std::string_view body, std::size_t frame_size) {
  parcel->references.store(1, std::memory_order_relaxed);
  parcel->next = nullptr;
  parcel->hash = parcel->except = parcel->key = 0;
  parcel->frame_size = static_cast<std::uint32_t>(frame_size);
  parcel->name_size = static_cast<std::uint16_t>(name.size());
  parcel->body_size = static_cast<std::uint16_t>(body.size());
  parcel->policy = kNoPolicy;
  parcel->counted = false;
  parcel->reply = {};
  char* text = parcel->name_memory();
  std::copy(name.begin(), name.end(), text);
  std::copy(body.begin(), body.end(), text + name.size());
  return parcel;
}

void ParcelPool::take_returned() {
  // Acquire: pairs with the release in Parcel::release().
  Parcel* parcel = returned_.exchange(nullptr, std::memory_order_acquire);
  while (parcel) keep_or_free(std::exchange(parcel, parcel->next));
}

void ParcelPool::keep_or_free(Parcel* parcel) noexcept {
  const std::size_t size = kMinSize << parcel->size_class;
  if (cached_ + size > kMaxCached) return destroy(parcel);
  parcel->next = free_[parcel->size_class];
  free_[parcel->size_class] = parcel;
  cached_ += size;
}

void ParcelPool::abandon() noexcept {
  let_go(1);
}

void ParcelPool::let_go(std::uint32_t count) noexcept {
  // Acquire and release: the last one sees every parcel that came home.
  if (references_.fetch_sub(count, std::memory_order_acq_rel) == count) delete this;
}

ParcelPool::~ParcelPool() {
  take_returned();
  for (Parcel* parcel : free_)
    while (parcel) destroy(std::exchange(parcel, parcel->next));
}

}  // namespace brume::hub
