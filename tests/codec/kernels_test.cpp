#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/kernels/dispatch.h>
#include <brume/codec/kernels/kernel_set.h>
#include <brume/tests/support/guarded_buffer.h>

namespace brume::codec {
namespace {

constexpr std::size_t kMaxLength = 300;
constexpr std::size_t kAlignments = 64;
constexpr std::uint32_t kKey = 0xC3'5A'1E'87;

// Byte `at` of a text without a pattern a kernel could be right on by luck.
std::uint8_t sample_byte(std::size_t at) {
  return static_cast<std::uint8_t>((at * 167 + at / 7 * 31 + at / 256 * 89) % 256);
}

std::uint8_t masked_byte(std::size_t at, std::uint32_t key, std::size_t offset) {
  return static_cast<std::uint8_t>(sample_byte(at) ^ (key >> (8 * ((at + offset) % 4))));
}

std::uint32_t rotated(std::uint32_t key, std::size_t offset) {
  return offset % 4 == 0 ? key : key >> (8 * (offset % 4)) | key << (32 - 8 * (offset % 4));
}

#if defined(__x86_64__)
// Flags of the processor as the operating system lists them, or nothing where it does not.
std::set<std::string> processor_flags() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    std::set<std::string> flags;
    for (std::string word; words >> word;) flags.insert(word);
    return flags;
  }
  return {};
}
#endif

TEST(Kernels, EverySetOfThisProcessorIsRunAndNoOther) {
  std::set<std::string> names;
  for (const KernelSet* set : runnable_kernels()) {
    std::printf("kernels run here: %s\n", set->name);
    EXPECT_TRUE(names.insert(set->name).second) << set->name << " twice";
    EXPECT_EQ(find_kernels(set->name), set);
  }
  EXPECT_STREQ(runnable_kernels().front()->name, "scalar");
  EXPECT_EQ(&best_kernels(), runnable_kernels().back());
  EXPECT_EQ(find_kernels("mmx"), nullptr);
#if defined(__aarch64__)
  EXPECT_EQ(names, (std::set<std::string>{"scalar", "neon"}));
#elif defined(__x86_64__)
  const std::set<std::string> flags = processor_flags();
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo lists no flags to compare with";
  std::set<std::string> expected{"scalar"};
  if (flags.contains("avx2")) expected.insert("avx2");
  const std::array wide{"avx512f", "avx512bw", "avx512vbmi", "bmi1", "bmi2"};
  if (std::ranges::all_of(wide, [&flags](const char* flag) { return flags.contains(flag); })) expected.insert("avx512");
  EXPECT_EQ(names, expected);
#endif
}

