// What the parts of a core cost alone, in one thread unless the name says otherwise. Seconds are for one operation.

#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <brume/engine/core/envelope.h>
#include <brume/engine/core/frame_pool.h>
#include <brume/engine/core/inline_function.h>
#include <brume/engine/core/mailbox.h>
#include <brume/engine/core/slab.h>
#include <brume/engine/core/task.h>
#include <brume/engine/core/timer_wheel.h>
#include <brume/engine/core/token_bucket.h>

namespace brume::core {
namespace {

using benchmark::Counter;

// Each iteration did `count` operations.
void report(benchmark::State& state, std::size_t count = 1) {
  state.counters["op"] = Counter(static_cast<double>(count), Counter::kIsIterationInvariantRate | Counter::kInvert);
}

// ---- mailbox

constexpr std::size_t kMailboxSlots = 4096;
constexpr std::size_t kLargestBatch = 64;

void mailbox_one_thread(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Mailbox<Envelope> mailbox(kMailboxSlots);
  const std::array<Envelope, kLargestBatch> envelopes{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(mailbox.try_push_batch(std::span(envelopes).first(batch)));
    benchmark::DoNotOptimize(mailbox.should_wake());
    mailbox.drain([](Envelope& envelope) { benchmark::DoNotOptimize(envelope); }, batch);
  }
  report(state, batch);
}
BENCHMARK(mailbox_one_thread)->ArgName("batch")->Arg(1)->Arg(64);

// The producer is another thread, which pushes all the time; the consumer never sleeps.
void mailbox_from_another_thread(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Mailbox<Envelope> mailbox(kMailboxSlots);
  std::atomic<bool> stop{false};
  std::thread producer([&] {
    const std::array<Envelope, kLargestBatch> envelopes{};
    while (!stop.load(std::memory_order_relaxed)) {
      if (mailbox.try_push_batch(std::span(envelopes).first(batch)) != 0)
        benchmark::DoNotOptimize(mailbox.should_wake());
    }
  });
  std::size_t taken = 0;
  for (auto _ : state) {
    std::size_t left = kMailboxSlots;
    while (left != 0) {
      left -= mailbox.drain([](Envelope& envelope) { benchmark::DoNotOptimize(envelope); }, left);
    }
    taken += kMailboxSlots;
  }
  stop = true;
  producer.join();
  report(state, kMailboxSlots);
  benchmark::DoNotOptimize(taken);
}
BENCHMARK(mailbox_from_another_thread)->ArgName("batch")->Arg(1)->Arg(64)->UseRealTime();

// ---- timers

void timer_arm_and_cancel(benchmark::State& state) {
  TimerWheel wheel(TimerWheel::Time{0});
  Timer timer;
  for (auto _ : state) {
    wheel.arm(timer, std::chrono::seconds(60));
    wheel.cancel(timer);
  }
  report(state);
}
BENCHMARK(timer_arm_and_cancel);

// A time-out put off by each message, among ten thousand others.
void timer_put_off(benchmark::State& state) {
  constexpr std::size_t kTimers = 10'000;
  TimerWheel wheel(TimerWheel::Time{0});
  const auto timers = std::make_unique<Timer[]>(kTimers);
  std::int64_t step = 0;
  for (auto _ : state) {
    const auto i = static_cast<std::size_t>(step) * 7919 % kTimers;
    wheel.arm(timers[i], std::chrono::seconds(60) + std::chrono::microseconds(++step));
  }
  report(state);
}
BENCHMARK(timer_put_off);

void timer_arm_and_fire(benchmark::State& state) {
  constexpr std::int64_t kTimers = 1000;
  TimerWheel wheel(TimerWheel::Time{0});
  const auto timers = std::make_unique<Timer[]>(kTimers);
  std::int64_t now_ms = 0;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kTimers; i++)
      wheel.arm(timers[static_cast<std::size_t>(i)], std::chrono::milliseconds(now_ms + 1 + i * 60));
    now_ms += kTimers * 60;
    wheel.advance(std::chrono::milliseconds(now_ms), [](Timer& timer) { benchmark::DoNotOptimize(timer); });
  }
  report(state, kTimers);
}
BENCHMARK(timer_arm_and_fire);

// ---- slab

struct Object {
  explicit Object(std::uint64_t v) : value(v) {}
  std::uint64_t value;
  std::byte rest[248];
};

