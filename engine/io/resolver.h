// resolver.h: host names to addresses by the system's resolver, which blocks: on threads of its own, few and bounded.
//
// Any thread. A thread is started when all others are busy, up to kMaxThreads, and ends when there is nothing left to
// look up. At end(), names that wait are dropped, and the threads are joined. The system's resolver cannot be
// interrupted, and a name server that is silent holds it for many seconds: threads still inside it kPatience later go
// on without the Resolver, to end by themselves; nobody hears of what they find.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <brume/engine/io/environment.h>

namespace brume::io {

class Resolver {
 public:
  static constexpr std::size_t kMaxThreads = 4;
  static constexpr std::size_t kMaxWaiting = 1024;  // names; more are answered with an error at once
  static constexpr std::chrono::milliseconds kPatience{200};

  // Blocks until it knows. Several threads at a time; may outlive the Resolver.
  using LookUp = std::function<Environment::Resolution(const std::string& host, std::uint16_t port)>;
  // By getaddrinfo().
  static Environment::Resolution ask_system(const std::string& host, std::uint16_t port);

  explicit Resolver(LookUp look_up = ask_system);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // As end().
  ~Resolver();

  // Once it returns no `resolved` of an earlier call is called any more. Later calls are answered as before. Not from
  // a `resolved`, which it would wait for.
  void end();

  void resolve(const std::string& host, std::uint16_t port, Environment::Resolved resolved);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace brume::io