class EachKernelSet : public testing::TestWithParam<const KernelSet*> {
 protected:
  const KernelSet& set() const { return *GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(Kernels, EachKernelSet,
                         testing::ValuesIn(runnable_kernels().begin(), runnable_kernels().end()),
                         [](const auto& each) { return std::string(each.param->name); });

TEST_P(EachKernelSet, MasksLikeTheDefinitionAtEveryLengthAlignmentAndOffset) {
  alignas(kAlignments) static std::array<std::uint8_t, kAlignments + kMaxLength> in;
  alignas(kAlignments) static std::array<std::uint8_t, 3 * kAlignments + kMaxLength> out;
  static std::array<std::array<std::uint8_t, kAlignments + kMaxLength>, 4> expected;
  for (std::size_t at = 0; at < in.size(); ++at) {
    in[at] = sample_byte(at);
    for (std::size_t offset = 0; offset < 4; ++offset) expected[offset][at] = masked_byte(at, kKey, offset);
  }
  constexpr std::uint8_t kUntouched = 0xEE;
  static std::array<std::uint8_t, kAlignments> untouched;
  untouched.fill(kUntouched);
  out.fill(kUntouched);
  for (std::size_t length = 0; length <= kMaxLength; ++length) {
    for (std::size_t from = 0; from < kAlignments; ++from) {
      for (std::size_t to = 0; to < kAlignments; ++to) {
        for (std::size_t offset = 0; offset < 4; ++offset) {  // of byte 0 of `in`
          std::uint8_t* target = out.data() + kAlignments + to;
          set().mask(target, in.data() + from, length, rotated(kKey, offset + from));
          const bool right = std::memcmp(target, expected[offset].data() + from, length) == 0;
          std::memset(target, kUntouched, length);
          const bool alone = std::memcmp(target - kAlignments, untouched.data(), kAlignments) == 0 &&
                             std::memcmp(target + length, untouched.data(), kAlignments) == 0;
          ASSERT_TRUE(right && alone) << "length " << length << " from " << from << " to " << to << " offset "
                                      << offset;
        }
      }
    }
  }
}

TEST_P(EachKernelSet, MasksInPlaceAtEveryLengthAlignmentAndOffset) {
  alignas(kAlignments) static std::array<std::uint8_t, 2 * kAlignments + 6000> bytes;
  std::vector<std::size_t> lengths;
  for (std::size_t length = 0; length <= kMaxLength; ++length) lengths.push_back(length);
  for (const std::size_t length : {511u, 512u, 575u, 1024u, 2047u, 2048u, 2111u, 4096u, 4097u, 5999u})
    lengths.push_back(length);
  for (const std::size_t length : lengths) {
    for (std::size_t from = 0; from < kAlignments; ++from) {
      for (std::size_t offset = 0; offset < 4; ++offset) {
        const std::span text = std::span(bytes).subspan(from, length);
        for (std::size_t at = 0; at < length; ++at) text[at] = sample_byte(at);
        const std::uint8_t behind = bytes[from + length] = 0xEE;
        set().mask(text.data(), text.data(), length, rotated(kKey, offset));
        std::size_t wrong = 0;
        for (std::size_t at = 0; at < length; ++at) wrong += text[at] != masked_byte(at, kKey, offset);
        ASSERT_EQ(wrong, 0u) << "length " << length << " at " << from << " offset " << offset;
        ASSERT_EQ(bytes[from + length], behind) << "length " << length << " at " << from;
      }
    }
  }
}

TEST_P(EachKernelSet, TouchesNothingOutsideTheSpans) {
  test::GuardedBuffer source(8192);
  test::GuardedBuffer target(8192);
  std::vector<std::size_t> lengths;
  for (std::size_t length = 0; length <= kMaxLength; ++length) lengths.push_back(length);
  for (std::size_t length = kMaxLength; length <= 8192; length += 61) lengths.push_back(length);
  for (const std::size_t length : {511u, 512u, 513u, 2047u, 2048u, 2049u, 2111u, 2112u, 4096u, 8192u})
    lengths.push_back(length);
  const auto run = [this](std::span<std::byte> out, std::span<std::byte> in) {
    for (const std::byte fill : {std::byte{'a'}, std::byte{0xC3}}) {  // ASCII, and bytes that are never right
      std::ranges::fill(in, fill);
      auto* to = reinterpret_cast<std::uint8_t*>(out.data());
      const auto* from = reinterpret_cast<const std::uint8_t*>(in.data());
      EXPECT_EQ(set().validate(from, in.size()), fill == std::byte{'a'} ? in.size() : 0u);
      set().unmask_validate(to, from, in.size(), 0);
      set().mask(to, from, in.size(), kKey);
    }
  };
  for (const std::size_t length : lengths) {
    SCOPED_TRACE(length);
    run(target.at_end(length), source.at_end(length));
    run(target.at_end(length), source.at_start(length));
    run(target.at_start(length), source.at_end(length));
    run(target.at_start(length), source.at_start(length));
    run(target.at_end(length), target.at_end(length));
    run(target.at_start(length), target.at_start(length));
  }
}

}  // namespace
}  // namespace brume::codec
