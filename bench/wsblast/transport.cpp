#include <brume/bench/wsblast/dial.h>
#include <brume/bench/wsblast/transport.h>

namespace wsblast {
namespace {

constexpr std::size_t kOpenedSize = 512 * 1024;  // more than one receive brings

}  // namespace

Transport::Transport(const std::vector<Socket>& connections) : ring_(descriptors_of(connections)) {
  if (connections.empty() || connections.front().tls() == nullptr) return;
  for (const Socket& connection : connections) ends_.push_back({connection.tls(), {}});
  opened_.resize(kOpenedSize);
  tls_ = connections.front().tls()->description();
}

void Transport::send(std::uint32_t connection, std::span<const std::byte> bytes) {
  if (ends_.empty()) return ring_.send(connection, bytes);
  End& end = ends_[connection];
  end.sealed.clear();
  end.tls->seal(bytes);
  end.tls->take_sealed(end.sealed);
  ring_.send(connection, end.sealed);
}

std::size_t Transport::open(std::uint32_t connection) {
  std::size_t size = 0;
  while (size < opened_.size()) {
    const std::size_t more = ends_[connection].tls->open(std::span(opened_).subspan(size));
    if (more == 0) break;
    size += more;
  }
  return size;
}

}  // namespace wsblast
