// codec_kernels_bench.cpp: unmasking and UTF-8 validation, by each set of kernels and through the public functions.
//
//   codec_kernels_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
//
// "call" is the public function with the kernels it chose; the other names are KernelSet's, fed directly. Bytes are
// worked on in place, at an odd address as behind a frame header.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include <brume/codec/kernels/dispatch.h>
#include <brume/codec/kernels/text.h>
#include <brume/codec/mask.h>
#include <brume/codec/utf8.h>

namespace brume::codec {
namespace {

constexpr std::size_t kSizes[] = {18, 125, 1024, 16 * 1024, 1024 * 1024};
constexpr MaskKey kKey = {std::byte{0x3C}, std::byte{0xA7}, std::byte{0x59}, std::byte{0xE1}};

struct Sample {
  const char* name;
  std::string_view text;  // repeated up to the size wanted
};

constexpr Sample kSamples[] = {
    {"ascii", "{\"type\":\"tick\",\"price\":104.25,\"size\":300} "},
    {"cjk", "霧の中を走る列車が静かに駅へ近づいてきた。今日は雨が降っている。"},
    {"emoji", "morning 🌫️ fog over the río, see you at 9 😀👍🏽 — ¿vale? "},
};

// `size` bytes of the sample, whole code points filled up with dots, at an address of 16 n + 6.
class Buffer {
 public:
  Buffer(const Sample& sample, std::size_t size) : store_(size + kShift) {
    std::string text;
    while (text.size() < size) text += sample.text;
    const std::string_view whole = truncate_utf8(text, size);
    const auto end = std::ranges::copy(std::as_bytes(std::span(whole)), store_.begin() + kShift).out;
    std::fill(end, store_.end(), std::byte{'.'});
  }

  std::span<std::byte> bytes() { return std::span(store_).subspan(kShift); }
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(bytes().data()); }

 private:
  static constexpr std::size_t kShift = 6;  // a header of 2 bytes and a key
  std::vector<std::byte> store_;
};

void report(benchmark::State& state, std::size_t size, bool ok = true) {
  if (!ok) state.SkipWithError("the text was refused");
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void mask_by_call(benchmark::State& state, const Sample& sample, std::size_t size) {
  Buffer buffer(sample, size);
  for (auto _ : state) {
    apply_mask(buffer.bytes(), buffer.bytes(), kKey);
    benchmark::ClobberMemory();
  }
  report(state, size);
}

void feed_by_call(benchmark::State& state, const Sample& sample, std::size_t size) {
  Buffer buffer(sample, size);
  bool ok = true;
  for (auto _ : state) {
    Utf8Validator validator;
    ok &= validator.feed(buffer.bytes()) && validator.complete();
    benchmark::ClobberMemory();
  }
  report(state, size, ok);
}

// Unmasking in place would leave other text for the next turn, so source and target differ.
void feed_masked_by_call(benchmark::State& state, const Sample& sample, std::size_t size) {
  Buffer masked(sample, size);
  Buffer out(sample, size);
  apply_mask(masked.bytes(), masked.bytes(), kKey);
  bool ok = true;
  for (auto _ : state) {
    Utf8Validator validator;
    ok &= validator.feed_masked(out.bytes(), masked.bytes(), kKey, 0) && validator.complete();
    benchmark::ClobberMemory();
  }
  report(state, size, ok);
}

void mask_by_set(benchmark::State& state, const KernelSet& set, const Sample& sample, std::size_t size) {
  Buffer buffer(sample, size);
  for (auto _ : state) {
    set.mask(buffer.data(), buffer.data(), size, 0x12345678);
    benchmark::ClobberMemory();
  }
  report(state, size);
}

void feed_by_set(benchmark::State& state, const KernelSet& set, const Sample& sample, std::size_t size) {
  Buffer buffer(sample, size);
  bool ok = true;
  for (auto _ : state) {
    ok &= feed_text(set, kBetweenCodePoints, buffer.data(), size) == kBetweenCodePoints;
    benchmark::ClobberMemory();
  }
  report(state, size, ok);
}

void feed_masked_by_set(benchmark::State& state, const KernelSet& set, const Sample& sample, std::size_t size) {
  constexpr std::uint32_t kWord = 0x12345678;
  Buffer masked(sample, size);
  Buffer out(sample, size);
  set.mask(masked.data(), masked.data(), size, kWord);
  bool ok = true;
  for (auto _ : state) {
    ok &= feed_masked_text(set, kBetweenCodePoints, out.data(), masked.data(), size, kWord) == kBetweenCodePoints;
    benchmark::ClobberMemory();
  }
  report(state, size, ok);
}

// What feed_masked() competes with: unmask a block that fits the first-level cache, validate it there, and so on.
void feed_masked_by_blocks(benchmark::State& state, const KernelSet& set, const Sample& sample, std::size_t size,
                           std::size_t block) {
  constexpr std::uint32_t kWord = 0x12345678;
  Buffer masked(sample, size);
  Buffer out(sample, size);
  set.mask(masked.data(), masked.data(), size, kWord);
  bool ok = true;
  for (auto _ : state) {
    Utf8State text = kBetweenCodePoints;
    for (std::size_t at = 0; at < size; at += block) {
      const std::size_t length = std::min(block, size - at);
      set.mask(out.data() + at, masked.data() + at, length, kWord);
      text = feed_text(set, text, out.data() + at, length);
    }
    ok &= text == kBetweenCodePoints;
    benchmark::ClobberMemory();
  }
  report(state, size, ok);
}

std::string name_of(std::string_view what, std::string_view set, std::string_view sample, std::size_t size) {
  std::string name(what);
  for (const std::string_view part : {set, sample})
    if (!part.empty()) (name += '/') += part;
  return name + '/' + std::to_string(size);
}

void register_all() {
  for (const std::size_t size : kSizes) {
    benchmark::RegisterBenchmark(name_of("mask", "call", "", size).c_str(), mask_by_call, kSamples[0], size);
    for (const KernelSet* set : runnable_kernels())
      benchmark::RegisterBenchmark(name_of("mask", set->name, "", size).c_str(), mask_by_set, *set, kSamples[0], size);
    for (const Sample& sample : kSamples) {
      benchmark::RegisterBenchmark(name_of("feed", "call", sample.name, size).c_str(), feed_by_call, sample, size);
      benchmark::RegisterBenchmark(name_of("feed_masked", "call", sample.name, size).c_str(), feed_masked_by_call,
                                   sample, size);
      for (const KernelSet* set : runnable_kernels()) {
        const auto name = [&](std::string_view what) { return name_of(what, set->name, sample.name, size); };
        benchmark::RegisterBenchmark(name("feed").c_str(), feed_by_set, *set, sample, size);
        benchmark::RegisterBenchmark(name("feed_masked").c_str(), feed_masked_by_set, *set, sample, size);
        if (size < 16 * 1024) continue;
        benchmark::RegisterBenchmark(name("by_blocks_4k").c_str(), feed_masked_by_blocks, *set, sample, size, 4096);
        benchmark::RegisterBenchmark(name("by_blocks_16k").c_str(), feed_masked_by_blocks, *set, sample, size, 16384);
      }
    }
  }
}

}  // namespace
}  // namespace brume::codec

int main(int argc, char** argv) {
  brume::codec::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
