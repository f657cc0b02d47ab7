#include <xxhash.h>

#include <brume/hub/name.h>

namespace brume::hub {

HashedName hash_name(std::string_view text, std::uint64_t seed) {
  return {text, XXH3_64bits_withSeed(text.data(), text.size(), seed)};
}

}  // namespace brume::hub
