#include <algorithm>

#include <brume/codec/http_head.h>
#include <brume/codec/http_text.h>

namespace brume::codec {

std::expected<std::optional<std::size_t>, HttpError> HeadScanner::scan(std::span<const std::byte> bytes,
                                                                       const HeadLimits& limits) {
  const char* const data = reinterpret_cast<const char*>(bytes.data());
  const std::size_t max_head_size = std::min(limits.max_head_size, kMaxHeadSize);
  for (;;) {
    // Nothing beyond the limit is looked at, so that the answer does not depend on how much has arrived behind it.
    const std::size_t end = std::min(bytes.size(), skipped_ + max_head_size);
    if (scanned_ >= end) break;
    if (after_cr_) {
      if (data[scanned_] != '\n') return std::unexpected(HttpError::bare_carriage_return);
      after_cr_ = false;
      ++scanned_;
      const auto blank_line = end_line();
      if (!blank_line) return std::unexpected(blank_line.error());
      if (*blank_line) return scanned_;
      continue;
    }
    const char* const control = find_control(data + scanned_, data + end);
    scanned_ = static_cast<std::uint32_t>(control - data);
    if (scanned_ == end) break;
    if (*control != '\r') {
      const std::string_view line(data + line_start_, control);
      return std::unexpected(control_character_error(line, *control, in_request_line_));
    }
    after_cr_ = true;
    ++scanned_;
  }
  if (scanned_ < skipped_ + max_head_size) return std::nullopt;
  return std::unexpected(in_request_line_ ? HttpError::target_too_long : HttpError::head_too_large);
}

std::expected<bool, HttpError> HeadScanner::end_line() {
  constexpr std::uint32_t kCrlfSize = 2;
  const bool empty = scanned_ - line_start_ == kCrlfSize;
  line_start_ = scanned_;
  if (!in_request_line_) return empty;
  if (!empty) {
    in_request_line_ = false;
  } else if (skipped_ == 0) {
    skipped_ = kCrlfSize;
  } else {
    return std::unexpected(HttpError::malformed_request_line);
  }
  return false;
}

}  // namespace brume::codec
