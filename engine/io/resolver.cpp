#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <netdb.h>
#include <system_error>
#include <thread>
#include <utility>

#include <brume/engine/io/resolver.h>
#include <brume/engine/io/socket_address.h>

namespace brume::io {

namespace {

struct FreeList {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// Blocks.
Environment::Resolution look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, FreeList> list(found);
  if (error != 0) return {{}, error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error)};
  Environment::Resolution result;
  for (const addrinfo* entry = found; entry; entry = entry->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, entry->ai_addr, entry->ai_addrlen);
    Address address = from_socket_address(storage, entry->ai_addrlen);
    address.port = port;
    if (address.family != Address::Family::none) result.addresses.push_back(address);
  }
  if (result.addresses.empty()) result.error = "the host has no address";
  return result;
}

}  // namespace

struct Resolver::State {
  struct Job {
    std::string host;
    std::uint16_t port;
    Environment::Resolved resolved;
  };

  // A thread's life. It holds the state, not the Resolver.
  static void run(const std::shared_ptr<State>& state) {
    for (;;) {
      Job job;
      {
        const std::lock_guard lock(state->mutex);
        if (state->ended || state->waiting.empty()) {
          state->threads--;
          return;
        }
        job = std::move(state->waiting.front());
        state->waiting.pop_front();
      }
      Environment::Resolution found;
      try {
        found = look_up(job.host, job.port);
      } catch (const std::bad_alloc&) {
        found.addresses.clear();
        found.error = "out of memory";  // short: needs none
      }
      {
        const std::lock_guard lock(state->mutex);
        if (state->ended) {
          state->threads--;
          return;
        }
        state->telling++;
      }
      job.resolved(std::move(found));
      job.resolved = nullptr;  // what it holds goes before the Resolver may
      {
        const std::lock_guard lock(state->mutex);
        state->telling--;
      }
      state->told.notify_all();
    }
  }

  std::mutex mutex;
  std::condition_variable told;
  std::deque<Job> waiting;
  std::size_t threads = 0;
  std::size_t telling = 0;  // threads that are calling back
  bool ended = false;
};

Resolver::Resolver() : state_(std::make_shared<State>()) {}

Resolver::~Resolver() {
  std::unique_lock lock(state_->mutex);
  state_->ended = true;
  std::deque<State::Job> dropped;
  dropped.swap(state_->waiting);
  state_->told.wait(lock, [this] { return state_->telling == 0; });
}

void Resolver::resolve(const std::string& host, std::uint16_t port, Environment::Resolved resolved) {
  const char* fault = nullptr;
  Environment::Resolved refused;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() >= kMaxWaiting) {
      refused = std::move(resolved);
      fault = "too many names are being looked up";
    } else {
      state_->waiting.push_back({host, port, std::move(resolved)});
      if (state_->threads < kMaxThreads) {
        try {
          std::thread(State::run, state_).detach();
          state_->threads++;
        } catch (const std::system_error&) {
          if (state_->threads == 0) {
            refused = std::move(state_->waiting.back().resolved);
            state_->waiting.pop_back();
            fault = "no thread can be started to look names up";
          }
        }
      }
    }
  }
  if (fault) refused({{}, fault});
}

}  // namespace brume::io
