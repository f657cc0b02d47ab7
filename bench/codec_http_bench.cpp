// codec_http_bench.cpp: what the opening handshake costs a core: finding, parsing and judging an upgrade request, and
// computing the answer's key. Run with --benchmark_repetitions=9 --benchmark_report_aggregates_only=true for medians.
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include <brume/codec/handshake.h>
#include <brume/codec/http_head.h>

namespace {

using namespace brume::codec;

constexpr std::string_view kMinimal =
    "GET /ws/echo HTTP/1.1\r\n"
    "Host: localhost:8080\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "\r\n";

// As a desktop browser sends it, with a session cookie.
constexpr std::string_view kBrowser =
    "GET /ws/chat?room=lobby HTTP/1.1\r\n"
    "Host: chat.example.org\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Safari/537.36\r\n"
    "Upgrade: websocket\r\n"
    "Origin: https://chat.example.org\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: session=7f3a9c52e8b14d06a1c5e2f98b7d4c31\r\n"
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
    "Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    "\r\n";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

void scan(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    HeadScanner scanner;
    benchmark::DoNotOptimize(scanner.scan(bytes_of(text), {}));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void scan_and_parse(benchmark::State& state, std::string_view text) {
  std::array<HeaderField, 100> storage;
  for (auto _ : state) {
    HeadScanner scanner;
    const auto size = scanner.scan(bytes_of(text), {});
    benchmark::DoNotOptimize(parse_request_head(text.substr(0, **size), storage, {}));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void scan_parse_and_judge(benchmark::State& state, std::string_view text) {
  std::array<HeaderField, 100> storage;
  for (auto _ : state) {
    HeadScanner scanner;
    const auto size = scanner.scan(bytes_of(text), {});
    const auto head = parse_request_head(text.substr(0, **size), storage, {});
    benchmark::DoNotOptimize(judge_upgrade(*head));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void whole_handshake(benchmark::State& state, std::string_view text) {
  std::array<HeaderField, 100> storage;
  std::string answer;
  for (auto _ : state) {
    HeadScanner scanner;
    const auto size = scanner.scan(bytes_of(text), {});
    const auto head = parse_request_head(text.substr(0, **size), storage, {});
    const auto key = judge_upgrade(*head);
    if (!same_origin(*head)) state.SkipWithError("refused");
    const auto accept = accept_key(*key);
    answer.clear();
    append_switching_protocols(answer, std::string_view(accept.data(), accept.size()), {}, {});
    benchmark::DoNotOptimize(answer.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void only_accept_key(benchmark::State& state) {
  std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
  for (auto _ : state) {
    benchmark::DoNotOptimize(key);
    benchmark::DoNotOptimize(accept_key(key));
  }
}

BENCHMARK_CAPTURE(scan, minimal, kMinimal);
BENCHMARK_CAPTURE(scan, browser, kBrowser);
BENCHMARK_CAPTURE(scan_and_parse, minimal, kMinimal);
BENCHMARK_CAPTURE(scan_and_parse, browser, kBrowser);
BENCHMARK_CAPTURE(scan_parse_and_judge, minimal, kMinimal);
BENCHMARK_CAPTURE(scan_parse_and_judge, browser, kBrowser);
BENCHMARK_CAPTURE(whole_handshake, minimal, kMinimal);
BENCHMARK_CAPTURE(whole_handshake, browser, kBrowser);
BENCHMARK(only_accept_key);

}  // namespace

BENCHMARK_MAIN();
