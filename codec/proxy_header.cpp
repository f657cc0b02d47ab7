#include <algorithm>
#include <string_view>

#include <brume/codec/http_text.h>
#include <brume/codec/ip_text.h>
#include <brume/codec/proxy_header.h>

namespace brume::codec {
namespace {

using Result = std::expected<std::optional<ProxyHeader>, ProxyError>;
using Bytes = std::span<const std::byte>;
using enum ProxyError;

constexpr std::array<ProxyErrorInfo, kProxyErrorCount> kTable{{
    {no_signature, "proxy_no_signature", "no PROXY header where one is required"},
    {text_too_long, "proxy_text_too_long", "PROXY line of more than 107 bytes"},
    {text_protocol, "proxy_text_protocol", "PROXY line names no known protocol"},
    {text_address, "proxy_text_address", "PROXY line with a malformed address"},
    {text_port, "proxy_text_port", "PROXY line with a malformed port"},
    {text_malformed, "proxy_text_malformed", "PROXY line has too few or too many parts"},
    {binary_version, "proxy_binary_version", "PROXY header of another version"},
    {binary_command, "proxy_binary_command", "PROXY header with an unknown command"},
    {binary_family, "proxy_binary_family", "PROXY header with an unknown address family"},
    {binary_not_a_stream, "proxy_binary_not_a_stream", "PROXY header speaks of datagrams"},
    {binary_too_long, "proxy_binary_too_long", "PROXY header is larger than allowed here"},
    {binary_address_cut, "proxy_binary_address_cut", "PROXY header is too short for its addresses"},
    {binary_vector_cut, "proxy_binary_vector_cut", "PROXY header with a vector that is cut"},
    {checksum_malformed, "proxy_checksum_malformed", "PROXY header with a malformed or second checksum"},
    {checksum_wrong, "proxy_checksum_wrong", "PROXY header's checksum does not fit"},
    {tls_malformed, "proxy_tls_malformed", "PROXY header with a malformed or second word on TLS"},
}};

constexpr std::string_view kTextSignature = "PROXY ";
constexpr std::string_view kBinarySignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedSize = 16;  // signature, command, family, length
constexpr unsigned kChecksumType = 0x03;
constexpr unsigned kTlsType = 0x20;

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}();

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

unsigned at(Bytes bytes, std::size_t index) {
  return std::to_integer<unsigned>(bytes[index]);
}

std::size_t number16(Bytes bytes, std::size_t index) {
  return at(bytes, index) << 8 | at(bytes, index + 1);
}

// ---- version 1

// The next part and the single space behind it.
std::optional<std::string_view> take_part(std::string_view& line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view part = line.substr(0, space);
  line.remove_prefix(space + 1);
  return part;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  constexpr std::size_t kMaxDigits = 5;
  if (text.empty() || text.size() > kMaxDigits || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  if (!all_of_class(kDigitChar, text)) return std::nullopt;
  std::uint32_t number = 0;
  for (char digit : text) number = number * 10 + static_cast<std::uint32_t>(digit - '0');
  if (number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(number);
}

bool parse_address(ProxyHeader::Source family, std::string_view text, std::array<std::uint8_t, 16>& out) {
  if (family == ProxyHeader::Source::v6) {
    const auto v6 = parse_ipv6(text);
    if (v6) out = *v6;
    return v6.has_value();
  }
  const auto v4 = parse_ipv4(text);
  if (v4) std::ranges::copy(*v4, out.begin());
  return v4.has_value();
}

// `line`: without signature and CRLF; `size`: with both.
Result read_text_line(std::string_view line, std::size_t size) {
  ProxyHeader header;
  header.size = size;
  // What follows UNKNOWN is to be ignored (section 2.1).
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return header;
  const auto protocol = take_part(line);
  if (!protocol) return std::unexpected(text_malformed);
  if (*protocol == "TCP4") {
    header.source = ProxyHeader::Source::v4;
  } else if (*protocol == "TCP6") {
    header.source = ProxyHeader::Source::v6;
  } else {
    return std::unexpected(text_protocol);
  }
  const auto source = take_part(line);
  const auto destination = take_part(line);
  const auto source_port = take_part(line);
  if (!source || !destination || !source_port) return std::unexpected(text_malformed);
  if (line.find(' ') != std::string_view::npos) return std::unexpected(text_malformed);
  std::array<std::uint8_t, 16> ignored{};
  if (!parse_address(header.source, *source, header.address)) return std::unexpected(text_address);
  if (!parse_address(header.source, *destination, ignored)) return std::unexpected(text_address);
  const auto port = parse_port(*source_port);
  if (!port || !parse_port(line)) return std::unexpected(text_port);
  header.port = *port;
  return header;
}

Result read_text(Bytes input) {
  const std::string_view text = text_of(input.first(std::min(input.size(), kMaxProxyTextSize)));
  const std::size_t end = text.find("\r\n");
  if (end == std::string_view::npos) {
    if (text.size() == kMaxProxyTextSize) return std::unexpected(text_too_long);
    return std::nullopt;
  }
  return read_text_line(text.substr(kTextSignature.size(), end - kTextSignature.size()), end + 2);
}

// ---- version 2

struct Family {
  ProxyHeader::Source source;
  std::size_t addresses;  // bytes of source and destination
};

// Sections 2.2.1 to 2.2.3 have these; any other is to be refused.
std::expected<Family, ProxyError> family_of(unsigned code) {
  switch (code) {
    case 0x00:
      return Family{ProxyHeader::Source::own, 0};
    case 0x11:
      return Family{ProxyHeader::Source::v4, 12};
    case 0x21:
      return Family{ProxyHeader::Source::v6, 36};
    case 0x31:
      return Family{ProxyHeader::Source::local, 216};
    case 0x12:
    case 0x22:
    case 0x32:
      return std::unexpected(binary_not_a_stream);
    default:
      return std::unexpected(binary_family);
  }
}

// The checksum is that of the whole header with zeros in its place (section 2.2.3).
bool checksum_fits(Bytes header, std::size_t place) {
  constexpr std::array<std::byte, 4> kZeros{};
  const std::uint32_t sum = crc32c(header.subspan(place + 4), crc32c(kZeros, crc32c(header.first(place))));
  return sum == (number16(header, place) << 16 | number16(header, place + 2));
}

struct Vector {
  unsigned type;
  std::size_t place;  // of the value
  std::size_t length;
};

// The vector at `place`, which goes on to the next; nullopt where it is not whole within `bytes`.
std::optional<Vector> take_vector(Bytes bytes, std::size_t& place) {
  constexpr std::size_t kVectorHead = 3;  // type and length
  if (bytes.size() - place < kVectorHead) return std::nullopt;
  const Vector vector{at(bytes, place), place + kVectorHead, number16(bytes, place + 1)};
  if (vector.length > bytes.size() - vector.place) return std::nullopt;
  place = vector.place + vector.length;
  return vector;
}

// PP2_TYPE_SSL: a byte of bits, the outcome of the certificate's verification, and vectors (section 2.2.6).
std::optional<ProxyError> read_tls(Bytes value, ProxyHeader::Tls& tls) {
  constexpr std::size_t kFixedPart = 1 + 4;
  constexpr unsigned kClientTls = 0x01;  // PP2_CLIENT_SSL
  // Of two words that differ, the wrong one might be believed.
  if (value.size() < kFixedPart || tls != ProxyHeader::Tls::unsaid) return tls_malformed;
  for (std::size_t place = kFixedPart; place < value.size();)
    if (!take_vector(value, place)) return binary_vector_cut;
  tls = (at(value, 0) & kClientTls) != 0 ? ProxyHeader::Tls::yes : ProxyHeader::Tls::no;
  return std::nullopt;
}

// Those of `bytes`, the whole header, from `place` on.
std::optional<ProxyError> read_vectors(Bytes bytes, std::size_t place, ProxyHeader& header) {
  bool checked = false;
  while (place < bytes.size()) {
    const auto vector = take_vector(bytes, place);
    if (!vector) return binary_vector_cut;
    if (vector->type == kChecksumType) {
      if (checked || vector->length != 4) return checksum_malformed;
      if (!checksum_fits(bytes, vector->place)) return checksum_wrong;
      checked = true;
    } else if (vector->type == kTlsType) {
      if (const auto error = read_tls(bytes.subspan(vector->place, vector->length), header.tls)) return error;
    }
  }
  return std::nullopt;
}

// Each rule is judged as soon as the bytes it needs are there, so that the split does not choose which one is told.
Result read_binary(Bytes input) {
  constexpr std::size_t kCommandAt = kBinarySignature.size();
  if (input.size() <= kCommandAt) return std::nullopt;
  if (at(input, kCommandAt) >> 4 != 2) return std::unexpected(binary_version);
  const unsigned command = at(input, kCommandAt) & 0xF;
  if (command > 1) return std::unexpected(binary_command);
  const bool local = command == 0;  // whose block is to be ignored, the family with it
  if (input.size() <= kCommandAt + 1) return std::nullopt;
  const auto family = family_of(local ? 0 : at(input, kCommandAt + 1));
  if (!family) return std::unexpected(family.error());
  if (input.size() < kFixedSize) return std::nullopt;
  const std::size_t length = number16(input, kCommandAt + 2);
  if (kFixedSize + length > kMaxProxyHeaderSize) return std::unexpected(binary_too_long);
  if (length < family->addresses) return std::unexpected(binary_address_cut);
  if (input.size() < kFixedSize + length) return std::nullopt;

  const Bytes whole = input.first(kFixedSize + length);
  ProxyHeader header;
  header.source = family->source;
  header.size = whole.size();
  if (header.source == ProxyHeader::Source::own) return header;
  if (const auto error = read_vectors(whole, kFixedSize + family->addresses, header)) return std::unexpected(*error);
  if (header.source == ProxyHeader::Source::local) return header;
  const std::size_t address_size = header.source == ProxyHeader::Source::v4 ? 4 : 16;
  const Bytes addresses = whole.subspan(kFixedSize);
  std::ranges::transform(addresses.first(address_size), header.address.begin(),
                         [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  header.port = static_cast<std::uint16_t>(number16(addresses, 2 * address_size));
  return header;
}

// Whether `input`, as far as it goes, is the signature, or begins with it.
bool may_be(std::string_view signature, Bytes input) {
  const std::size_t size = std::min(signature.size(), input.size());
  return text_of(input.first(size)) == signature.substr(0, size);
}

}  // namespace

std::span<const ProxyErrorInfo> proxy_errors() {
  return kTable;
}

const ProxyErrorInfo& info(ProxyError error) {
  return kTable[static_cast<std::size_t>(error)];
}

std::expected<std::optional<ProxyHeader>, ProxyError> read_proxy_header(std::span<const std::byte> input) {
  if (input.empty()) return std::nullopt;
  if (may_be(kTextSignature, input)) return read_text(input);
  if (may_be(kBinarySignature, input)) return read_binary(input);
  return std::unexpected(no_signature);
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint32_t value = ~before;
  for (std::byte byte : bytes) value = kCrcTable[(value ^ std::to_integer<std::uint32_t>(byte)) & 0xFF] ^ value >> 8;
  return ~value;
}

}  // namespace brume::codec
