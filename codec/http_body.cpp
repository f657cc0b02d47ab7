#include <algorithm>
#include <limits>
#include <optional>

#include <brume/codec/http_body.h>
#include <brume/codec/http_list.h>
#include <brume/codec/http_text.h>

namespace brume::codec {
namespace {

// One decimal number; a sign, a list, a blank inside or a number above 2^64-1 is none (RFC 9110, section 8.6).
std::optional<std::uint64_t> read_content_length(std::string_view text) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  if (text.empty()) return std::nullopt;
  std::uint64_t length = 0;
  for (char c : text) {
    if (!is_a(kDigitChar, c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (length > (kMax - digit) / 10) return std::nullopt;
    length = length * 10 + digit;
  }
  return length;
}

// `chunked` once and last is the only framing; other codings before it are well-framed but not understood.
std::optional<HttpError> judge_transfer_encoding(const RequestHead& head) {
  bool chunked_is_last = false;
  std::size_t chunked = 0;
  std::size_t others = 0;
  any_element(head, "Transfer-Encoding", [&](std::string_view coding) {
    chunked_is_last = equals_ignore_case(coding, "chunked");
    ++(chunked_is_last ? chunked : others);
    return false;
  });
  if (!chunked_is_last || chunked > 1) return HttpError::malformed_transfer_encoding;
  if (others > 0) return HttpError::unsupported_transfer_encoding;
  return std::nullopt;
}

int hex_value(char digit) {
  if (digit <= '9') return digit - '0';
  return (digit | 0x20) - 'a' + 10;
}

// A byte that may stand in a chunk extension or a trailer's value: a tab or anything but a control character.
bool is_text(char c) {
  return find_control(&c, &c + 1) == &c + 1;
}

}  // namespace

std::expected<BodyFraming, HttpError> body_framing(const RequestHead& head) {
  const std::size_t lengths = head.count("Content-Length");
  if (head.count("Transfer-Encoding") > 0) {
    if (lengths > 0) return std::unexpected(HttpError::length_and_transfer_encoding);
    if (head.version_minor == 0) return std::unexpected(HttpError::transfer_encoding_needs_http_1_1);
    if (const auto error = judge_transfer_encoding(head)) return std::unexpected(*error);
    return BodyFraming{.chunked = true};
  }
  if (lengths == 0) return BodyFraming{};
  if (lengths > 1) return std::unexpected(HttpError::conflicting_content_length);
  const auto length = read_content_length(*head.field("Content-Length"));
  if (!length) return std::unexpected(HttpError::malformed_content_length);
  return BodyFraming{.content_length = *length};
}

BodyDecoder::BodyDecoder(BodyFraming framing, std::size_t max_body_size)
    : state_(framing.chunked   ? State::chunk_size
             : framing.empty() ? State::done
                               : State::length),
      remaining_(framing.chunked ? 0 : framing.content_length),
      allowance_(max_body_size) {}

std::expected<std::span<const std::byte>, HttpError> BodyDecoder::next(std::span<const std::byte>& input) {
  std::span<const std::byte> run;
  while (run.empty() && !done()) {
    if (remaining_ > allowance_) return std::unexpected(HttpError::body_too_large);
    if (input.empty()) break;
    if (state_ == State::length || state_ == State::chunk_data) {
      run = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
      input = input.subspan(run.size());
      remaining_ -= run.size();
      allowance_ -= run.size();
      if (remaining_ == 0) state_ = state_ == State::length ? State::done : State::chunk_data_return;
    } else {
      const char byte = static_cast<char>(input.front());
      if (!take_framing(byte)) return std::unexpected(HttpError::malformed_chunk);
      input = input.subspan(1);
    }
  }
  return run;
}

bool BodyDecoder::take_framing(char byte) {
  const auto go_to = [this](State state) {
    state_ = state;
    return true;
  };
  switch (state_) {
    case State::chunk_size:
      if (is_a(kHexChar, byte)) return take_size_digit(byte);
      if (size_digits_ == 0) return false;
      if (byte == '\r') return go_to(State::chunk_size_line_feed);
      [[fallthrough]];
    case State::chunk_blank:
      if (++extension_bytes_ > kMaxChunkExtensionsSize) return false;
      if (is_blank(byte)) return go_to(State::chunk_blank);
      return byte == ';' && go_to(State::chunk_extension);
    case State::chunk_extension:
      if (byte == '\r') return go_to(State::chunk_size_line_feed);
      return is_text(byte) && ++extension_bytes_ <= kMaxChunkExtensionsSize;
    case State::chunk_size_line_feed:
      size_digits_ = 0;
      return byte == '\n' && go_to(remaining_ == 0 ? State::trailer_line : State::chunk_data);
    case State::chunk_data_return:
      return byte == '\r' && go_to(State::chunk_data_line_feed);
    case State::chunk_data_line_feed:
      return byte == '\n' && go_to(State::chunk_size);
    case State::last_line_feed:
      return byte == '\n' && go_to(State::done);
    default:
      return take_trailer(byte);
  }
}

bool BodyDecoder::take_size_digit(char digit) {
  if (++size_digits_ > kMaxChunkSizeDigits) return false;
  remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(hex_value(digit));
  return true;
}

bool BodyDecoder::take_trailer(char byte) {
  if (state_ == State::trailer_line && byte == '\r') {
    state_ = State::last_line_feed;
    return true;
  }
  if (++trailer_bytes_ > kMaxTrailerSize) return false;
  switch (state_) {
    case State::trailer_line:
      state_ = State::trailer_name;
      return is_a(kTokenChar, byte);
    case State::trailer_name:
      if (byte == ':') state_ = State::trailer_value;
      return byte == ':' || is_a(kTokenChar, byte);
    case State::trailer_value:
      if (byte == '\r') state_ = State::trailer_line_feed;
      return byte == '\r' || is_text(byte);
    default:
      state_ = State::trailer_line;
      return byte == '\n';
  }
}

}  // namespace brume::codec
