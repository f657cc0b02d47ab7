#include <fcntl.h>
#include <sys/socket.h>

#include <brume/engine/io/descriptor_reserve.h>

namespace brume::io {

bool DescriptorReserve::refuse_one(int listener) {
  held_.reset();
  OwnedDescriptor refused(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const bool taken = static_cast<bool>(refused);
  refused.reset();  // before the refill, which may need the very descriptor
  refill();
  return taken;
}

void DescriptorReserve::refill() {
  if (!held_) held_ = OwnedDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace brume::io
