// http_date.h: dates of HTTP fields (RFC 9110, section 5.6.7). Pure functions: any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace brume::http {

// "Sun, 06 Nov 1994 08:49:37 GMT". Requires: a year from 0 to 9999.
std::string format_date(std::chrono::sys_seconds time);

// Reads that form and the two obsolete ones, as a recipient must; nullopt for anything else, such as the 30th of
// February. A year of two digits is 1970 to 2069.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text);

}  // namespace brume::http
