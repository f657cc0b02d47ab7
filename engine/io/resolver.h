// resolver.h: host names to addresses by the system's resolver, which blocks: on threads of its own, few and bounded.
//
// Any thread. A thread is started when all others are busy, up to kMaxThreads, and ends when there is nothing left to
// look up. The system's resolver cannot be interrupted: when a Resolver ends, names that wait are dropped, and threads
// still inside the system go on without it, to end by themselves; nobody hears of what they find.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <brume/engine/io/environment.h>

namespace brume::io {

class Resolver {
 public:
  static constexpr std::size_t kMaxThreads = 4;
  static constexpr std::size_t kMaxWaiting = 1024;  // names; more are answered with an error at once

  Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // Once it returns no `resolved` is called any more.
  ~Resolver();

  void resolve(const std::string& host, std::uint16_t port, Environment::Resolved resolved);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace brume::io
