#include <algorithm>
#include <array>
#include <cstddef>

#include <brume/engine/http/http_date.h>

namespace brume::http {

namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::size_t kShortDay = 3;  // characters

void append_number(std::string& out, unsigned value, std::size_t digits) {
  const std::string text = std::to_string(value);
  out.append(digits - std::min(digits, text.size()), '0').append(text);
}

// Takes a date's parts from the front of a text; once one is not there, ok() stays false.
class Parts {
 public:
  explicit Parts(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }
  void take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return fail();
    rest_.remove_prefix(expected.size());
  }
  // Exactly so many digits; a blank may stand for the first where `padded`.
  int number(std::size_t digits, bool padded = false) {
    int value = 0;
    if (rest_.size() < digits) return fail(), 0;
    for (std::size_t i = 0; i < digits; i++) {
      const char c = rest_[i];
      if (padded && i == 0 && c == ' ') continue;
      if (c < '0' || c > '9') return fail(), 0;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  unsigned month() {
    const auto found = std::ranges::find(kMonths, rest_.substr(0, 3));
    if (found == kMonths.end()) return fail(), 1;
    rest_.remove_prefix(3);
    return static_cast<unsigned>(found - kMonths.begin()) + 1;
  }
  std::chrono::seconds time() {
    const int hour = number(2);
    take(":");
    const int minute = number(2);
    take(":");
    const int second = number(2);  // 60: a leap second
    if (hour > 23 || minute > 59 || second > 60) fail();
    return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  }

 private:
  void fail() { ok_ = false; }

  std::string_view rest_;
  bool ok_ = true;
};

std::optional<sys_seconds> put_together(const Parts& parts, int year, unsigned month, int day,
                                        std::chrono::seconds time) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!parts.done() || !date.ok()) return std::nullopt;
  return sys_days(date) + time;
}

std::optional<sys_seconds> parse_fixed(std::string_view text) {  // Sun, 06 Nov 1994 08:49:37 GMT
  Parts parts(text);
  const int day = parts.number(2);
  parts.take(" ");
  const unsigned month = parts.month();
  parts.take(" ");
  const int year = parts.number(4);
  parts.take(" ");
  const auto time = parts.time();
  parts.take(" GMT");
  return put_together(parts, year, month, day, time);
}

std::optional<sys_seconds> parse_rfc850(std::string_view text) {  // Sunday, 06-Nov-94 08:49:37 GMT
  Parts parts(text);
  const int day = parts.number(2);
  parts.take("-");
  const unsigned month = parts.month();
  parts.take("-");
  const int year = parts.number(2);
  parts.take(" ");
  const auto time = parts.time();
  parts.take(" GMT");
  return put_together(parts, year < 70 ? 2000 + year : 1900 + year, month, day, time);
}

std::optional<sys_seconds> parse_asctime(std::string_view text) {  // Sun Nov  6 08:49:37 1994
  Parts parts(text);
  const unsigned month = parts.month();
  parts.take(" ");
  const int day = parts.number(2, true);
  parts.take(" ");
  const auto time = parts.time();
  parts.take(" ");
  const int year = parts.number(4);
  return put_together(parts, year, month, day, time);
}

}  // namespace

std::string format_date(sys_seconds time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const std::chrono::hh_mm_ss clock{time - days};
  std::string out(kDays[std::chrono::weekday(days).c_encoding()].substr(0, kShortDay));
  out += ", ";
  append_number(out, static_cast<unsigned>(date.day()), 2);
  out.append(" ").append(kMonths[static_cast<unsigned>(date.month()) - 1]).append(" ");
  append_number(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += ' ';
  append_number(out, static_cast<unsigned>(clock.hours().count()), 2);
  out += ':';
  append_number(out, static_cast<unsigned>(clock.minutes().count()), 2);
  out += ':';
  append_number(out, static_cast<unsigned>(clock.seconds().count()), 2);
  out += " GMT";
  return out;
}

std::optional<sys_seconds> parse_date(std::string_view text) {
  for (const std::string_view day : kDays) {
    const std::string_view short_day = day.substr(0, kShortDay);
    if (!text.starts_with(short_day)) continue;
    const std::string_view rest = text.substr(kShortDay);
    if (rest.starts_with(", ")) return parse_fixed(rest.substr(2));
    if (rest.starts_with(' ')) return parse_asctime(rest.substr(1));
    if (text.starts_with(std::string(day) + ", ")) return parse_rfc850(text.substr(day.size() + 2));
  }
  return std::nullopt;
}

}  // namespace brume::http
