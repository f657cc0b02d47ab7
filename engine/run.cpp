// Server::run(): the program's way. The one file of the library that handles signals and knows spdlog.
#include <cstdio>
#include <cstring>
#include <memory>
#include <signal.h>
#include <string>
#include <sys/resource.h>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <brume/engine/server.h>

namespace brume {

namespace {

constexpr int kCannotBegin = 2;  // exit code

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

LogFunction log_to_stderr() {
  auto logger = std::make_shared<spdlog::logger>("brume", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  return [logger](LogLevel level, std::string_view line) {
    logger->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
  };
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Signals are taken from the process's mask by the thread that asks for them: the server's threads inherit the mask.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next one; 0 after `limit`.
  int wait(std::chrono::milliseconds limit) {
    const timespec time{limit.count() / 1000, limit.count() % 1000 * 1'000'000};
    const int signal = sigtimedwait(&set_, nullptr, &time);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

}  // namespace

int Server::run(std::span<const std::string_view> texts) {
  raise_descriptor_limit();
  if (!config().log) set_log(log_to_stderr());
  const auto fail = [&](const SystemError& error) {
    std::fprintf(stderr, "brume: %s\n", error.text.c_str());
    return kCannotBegin;
  };
  Signals signals;
  for (const std::string_view text : texts)
    if (const auto listening = listen(text); !listening) return fail(listening.error());
  if (const auto started = start(); !started) return fail(started.error());
  for (const std::string& address : addresses()) {
    const bool is_path = address.starts_with("unix:");
    const std::string scheme = is_path ? "" : config().tls ? "https://" : "http://";
    config().log(LogLevel::info, "listening on " + scheme + address + " (" + std::to_string(core_count()) +
                                     (core_count() == 1 ? " core, " : " cores, ") + std::string(io_name()) + ")");
  }
  bool stopping = false;
  while (!stopped()) {
    const int signal = signals.wait(std::chrono::milliseconds(stopping ? 20 : 1000));
    if (signal == SIGHUP && config().tls) {
      (void)reload_tls();  // which says how it went
    } else if (signal == SIGHUP) {
      config().log(LogLevel::info, "SIGHUP: nothing to reload");
    } else if (signal != 0 && !stopping) {
      stopping = true;
      config().log(LogLevel::info,
                   "stopping: connections have " + std::to_string(config().drain_timeout.count()) + " ms to close");
      stop();
    } else if (signal != 0) {
      config().log(LogLevel::info, "stopping at once");
      stop(std::chrono::milliseconds(0), std::chrono::milliseconds(0));
    }
  }
  wait();
  config().log(LogLevel::info, "stopped");
  return 0;
}

}  // namespace brume
