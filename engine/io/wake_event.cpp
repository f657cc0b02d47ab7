#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>

#include <brume/engine/io/wake_event.h>

namespace brume::io {

int WakeEvent::open() {
  event_ = OwnedDescriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  return event_ ? 0 : errno;
}

void WakeEvent::ring() {
  // Pairs with the exchange in clear(): either this one sees false and writes, or the owner has yet to clear and then
  // sees everything written before this exchange.
  if (rung_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  ssize_t written = 0;
  do written = write(event_.get(), &one, sizeof one);
  while (written < 0 && errno == EINTR);
}

}  // namespace brume::io
