// http_list.h: the elements of comma-separated list fields (RFC 9110, section 5.6.1).
//
// No state beyond a reader's place in the text, no allocation: any thread. Views live as long as the text.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <brume/codec/http_head.h>

namespace brume::codec {

// Splits one value at its commas; a comma inside a quoted string does not count. Each byte is looked at once.
class ListReader {
 public:
  explicit ListReader(std::string_view value) : rest_(value) {}

  // The next element without the blanks around it, which may be empty (an empty value is one empty element), or nullopt
  // after the last.
  std::optional<std::string_view> next();

 private:
  std::string_view rest_;
  bool ended_ = false;
};

// Calls visit(element) for each element of the field over all its lines until one call returns true; returns whether
// one did.
template <typename Visit>
bool any_element(std::span<const HeaderField> fields, std::string_view name, Visit visit) {
  for (const HeaderField& field : fields) {
    if (!equals_ignore_case(field.name, name)) continue;
    ListReader reader(field.value);
    while (const auto element = reader.next()) {
      if (visit(*element)) return true;
    }
  }
  return false;
}
template <typename Visit>
bool any_element(const RequestHead& head, std::string_view name, Visit visit) {
  return any_element(head.fields, name, visit);
}

}  // namespace brume::codec
