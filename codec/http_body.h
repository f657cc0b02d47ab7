// http_body.h: how long a request's body is, and its bytes without the chunking (RFC 9112, sections 6 and 7).
//
// Free of I/O and allocation. A BodyDecoder belongs to one request.
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

// Judges Content-Length and Transfer-Encoding of a head; every ambiguity is refused (section 6.3, 11.2).
std::expected<BodyFraming, HttpError> body_framing(const RequestHead& head);

class BodyDecoder {
 public:
  BodyDecoder(BodyFraming framing, std::size_t max_body_size);

  // Takes bytes from the front of `input`; returns the next run of body bytes (a view into the input; may be empty
  // when only framing was read). Call again while it returns a non-empty run. Fails with malformed_chunk or
  // body_too_large.
  std::expected<std::span<const std::byte>, HttpError> next(std::span<const std::byte>& input);
  bool done() const;

 private:
  enum class State : std::uint8_t {
    length,
    chunk_size,
    chunk_extension,
    chunk_size_lf,
    chunk_data,
    chunk_data_cr,
    chunk_data_lf,
    trailer,
    done
  };
  State state_;
  std::uint8_t trailer_match_ = 0;
  std::uint8_t size_digits_ = 0;
  std::uint32_t trailer_bytes_ = 0;
  std::uint64_t remaining_ = 0;  // of the body or of the chunk
  std::uint64_t total_ = 0;
  std::uint64_t max_body_size_;
};

}  // namespace brume::codec
