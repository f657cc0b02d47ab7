#include <brume/codec/http_list.h>
#include <brume/codec/http_text.h>

namespace brume::codec {

std::optional<std::string_view> ListReader::next() {
  if (ended_) return std::nullopt;
  bool quoted = false;
  std::size_t size = 0;
  for (; size < rest_.size() && (quoted || rest_[size] != ','); ++size) {
    if (rest_[size] == '"') {
      quoted = !quoted;
    } else if (quoted && rest_[size] == '\\' && size + 1 < rest_.size()) {
      ++size;  // the escaped character is not a quote or a comma of the list
    }
  }
  const std::string_view element = trim_blanks(rest_.substr(0, size));
  ended_ = size == rest_.size();
  rest_.remove_prefix(ended_ ? size : size + 1);
  return element;
}

}  // namespace brume::codec
