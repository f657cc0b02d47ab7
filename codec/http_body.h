// http_body.h: how long a request's body is, and its bytes without the chunking (RFC 9112, sections 6 and 7).
//
// Free of I/O and allocation. A BodyDecoder belongs to one request and is used by its connection's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include <brume/codec/http_error.h>
#include <brume/codec/http_head.h>

namespace brume::codec {

struct BodyFraming {
  bool chunked = false;
  std::uint64_t content_length = 0;  // bytes; meaningful where not chunked
  bool empty() const { return !chunked && content_length == 0; }
};

// Judges Content-Length and Transfer-Encoding of a head; every ambiguity is refused (sections 6.1, 6.3, 11.2), also
// those that section 6.3 would let a server repair: equal Content-Lengths and Content-Length beside chunked.
std::expected<BodyFraming, HttpError> body_framing(const RequestHead& head);

inline constexpr std::uint32_t kMaxChunkSizeDigits = 16;            // hexadecimal, leading zeros counted
inline constexpr std::uint32_t kMaxChunkExtensionsSize = 8 * 1024;  // bytes of chunk extensions in one body
inline constexpr std::uint32_t kMaxTrailerSize = 8 * 1024;          // bytes of trailer fields with their CRLFs

class BodyDecoder {
 public:
  BodyDecoder(BodyFraming framing, std::size_t max_body_size);

  // Takes bytes from the front of `input`; returns the next run of body bytes (a view into the input; empty where the
  // input is used up or the body is done). Call again while it returns a non-empty run. Fails with malformed_chunk or
  // body_too_large, the latter as soon as a declared length is read; not to be called again after that. Chunk
  // extensions and trailer fields are checked, bounded and dropped. How the bytes are split never changes the outcome,
  // and no byte after the body is taken.
  std::expected<std::span<const std::byte>, HttpError> next(std::span<const std::byte>& input);
  bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    length,                // in a body of known length
    chunk_size,            // at a digit of a chunk's size
    chunk_blank,           // in blanks between the size and its extension's semicolon
    chunk_extension,       // behind the semicolon
    chunk_size_line_feed,  // at the LF that ends the size's line
    chunk_data,            // in a chunk
    chunk_data_return,     // at the CR behind a chunk
    chunk_data_line_feed,  // at the LF behind a chunk
    trailer_line,          // at the first byte of a trailer line
    trailer_name,          // in a trailer field's name
    trailer_value,         // behind its colon
    trailer_line_feed,     // at the LF that ends it
    last_line_feed,        // at the LF of the blank line that ends the body
    done,
  };

  // Takes one byte of framing; false where it breaks the grammar or a bound.
  bool take_framing(char byte);
  bool take_size_digit(char digit);
  bool take_trailer(char byte);

  State state_;
  std::uint8_t size_digits_ = 0;
  std::uint32_t extension_bytes_ = 0;
  std::uint32_t trailer_bytes_ = 0;
  std::uint64_t remaining_ = 0;  // bytes of the body or of the chunk still to come
  std::uint64_t allowance_;      // bytes the body may still grow by
};

}  // namespace brume::codec
