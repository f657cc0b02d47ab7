// codec_kernels_bench.cpp: unmasking and UTF-8 validation, by each set of kernels and through the public functions.
//
//   codec_kernels_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
//
// "call" is the public function with the kernels it chose; the other names are KernelSet's, fed directly.
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

// A key of zeros leaves the text what it is, turn after turn, and costs what any other key costs; the compiler is kept
// from seeing that it is one.
MaskKey opaque_key() {
  MaskKey key{};
  benchmark::DoNotOptimize(key);
  return key;
}

struct Sample {
  const char* name;
  std::string_view text;  // repeated up to the size wanted
};

constexpr Sample kSamples[] = {
    {"ascii", "{\"type\":\"tick\",\"price\":104.25,\"size\":300} "},
    {"cjk", "霧の中を走る列車が静かに駅へ近づいてきた。今日は雨が降っている。"},
    {"emoji", "morning 🌫️ fog over the río, see you at 9 😀👍🏽 — ¿vale? "},
};

// Payloads of `size` bytes, one behind the other as in a receive buffer, each with room for its header in front of it.
// They are worked on in turn and in place: no payload is touched again while its bytes are still on their way to the
// cache.
class Payloads {
 public:
  Payloads(const Sample& sample, std::size_t size) : size_(size), stride_(kHeader + size) {
    std::string text;
    while (text.size() < size) text += sample.text;
    const std::string_view whole = truncate_utf8(text, size);
    store_.assign(std::max<std::size_t>(1, kReceiveBuffer / stride_) * stride_, std::byte{'.'});
    for (std::size_t at = kHeader; at < store_.size(); at += stride_)
      std::ranges::copy(std::as_bytes(std::span(whole)), store_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  std::span<std::byte> next() {
    at_ = at_ + stride_ < store_.size() ? at_ + stride_ : 0;
    return std::span(store_).subspan(at_ + kHeader, size_);
  }

 private:
  static constexpr std::size_t kHeader = 6;  // two bytes and a key
  static constexpr std::size_t kReceiveBuffer = 16 * 1024;

  std::size_t size_;
  std::size_t stride_;
  std::vector<std::byte> store_;
  std::size_t at_ = 0;
};

std::uint8_t* bytes_of(std::span<std::byte> payload) {
  return reinterpret_cast<std::uint8_t*>(payload.data());
}

// Runs `work` on payload after payload; it returns whether it took the text.
template <typename Work>
void measure(benchmark::State& state, const Sample& sample, std::size_t size, Work work) {
  Payloads payloads(sample, size);
  bool ok = true;
  for (auto _ : state) {
    ok &= work(payloads.next());
    benchmark::ClobberMemory();
  }
  if (!ok) state.SkipWithError("the text was refused");
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void mask_by_call(benchmark::State& state, const Sample& sample, std::size_t size) {
  measure(state, sample, size, [key = opaque_key()](std::span<std::byte> payload) {
    apply_mask(payload, payload, key);
    return true;
  });
}

void feed_by_call(benchmark::State& state, const Sample& sample, std::size_t size) {
  measure(state, sample, size, [](std::span<std::byte> payload) {
    Utf8Validator validator;
    return validator.feed(payload) && validator.complete();
  });
}

void feed_masked_by_call(benchmark::State& state, const Sample& sample, std::size_t size) {
  measure(state, sample, size, [key = opaque_key()](std::span<std::byte> payload) {
    Utf8Validator validator;
    return validator.feed_masked(payload, payload, key, 0) && validator.complete();
  });
}

void mask_by_set(benchmark::State& state, const KernelSet& set, const Sample& sample, std::size_t size) {
  measure(state, sample, size, [&set, word = mask_word(opaque_key(), 0)](std::span<std::byte> payload) {
    set.mask(bytes_of(payload), bytes_of(payload), payload.size(), word);
    return true;
  });
}

void feed_by_set(benchmark::State& state, const KernelSet& set, const Sample& sample, std::size_t size) {
  measure(state, sample, size, [&set](std::span<std::byte> payload) {
    return feed_text(set, kBetweenCodePoints, bytes_of(payload), payload.size()) == kBetweenCodePoints;
  });
}

void feed_masked_by_set(benchmark::State& state, const KernelSet& set, const Sample& sample, std::size_t size) {
  measure(state, sample, size, [&set, word = mask_word(opaque_key(), 0)](std::span<std::byte> payload) {
    std::uint8_t* bytes = bytes_of(payload);
    return feed_masked_text(set, kBetweenCodePoints, bytes, bytes, payload.size(), word) == kBetweenCodePoints;
  });
}

// What feed_masked() competes with: unmask a block that fits the first-level cache, validate it there, and so on.
void feed_masked_by_blocks(benchmark::State& state, const KernelSet& set, const Sample& sample, std::size_t size,
                           std::size_t block) {
  measure(state, sample, size, [&set, block, word = mask_word(opaque_key(), 0)](std::span<std::byte> payload) {
    Utf8State text = kBetweenCodePoints;
    for (std::size_t at = 0; at < payload.size(); at += block) {
      const std::size_t length = std::min(block, payload.size() - at);
      std::uint8_t* bytes = bytes_of(payload) + at;
      set.mask(bytes, bytes, length, word);
      text = feed_text(set, text, bytes, length);
    }
    return text == kBetweenCodePoints;
  });
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