void slab_emplace_and_erase(benchmark::State& state) {
  Slab<Object> slab(10'000);
  for (auto _ : state) {
    const auto place = slab.emplace(1U);
    benchmark::DoNotOptimize(place.object);
    slab.erase(place.slot, place.generation);
  }
  report(state);
}
BENCHMARK(slab_emplace_and_erase);

void slab_find(benchmark::State& state) {
  constexpr std::size_t kObjects = 100;
  Slab<Object> slab(kObjects);
  std::array<Slab<Object>::Place, kObjects> places;
  for (auto& place : places) place = slab.emplace(1U);
  std::size_t next = 0;
  for (auto _ : state) {
    const auto& place = places[next];
    next = next + 1 == kObjects ? 0 : next + 1;
    benchmark::DoNotOptimize(slab.find(place.slot, place.generation));
  }
  report(state);
}
BENCHMARK(slab_find);

// ---- tasks and their frames

class Scope final : public TaskScope {
 public:
  ~Scope() { destroy_task(task_); }
  Reactor& reactor() override { std::terminate(); }
  void on_task_begun(void* task) override { task_ = task; }
  void on_task_done(void*, std::exception_ptr) noexcept override { task_ = nullptr; }

 private:
  void* task_ = nullptr;
};

struct Pause {
  std::coroutine_handle<>& waiter;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { waiter = handle; }
  void await_resume() const noexcept {}
};

void task_resume(benchmark::State& state) {
  FramePool pool;
  const FramePool::Scope current(pool);
  std::coroutine_handle<> waiter;
  Scope scope;
  scope.begin([](std::coroutine_handle<>& w) -> Task<> {
    for (;;) co_await Pause{w};
  }(waiter));
  for (auto _ : state) waiter.resume();
  report(state);
}
BENCHMARK(task_resume);

[[gnu::noinline]] Task<int> ends_at_once(int value) {
  co_return value;
}
[[gnu::noinline]] Task<int> waits(std::coroutine_handle<>& waiter, int value) {
  co_await Pause{waiter};
  co_return value;
}

// A task made, awaited and destroyed, which ends without waiting.
void task_await_one_that_ends_at_once(benchmark::State& state) {
  FramePool pool;
  const FramePool::Scope current(pool);
  std::coroutine_handle<> waiter;
  Scope scope;
  scope.begin([](std::coroutine_handle<>& w) -> Task<> {
    for (int sum = 0;;) {
      for (int i = 0; i < 100; i++) sum += co_await ends_at_once(i);
      benchmark::DoNotOptimize(sum);
      co_await Pause{w};
    }
  }(waiter));
  for (auto _ : state) waiter.resume();
  report(state, 100);
}
BENCHMARK(task_await_one_that_ends_at_once);

void task_await_one_that_waits(benchmark::State& state) {
  FramePool pool;
  const FramePool::Scope current(pool);
  std::coroutine_handle<> waiter;
  Scope scope;
  scope.begin([](std::coroutine_handle<>& w) -> Task<> {
    for (;;) benchmark::DoNotOptimize(co_await waits(w, 1));
  }(waiter));
  for (auto _ : state) waiter.resume();
  report(state);
}
BENCHMARK(task_await_one_that_waits);

void frame_pool_allocate(benchmark::State& state) {
  FramePool pool;
  const FramePool::Scope current(pool);
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* frame = FramePool::allocate_from_current(size);
    benchmark::DoNotOptimize(frame);
    FramePool::deallocate(frame);
  }
  report(state);
}
BENCHMARK(frame_pool_allocate)->ArgName("bytes")->Arg(200)->Arg(1500);

void operator_new(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* memory = ::operator new(size);
    benchmark::DoNotOptimize(memory);
    ::operator delete(memory);
  }
  report(state);
}
BENCHMARK(operator_new)->ArgName("bytes")->Arg(200)->Arg(1500);

// ---- small things

void token_bucket_take(benchmark::State& state) {
  TokenBucket bucket(1'000'000'000);
  TokenBucket::Time now{0};
  for (auto _ : state) {
    now += TokenBucket::Time(100);
    benchmark::DoNotOptimize(bucket.take(20, now));
  }
  report(state);
}
BENCHMARK(token_bucket_take);

void inline_function_pack_and_call(benchmark::State& state) {
  using Function = InlineFunction<void(int&)>;
  int value = 0;
  for (auto _ : state) {
    Function function = [step = 2](int& v) { v += step; };
    Function::Packed packed = std::move(function).pack();
    benchmark::DoNotOptimize(packed);
    Function::unpack(packed)(value);
  }
  report(state);
}
BENCHMARK(inline_function_pack_and_call);

}  // namespace
}  // namespace brume::core

BENCHMARK_MAIN();
