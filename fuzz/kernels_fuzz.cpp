// Mask and UTF-8 kernels: every set this processor can run says and writes what the scalar loops and the book say,
// wherever the text is cut and wherever it lies.
//
// Bytes 0 to 3 are the key, byte 4 the pieces, byte 5 the offset in memory; the rest is the (masked) text.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <brume/codec/check.h>
#include <brume/codec/kernels/dispatch.h>
#include <brume/codec/kernels/text.h>
#include <brume/codec/mask.h>
#include <brume/codec/utf8.h>
#include <brume/fuzz/support/exact_memory.h>
#include <brume/fuzz/support/reference_utf8.h>

namespace brume::fuzz {
namespace {

using codec::check;
using codec::KernelSet;
using codec::MaskKey;

constexpr std::size_t kControlBytes = 6;
using Text = std::span<const std::uint8_t>;

std::vector<std::uint8_t> masked_by_the_book(Text text, const MaskKey& key, std::size_t offset) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < text.size(); ++i)
    out.push_back(static_cast<std::uint8_t>(text[i] ^ std::to_integer<unsigned>(key[(i + offset) % 4])));
  return out;
}

// The ends of pieces, their sizes drawn from `choice`; one piece for 0.
std::vector<std::size_t> ends_for(std::uint8_t choice, std::size_t size) {
  std::vector<std::size_t> ends;
  std::uint32_t state = choice;
  for (std::size_t position = 0; choice != 0 && position < size;) {
    state = state * 1664525 + 1013904223;
    position = std::min(size, position + 1 + (state >> 24) % (choice * 2u));
    ends.push_back(position);
  }
  if (choice == 0) ends.push_back(size);
  return ends;
}

// `size` bytes that end where their memory ends, or begin where it begins, `lead` bytes after an aligned place.
struct Placed {
  Placed(Text text, std::size_t lead) : memory(lead + text.size()), bytes(memory.bytes().subspan(lead)) {
    if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
  }
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(bytes.data()); }
  bool equals(Text text) { return std::equal(text.begin(), text.end(), data()); }
  ExactMemory memory;
  std::span<std::byte> bytes;
};

void check_mask(const KernelSet& set, Text in, Text expected, const MaskKey& key, std::size_t lead) {
  const std::uint32_t word = codec::mask_word(key, 0);
  Placed from(in, lead);
  Placed to(std::vector<std::uint8_t>(in.size()), lead / 3);
  set.mask(to.data(), from.data(), in.size(), word);
  check(to.equals(expected), "masking elsewhere");
  set.mask(from.data(), from.data(), in.size(), word);
  check(from.equals(expected), "masking in place");
}

// `text` is judged by itself and as what comes out of `masked`. bad: the first impossible byte, or the size.
void check_text(const KernelSet& set, Text text, Text masked, const MaskKey& key, std::size_t lead, std::size_t bad) {
  Placed plain(text, lead);
  const std::size_t valid = set.validate(plain.data(), text.size());
  check(valid <= bad, "a kernel takes no bad byte");
  check(bad == text.size() || bad - valid <= codec::kMaxUnjudgedSize, "what is left holds the bad byte soon");
  check(is_utf8_by_the_book({reinterpret_cast<const char*>(plain.data()), valid}), "what is taken is whole");
  Placed in(masked, lead);
  Placed out(std::vector<std::uint8_t>(text.size()), lead / 2);
  const std::size_t valid_too = set.unmask_validate(out.data(), in.data(), text.size(), codec::mask_word(key, 0));
  check(valid_too <= bad, "a kernel takes no bad byte of a masked text");
  check(out.equals(text.first(valid_too)), "a valid prefix is unmasked");
  check(bad < text.size() || out.equals(text), "a text without a bad byte is unmasked as a whole");
}

void check_pieces(const KernelSet& set, Text text, Text masked, const MaskKey& key, std::span<const std::size_t> ends,
                  std::size_t bad) {
  codec::Utf8State state = codec::kBetweenCodePoints;
  codec::Utf8State masked_state = codec::kBetweenCodePoints;
  ReferenceUtf8 reference;
  bool possible = true;
  std::size_t begin = 0;
  for (std::size_t end : ends) {
    Placed piece(text.subspan(begin, end - begin), 0);
    Placed masked_piece(masked.subspan(begin, end - begin), 0);
    state = codec::feed_text(set, state, piece.data(), end - begin);
    masked_state = codec::feed_masked_text(set, masked_state, masked_piece.data(), masked_piece.data(), end - begin,
                                           codec::mask_word(key, begin));
    for (std::size_t i = begin; i < end && possible; ++i) possible = reference.take(text[i]);
    check(possible == (bad >= end), "the reference agrees with itself");
    check((state != codec::kImpossible) == possible, "a bad byte is found in its piece");
    check((masked_state != codec::kImpossible) == possible, "a bad byte is found in its masked piece");
    if (!possible) return;
    check((state == codec::kBetweenCodePoints) == reference.between_code_points(), "where a code point is unfinished");
    check(state == masked_state, "masked and plain text are judged alike");
    check(masked_piece.equals(text.subspan(begin, end - begin)), "a piece is unmasked");
    begin = end;
  }
}

// The faces of the codec: the best kernels, with their short cuts for short texts.
void check_faces(Text text, Text masked, const MaskKey& key, std::span<const std::size_t> ends, std::size_t bad) {
  codec::Utf8Validator plain;
  codec::Utf8Validator unmasking;
  std::size_t begin = 0;
  for (std::size_t end : ends) {
    Placed piece(text.subspan(begin, end - begin), 0);
    Placed masked_piece(masked.subspan(begin, end - begin), 0);
    Placed also(masked.subspan(begin, end - begin), 0);
    codec::apply_mask(also.bytes, also.bytes, key, begin);
    check(also.equals(text.subspan(begin, end - begin)), "apply_mask() goes on in the key where it stopped");
    check(plain.feed(piece.bytes) == (bad >= end), "the validator finds the bad byte in its piece");
    check(unmasking.feed_masked(masked_piece.bytes, masked_piece.bytes, key, begin) == (bad >= end), "masked likewise");
    begin = end;
  }
  const bool whole = bad == text.size() && plain.complete();
  check(plain.failed() == (bad < text.size()), "failed() says so");
  check(codec::is_valid_utf8(std::as_bytes(text)) == whole, "is_valid_utf8() is the validator");
  const std::string_view characters(reinterpret_cast<const char*>(text.data()), text.size());
  check(codec::is_valid_utf8(characters) == whole, "of characters, too");
  if (!whole) return;
  for (std::size_t size = 0; size <= text.size() && size < 8; ++size) {
    const std::string_view cut = codec::truncate_utf8(characters, size);
    check(characters.starts_with(cut) && cut.size() <= size && is_utf8_by_the_book(cut), "a text is cut between two");
    check(cut.size() + 4 > size, "and no earlier than it must be");
  }
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume;
  using namespace brume::fuzz;
  if (size < kControlBytes) return 0;
  MaskKey key;
  std::memcpy(key.data(), data, key.size());
  const std::size_t lead = data[5] % 64;
  const Text text(data + kControlBytes, size - kControlBytes);
  const auto masked = masked_by_the_book(text, key, 0);
  const auto ends = ends_for(data[4], text.size());
  const std::size_t bad = first_bad_byte(text);
  for (const codec::KernelSet* set : codec::runnable_kernels()) {
    check_mask(*set, text, masked, key, lead);
    check_text(*set, text, masked, key, lead, bad);
    check_pieces(*set, text, masked, key, ends, bad);
  }
  check_faces(text, masked, key, ends, bad);
  return 0;
}
