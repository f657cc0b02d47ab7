// json_text.h: reads the text members of a JSON object that a stranger sent, without building anything of the rest.
//
// Pure functions; any thread. Memory: the members asked for and a bit for each level of nesting.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace examples {

// A member that must be a string; where it is missing or null, `value` is left as it is.
struct TextMember {
  std::string_view name;
  std::string* value;
};

// Reads the members of `json` into their values; others are skipped, of several of one name the last counts. The error
// says in one line what is wrong and where: line and column (in bytes) of what is no JSON, or the member that is no
// string. Some values may have been set by then.
std::expected<void, std::string> read_text_members(std::string_view json, std::span<const TextMember> members);

}  // namespace examples
