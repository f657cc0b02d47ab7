#include <array>
#include <cstddef>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include <brume/examples/common/json_text.h>
#include <brume/examples/common/message_line.h>

namespace examples {

namespace {

// Base64 makes four characters of three bytes.
constexpr std::size_t kGroup = 4;
constexpr std::size_t kGroupBytes = 3;

std::string to_base64(brume::Bytes data) {
  std::string text((data.size() + kGroupBytes - 1) / kGroupBytes * kGroup + 1, '\0');  // it ends its text with a NUL
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(data.data()), static_cast<int>(data.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  const std::size_t end = text.find_last_not_of('=');
  const std::size_t padding = text.size() - (end == std::string_view::npos ? 0 : end + 1);
  // The decoder lets blanks at either end pass, and counts padding as bytes.
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % kGroup != 0 || padding >= kGroupBytes || text.size() > std::numeric_limits<int>::max() ||
      text.substr(0, text.size() - padding).find_first_not_of(kAlphabet) != std::string_view::npos)
    return std::nullopt;
  std::string data(text.size() / kGroup * kGroupBytes, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(data.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  data.resize(data.size() - padding);
  return data;
}

}  // namespace

std::string to_line(brume::MessageType type, brume::Bytes data) {
  if (type == brume::MessageType::binary) return R"({"type":"binary","data":")" + to_base64(data) + R"("})";
  return R"({"type":"text","data":)" + nlohmann::json(brume::as_text(data)).dump() + "}";
}

std::expected<LineMessage, std::string> read_line(std::string_view line) {
  std::string type;
  LineMessage message;
  const std::array<TextMember, 2> members{{{"type", &type}, {"data", &message.data}}};
  if (auto read = read_text_members(line, members); !read) return std::unexpected(std::move(read.error()));
  if (type == "text") return message;
  if (type != "binary") return std::unexpected(R"("type" is neither "text" nor "binary")");
  auto data = from_base64(message.data);
  if (!data) return std::unexpected(R"("data" of a binary message is not base64)");
  return LineMessage{brume::MessageType::binary, std::move(*data)};
}

}  // namespace examples
