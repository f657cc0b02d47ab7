// reference_proxy.h: PROXY headers read the slow way, to hold the codec's answers against.
//
// Functions without state; addresses are the system's own to read, the checksum goes bit by bit.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/proxy_header.h>

namespace brume::fuzz {

struct ReferenceProxy {
  enum class Answer : std::uint8_t { incomplete, refused, whole };
  Answer answer = Answer::refused;
  codec::ProxyHeader header{};
};

inline std::vector<std::string> split_at_spaces(std::string_view text) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == ' ') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

inline bool is_port_by_the_book(const std::string& text) {
  if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string::npos) return false;
  return std::stoul(text) <= 65535 && std::to_string(std::stoul(text)) == text;
}

inline bool is_address_by_the_book(int family, const std::string& text, void* out) {
  return text.find('\0') == std::string::npos && inet_pton(family, text.c_str(), out) == 1;
}

inline ReferenceProxy read_proxy_text_by_the_book(const std::string& input) {
  ReferenceProxy result;
  const std::size_t end = input.find("\r\n");
  if (end == std::string::npos || end + 2 > 107) {
    if (input.size() < 107) result.answer = ReferenceProxy::Answer::incomplete;
    return result;
  }
  result.header.size = end + 2;
  const auto parts = split_at_spaces(std::string_view(input).substr(0, end));
  if (parts[1] == "UNKNOWN") {
    result.answer = ReferenceProxy::Answer::whole;
    return result;
  }
  if (parts.size() != 6 || (parts[1] != "TCP4" && parts[1] != "TCP6")) return result;
  const bool v6 = parts[1] == "TCP6";
  std::array<std::uint8_t, 16> ignored{};
  const int family = v6 ? AF_INET6 : AF_INET;
  if (!is_address_by_the_book(family, parts[2], result.header.address.data())) return result;
  if (!is_address_by_the_book(family, parts[3], ignored.data())) return result;
  if (!is_port_by_the_book(parts[4]) || !is_port_by_the_book(parts[5])) return result;
  result.header.source = v6 ? codec::ProxyHeader::Source::v6 : codec::ProxyHeader::Source::v4;
  result.header.port = static_cast<std::uint16_t>(std::stoul(parts[4]));
  result.answer = ReferenceProxy::Answer::whole;
  return result;
}

inline std::uint32_t crc32c_by_the_book(const std::string& bytes) {
  std::uint32_t value = 0xFFFFFFFF;
  for (char c : bytes) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const bool one = ((static_cast<unsigned char>(c) >> bit & 1u) ^ (value & 1u)) != 0;
      value >>= 1;
      if (one) value ^= 0x82F63B78;
    }
  }
  return value ^ 0xFFFFFFFF;
}

struct ReferenceVector {
  unsigned char type;
  std::size_t place;  // of the value
  std::string value;
};

// All of `text` from `place` on; nothing where one is not whole.
inline std::optional<std::vector<ReferenceVector>> vectors_by_the_book(const std::string& text, std::size_t place) {
  std::vector<ReferenceVector> vectors;
  while (place != text.size()) {
    if (text.size() < place + 3) return std::nullopt;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[place + i]); };
    const std::size_t length = byte(1) * 256u + byte(2);
    if (text.size() < place + 3 + length) return std::nullopt;
    vectors.push_back({byte(0), place + 3, text.substr(place + 3, length)});
    place += 3 + length;
  }
  return vectors;
}

inline bool checksum_by_the_book(const std::string& header, const ReferenceVector& vector) {
  if (vector.value.size() != 4) return false;
  std::string blanked = header;
  blanked.replace(vector.place, 4, 4, '\0');
  std::uint32_t sum = 0;
  for (char c : vector.value) sum = sum * 256 + static_cast<unsigned char>(c);
  return crc32c_by_the_book(blanked) == sum;
}

// Whether the vectors are as they should be, and what they say of TLS.
inline bool read_vectors_by_the_book(const std::string& text, std::size_t place, codec::ProxyHeader& header) {
  using Tls = codec::ProxyHeader::Tls;
  const auto vectors = vectors_by_the_book(text, place);
  if (!vectors) return false;
  const auto count = [&](int type) {
    return std::ranges::count_if(*vectors, [&](const ReferenceVector& vector) { return vector.type == type; });
  };
  if (count(3) > 1 || count(0x20) > 1) return false;
  for (const ReferenceVector& vector : *vectors) {
    if (vector.type == 3 && !checksum_by_the_book(text, vector)) return false;
    if (vector.type != 0x20) continue;
    if (vector.value.size() < 5 || !vectors_by_the_book(vector.value, 5)) return false;
    header.tls = static_cast<unsigned char>(vector.value[0]) % 2 == 1 ? Tls::yes : Tls::no;
  }
  return true;
}

inline ReferenceProxy read_proxy_binary_by_the_book(const std::string& input) {
  using Source = codec::ProxyHeader::Source;
  ReferenceProxy result;
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(input[i])); };
  result.answer = ReferenceProxy::Answer::incomplete;
  if (input.size() < 13) return result;
  if (byte(12) != 0x20 && byte(12) != 0x21) return {};
  if (input.size() < 14) return result;
  std::size_t addresses = 0;
  if (byte(12) == 0x21) {
    if (byte(13) == 0x11) {
      result.header.source = Source::v4;
      addresses = 12;
    } else if (byte(13) == 0x21) {
      result.header.source = Source::v6;
      addresses = 36;
    } else if (byte(13) == 0x31) {
      result.header.source = Source::local;
      addresses = 216;
    } else if (byte(13) != 0) {
      return {};
    }
  }
  if (input.size() < 16) return result;
  const std::size_t whole = 16 + byte(14) * 256 + byte(15);
  if (whole > 4096 || whole < 16 + addresses) return {};
  if (input.size() < whole) return result;
  const bool named = addresses != 0;
  if (named && !read_vectors_by_the_book(input.substr(0, whole), 16 + addresses, result.header)) return {};
  if (result.header.source == Source::v4 || result.header.source == Source::v6) {
    const std::size_t size = result.header.source == Source::v4 ? 4 : 16;
    for (std::size_t i = 0; i < size; ++i) result.header.address[i] = static_cast<std::uint8_t>(byte(16 + i));
    result.header.port = static_cast<std::uint16_t>(byte(16 + 2 * size) * 256 + byte(17 + 2 * size));
  }
  result.header.size = whole;
  result.answer = ReferenceProxy::Answer::whole;
  return result;
}

inline ReferenceProxy read_proxy_by_the_book(const std::string& input) {
  const std::string text = "PROXY ";
  const std::string binary("\r\n\r\n\0\r\nQUIT\n", 12);
  for (const std::string& signature : {text, binary}) {
    if (input.size() < signature.size() && signature.starts_with(input)) {
      return {ReferenceProxy::Answer::incomplete, {}};
    }
  }
  if (input.starts_with(text)) return read_proxy_text_by_the_book(input);
  if (input.starts_with(binary)) return read_proxy_binary_by_the_book(input);
  return {};
}

}  // namespace brume::fuzz
