#include <algorithm>
#include <cstring>

#include <brume/engine/io/environment.h>

namespace brume::io {

void Environment::fill_random(std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t word = random();
    const std::size_t size = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, size);
    out = out.subspan(size);
  }
}

void Environment::resolve(const std::string& host, std::uint16_t port, Resolved resolved) {
  const bool v6 = host.find(':') != std::string::npos;
  const auto address = Address::parse((v6 ? "[" + host + "]" : host) + ":" + std::to_string(port));
  if (address) return resolved({{*address}, {}});
  resolved({{}, "the host is not known"});
}

}  // namespace brume::io
