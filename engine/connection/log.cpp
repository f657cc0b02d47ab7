#include <chrono>
#include <new>

#include <brume/engine/connection/log.h>

namespace brume::connection {

std::string escape_for_log(std::string_view text, std::size_t max_size) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(std::min(text.size(), max_size));
  for (const char c : text) {
    if (out.size() >= max_size) {
      out += "...";
      break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\\') {
      out += "\\\\";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

void Log::event(LogLevel level, io::Time now, std::string_view rule, const io::Address* peer, std::string_view detail,
                std::string_view cause) noexcept {
  if (!function_) return;
  try {
    write(level, now, rule, peer, detail, cause);
  } catch (const std::bad_alloc&) {
    lost_++;
  }
}

void Log::write(LogLevel level, io::Time now, std::string_view rule, const io::Address* peer, std::string_view detail,
                std::string_view cause) {
  Allowance& allowance = allowances_[rule];
  const io::Time second = std::chrono::floor<std::chrono::seconds>(now);
  if (allowance.second != second) {
    allowance.second = second;
    allowance.lines = 0;
  }
  if (allowance.lines == kLinesPerSecond) {
    allowance.left_out++;
    return;
  }
  allowance.lines++;
  std::string line;
  if (peer && peer->family != io::Address::Family::none) line = peer->to_string() + ' ';
  line += rule;
  if (!detail.empty()) line += ": " + escape_for_log(detail);
  if (!cause.empty()) line += ": " + escape_for_log(cause);
  if (allowance.left_out != 0) line += " (" + std::to_string(allowance.left_out) + " more like it not shown)";
  if (lost_ != 0) line += " (" + std::to_string(lost_) + " lines lost for want of memory)";
  allowance.left_out = 0;
  lost_ = 0;
  function_(level, line);
}

}  // namespace brume::connection
