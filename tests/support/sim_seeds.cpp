#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <unistd.h>

#include <gtest/gtest.h>

#include <brume/tests/support/sim_seeds.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BRUME_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BRUME_SANITIZER 1
#endif
#endif
#ifdef BRUME_SANITIZER
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

namespace brume::test {
namespace {

// What is printed where the process dies in the middle of a seed; empty outside of one.
char last_words[1024];

void say_last_words() {
  std::size_t size = 0;
  while (last_words[size] != '\0') ++size;
  if (size != 0 && ::write(STDERR_FILENO, last_words, size) < 0) return;
  last_words[0] = '\0';
}

void on_fatal_signal(int number) {
  say_last_words();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void watch_for_death() {
  std::signal(SIGABRT, on_fatal_signal);
#ifdef BRUME_SANITIZER
  __sanitizer_set_death_callback(say_last_words);
#else
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(number, on_fatal_signal);
#endif
}

std::optional<std::uint64_t> number_from(const char* variable) {
  const char* const text = std::getenv(variable);
  if (!text || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

}  // namespace

SeedLoop::SeedLoop(std::uint64_t count) : first_(1), count_(count), chosen_(false) {
  if (const auto given = number_from("BRUME_SEEDS")) {
    chosen_ = *given < count;
    count_ = *given;
  }
  if (const auto given = number_from("BRUME_SEED")) {
    chosen_ = true;
    first_ = *given;
    count_ = 1;
  }
  watch_for_death();
}

SeedLoop::~SeedLoop() {
  last_words[0] = '\0';
  if (faults_.missing() == FaultCounts{}.missing()) return;
  const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::printf("note: %s: %llu seeds; faults: %s\n", test ? test->name() : "?", static_cast<unsigned long long>(done_),
              faults_.to_string().c_str());
}

std::string SeedLoop::replay() const {
  const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string text =
      "\nseed " + std::to_string(seed_) + " failed; replay it with\n  BRUME_SEED=" + std::to_string(seed_);
  text.append(" ").append(program_invocation_name);
  if (test) text.append(" --gtest_filter=").append(test->test_suite_name()).append(".").append(test->name());
  return text + "\n";
}

bool SeedLoop::next() {
  if (running_) {
    running_ = false;
    ++done_;
    if (::testing::Test::HasFailure()) {
      std::fputs(replay().c_str(), stderr);
      return false;
    }
  }
  last_words[0] = '\0';
  if (done_ == count_) return false;
  running_ = true;
  seed_ = first_ + done_;
  std::snprintf(last_words, sizeof(last_words), "%s", replay().c_str());
  return true;
}

SimulatorOptions SeedLoop::options(const FaultRates& faults) const {
  SimulatorOptions options;
  options.seed = seed_;
  options.faults = faults;
  options.print_trace = std::getenv("BRUME_TRACE") != nullptr;
  return options;
}

bool SeedLoop::struck_everything() const {
  const std::string missing = faults_.missing();
  if (missing.empty() || chosen_) return true;
  std::fprintf(stderr, "faults that never struck: %s\n", missing.c_str());
  return false;
}

}  // namespace brume::test
