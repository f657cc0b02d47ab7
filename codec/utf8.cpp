#include <brume/codec/kernels/dispatch.h>
#include <brume/codec/kernels/text.h>
#include <brume/codec/utf8.h>

namespace brume::codec {

static_assert(sizeof(Utf8Validator) == 1, "a connection keeps one for its unfinished message");

bool Utf8Validator::feed_any(std::span<const std::byte> bytes) {
  state_ = feed_text(best_kernels(), state_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return !failed();
}

bool Utf8Validator::feed_masked_any(std::span<std::byte> out, std::span<const std::byte> in, std::uint32_t word) {
  state_ = feed_masked_text(best_kernels(), state_, reinterpret_cast<std::uint8_t*>(out.data()),
                            reinterpret_cast<const std::uint8_t*>(in.data()), in.size(), word);
  return !failed();
}

bool is_valid_utf8(std::span<const std::byte> text) {
  Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

bool is_valid_utf8(std::string_view text) {
  return is_valid_utf8(std::as_bytes(std::span(text)));
}

std::string_view truncate_utf8(std::string_view text, std::size_t max_size) {
  if (text.size() <= max_size) return text;
  std::size_t size = max_size;
  while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xC0) == 0x80) --size;  // a continuation follows
  return text.substr(0, size);
}

}  // namespace brume::codec
