// What a frame costs in the codec alone, input and output in cache: the column `frame` is seconds a frame.
//
// Frames are decoded one after the other from a stream of several, as bytes that were just written read back slowly.
// The payloads stay text under the mask, so that unmasking the same bytes again and again keeps them valid.

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include <brume/codec/decoder.h>
#include <brume/codec/encoder.h>

namespace brume::codec {
namespace {

// Capital letters XORed with values below 32 are ASCII again.
constexpr MaskKey kKey{std::byte{0x05}, std::byte{0x1A}, std::byte{0x11}, std::byte{0x0D}};
constexpr std::size_t kStreamSize = 16 * 1024;  // bytes, about

std::vector<std::byte> letters(std::size_t size) {
  std::vector<std::byte> text(size);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::byte>('A' + i % 26);
  return text;
}

std::vector<std::byte> masked_frames(Opcode opcode, std::size_t payload_size, std::size_t count) {
  std::vector<std::byte> stream(client_frame_size(payload_size) * count);
  const auto payload = letters(payload_size);
  std::span<std::byte> out(stream);
  for (std::size_t i = 0; i < count; ++i) out = out.subspan(write_client_frame(out, opcode, payload, kKey));
  return stream;
}

// `frames` of `payload_size` bytes were dealt with in each iteration.
void report(benchmark::State& state, std::size_t payload_size, std::size_t frames = 1) {
  using benchmark::Counter;
  const auto bytes = static_cast<double>(payload_size * frames);
  state.counters["frame"] = Counter(static_cast<double>(frames), Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["payload"] = Counter(bytes, Counter::kIsIterationInvariantRate, Counter::kIs1000);
}

void decode(benchmark::State& state, Opcode opcode, std::size_t frames) {
  const auto payload_size = static_cast<std::size_t>(state.range(0));
  auto stream = masked_frames(opcode, payload_size, frames);
  const DecoderLimits limits;
  Decoder decoder;
  for (auto _ : state) {
    std::span<std::byte> input(stream);
    for (std::size_t i = 0; i < frames; ++i) {
      Event event = decoder.next(input, limits);
      if (event.kind != Event::Kind::message) state.SkipWithError("no message");
      benchmark::DoNotOptimize(event);
    }
    benchmark::ClobberMemory();
  }
  report(state, payload_size, frames);
}

std::size_t frames_in_stream(const benchmark::State& state) {
  return kStreamSize / static_cast<std::size_t>(state.range(0)) + 1;
}

void decode_binary(benchmark::State& state) {
  decode(state, Opcode::binary, frames_in_stream(state));
}
BENCHMARK(decode_binary)->Arg(20)->Arg(125)->Arg(1024)->Arg(16 * 1024);

void decode_text(benchmark::State& state) {
  decode(state, Opcode::text, frames_in_stream(state));
}
BENCHMARK(decode_text)->Arg(20)->Arg(125)->Arg(1024)->Arg(16 * 1024);

void decode_batch_of_64_binary(benchmark::State& state) {
  decode(state, Opcode::binary, 64);
}
BENCHMARK(decode_batch_of_64_binary)->Arg(20);

void decode_batch_of_64_text(benchmark::State& state) {
  decode(state, Opcode::text, 64);
}
BENCHMARK(decode_batch_of_64_text)->Arg(20);

// A frame that comes in two halves goes through the decoder's own store.
void decode_binary_in_two_pieces(benchmark::State& state) {
  const auto payload_size = static_cast<std::size_t>(state.range(0));
  auto stream = masked_frames(Opcode::binary, payload_size, 1);
  const DecoderLimits limits;
  Decoder decoder;
  for (auto _ : state) {
    std::span<std::byte> first = std::span(stream).first(stream.size() / 2);
    std::span<std::byte> second = std::span(stream).subspan(first.size());
    benchmark::DoNotOptimize(decoder.next(first, limits));
    Event event = decoder.next(second, limits);
    if (event.kind != Event::Kind::message) state.SkipWithError("no message");
    benchmark::DoNotOptimize(event);
  }
  report(state, payload_size);
}
BENCHMARK(decode_binary_in_two_pieces)->Arg(20)->Arg(1024)->Arg(16 * 1024);

void encode_server(benchmark::State& state) {
  const auto payload = letters(static_cast<std::size_t>(state.range(0)));
  std::vector<std::byte> out(server_frame_size(payload.size()));
  for (auto _ : state) {
    benchmark::DoNotOptimize(write_server_frame(out, Opcode::binary, payload));
    benchmark::ClobberMemory();
  }
  report(state, payload.size());
}
BENCHMARK(encode_server)->Arg(20)->Arg(125)->Arg(1024)->Arg(16 * 1024);

void encode_client(benchmark::State& state) {
  const auto payload = letters(static_cast<std::size_t>(state.range(0)));
  std::vector<std::byte> out(client_frame_size(payload.size()));
  for (auto _ : state) {
    benchmark::DoNotOptimize(write_client_frame(out, Opcode::binary, payload, kKey));
    benchmark::ClobberMemory();
  }
  report(state, payload.size());
}
BENCHMARK(encode_client)->Arg(20)->Arg(125)->Arg(1024)->Arg(16 * 1024);

}  // namespace
}  // namespace brume::codec

BENCHMARK_MAIN();
