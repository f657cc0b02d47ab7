// reference_proxy.h: PROXY headers read the slow way, to hold the codec's answers against.
//
// Functions without state; addresses are the system's own to read, the checksum goes bit by bit.
#pragma once

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstdint>
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

inline bool vectors_by_the_book(const std::string& header, std::size_t place) {
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(header[i])); };
  std::vector<std::size_t> checksums;
  while (place < header.size()) {
    if (place + 3 > header.size()) return false;
    const std::size_t length = byte(place + 1) * 256 + byte(place + 2);
    if (place + 3 + length > header.size()) return false;
    if (byte(place) == 3) {
      if (length != 4) return false;
      checksums.push_back(place + 3);
    }
    place += 3 + length;
  }
  if (checksums.size() > 1) return false;
  for (std::size_t at : checksums) {
    std::string blanked = header;
    blanked.replace(at, 4, 4, '\0');
    const std::size_t sum = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    if (crc32c_by_the_book(blanked) != sum) return false;
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
  if (named && !vectors_by_the_book(input.substr(0, whole), 16 + addresses)) return {};
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
