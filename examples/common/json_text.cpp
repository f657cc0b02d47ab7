#include <algorithm>
#include <cstdint>

#include <nlohmann/json.hpp>

#include <brume/examples/common/json_text.h>

namespace examples {

namespace {

using nlohmann::json;

std::string place_of(std::string_view text, std::size_t position) {
  const std::string_view before = text.substr(0, std::min(position, text.size()));
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(before.size() - line_start + 1);
}

// Takes nlohmann's parser's events; false ends the parsing.
class MemberReader final : public json::json_sax_t {
 public:
  MemberReader(std::string_view text, std::span<const TextMember> members) : text_(text), members_(members) {}

  std::string error;

  bool null() override { return depth_ != 0 || refuse("the whole is no object"); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool string(string_t& value) override {
    if (depth_ == 0) return refuse("the whole is no object");
    if (depth_ == 1 && member_) *member_->value = std::move(value);
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 1 && !other()) return false;
    depth_++;
    return true;
  }
  bool start_array(std::size_t) override {
    if (!other()) return false;
    depth_++;
    return true;
  }
  bool end_object() override {
    depth_--;
    return true;
  }
  bool end_array() override { return end_object(); }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    const auto found = std::ranges::find(members_, name, &TextMember::name);
    member_ = found == members_.end() ? nullptr : &*found;
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token, const json::exception& exception) override {
    // `position` is behind what was read last: one byte, or a whole literal that has no place here.
    const std::string_view what(exception.what());
    const bool literal = what.find("unexpected string literal") != std::string_view::npos ||
                         what.find("unexpected number literal") != std::string_view::npos;
    const std::size_t size = literal ? token.size() : 1;
    return refuse("no JSON from " + place_of(text_, position - std::min(position, size)) + " on");
  }

 private:
  bool refuse(std::string text) {
    error = std::move(text);
    return false;
  }
  // A value that is no string.
  bool other() {
    if (depth_ == 0) return refuse("the whole is no object");
    if (depth_ == 1 && member_) return refuse("\"" + std::string(member_->name) + "\" is no string");
    return true;
  }

  std::string_view text_;
  std::span<const TextMember> members_;
  const TextMember* member_ = nullptr;  // of the outermost object, whose value comes next
  std::size_t depth_ = 0;
};

}  // namespace

std::expected<void, std::string> read_text_members(std::string_view text, std::span<const TextMember> members) {
  MemberReader reader(text, members);
  if (json::sax_parse(text.begin(), text.end(), &reader)) return {};
  return std::unexpected(std::move(reader.error));
}

}  // namespace examples
