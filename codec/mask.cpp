#include <brume/codec/kernels/dispatch.h>
#include <brume/codec/mask.h>

namespace brume::codec {

void apply_mask_by_kernel(std::span<std::byte> out, std::span<const std::byte> in, std::uint32_t word) {
  best_kernels().mask(reinterpret_cast<std::uint8_t*>(out.data()), reinterpret_cast<const std::uint8_t*>(in.data()),
                      in.size(), word);
}

}  // namespace brume::codec
