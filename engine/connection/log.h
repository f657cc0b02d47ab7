// log.h: the library's only way to write: rate-limited lines to Config::log.
//
// One a core, used by its thread. Each rule has an allowance of its own, so that a flood of one kind neither fills the
// log nor hides another; what was left out is counted in the next line of that rule.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include <brume/engine/config.h>
#include <brume/engine/io/address.h>
#include <brume/engine/io/io.h>

namespace brume::connection {

// `text` with control characters, backslashes and non-ASCII bytes escaped (\n, \x1b), cut to `max_size` bytes.
std::string escape_for_log(std::string_view text, std::size_t max_size = 200);

class Log {
 public:
  static constexpr std::uint32_t kLinesPerSecond = 5;  // of one rule

  explicit Log(LogFunction function) : function_(std::move(function)) {}

  // "<peer> <rule>: <detail>: <cause>". `rule` has static storage and is the allowance's key. `detail` and `cause` are
  // escaped. A line for which there is no memory is left out: whoever has something to say goes on.
  void event(LogLevel level, io::Time now, std::string_view rule, const io::Address* peer, std::string_view detail,
             std::string_view cause = {}) noexcept;

 private:
  struct Allowance {
    io::Time second{-1};
    std::uint32_t lines = 0;
    std::uint64_t left_out = 0;
  };
  void write(LogLevel level, io::Time now, std::string_view rule, const io::Address* peer, std::string_view detail,
             std::string_view cause);

  LogFunction function_;
  std::unordered_map<std::string_view, Allowance> allowances_;
  std::uint64_t lost_ = 0;  // lines there was no memory for, since the last one written
};

}  // namespace brume::connection
