#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <netdb.h>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <brume/engine/io/resolver.h>
#include <brume/engine/io/socket_address.h>

namespace brume::io {

namespace {

struct FreeList {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

}  // namespace

Environment::Resolution Resolver::ask_system(const std::string& host, std::uint16_t port) {
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

// What the threads share: they hold it, and not the Resolver.
struct Resolver::State {
  struct Job {
    std::string host;
    std::uint16_t port;
    Environment::Resolved resolved;
  };

  explicit State(LookUp f) : look_up(std::move(f)) {
    running.reserve(kMaxThreads);
    finished.reserve(kMaxThreads);
  }

  // The life of a thread that was started in this round.
  static void run(const std::shared_ptr<State>& state, std::uint64_t round) {
    Job job;
    while (state->take(job, round)) {
      Environment::Resolution found;
      try {
        found = state->look_up(job.host, job.port);
      } catch (const std::bad_alloc&) {
        found.addresses.clear();
        found.error = "out of memory";  // short: needs none
      }
      if (state->begin_telling(round)) {
        job.resolved(std::move(found));
        job.resolved = nullptr;  // what it holds goes before end() returns
        state->end_telling();
      } else {
        job.resolved = nullptr;
      }
    }
  }

  // False where there is none, and the thread that asks is to end.
  bool take(Job& job, std::uint64_t own_round) {
    {
      const std::lock_guard lock(mutex);
      if (round == own_round && !waiting.empty()) {
        job = std::move(waiting.front());
        waiting.pop_front();
        return true;
      }
      // end(), or the next look-up, joins it. Where it was let go nobody does.
      const auto is_own = [](const std::thread& thread) { return thread.get_id() == std::this_thread::get_id(); };
      if (const auto own = std::ranges::find_if(running, is_own); own != running.end()) {
        finished.push_back(std::move(*own));
        running.erase(own);
      }
    }
    changed.notify_all();
    return false;
  }
  bool begin_telling(std::uint64_t own_round) {
    const std::lock_guard lock(mutex);
    if (round != own_round) return false;
    telling++;
    return true;
  }
  void end_telling() {
    {
      const std::lock_guard lock(mutex);
      telling--;
    }
    changed.notify_all();
  }
  // Of threads whose last step with the mutex is done.
  void join_finished() {
    for (std::thread& thread : finished) thread.join();
    finished.clear();
  }

  const LookUp look_up;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> waiting;
  std::vector<std::thread> running;
  std::vector<std::thread> finished;
  std::size_t telling = 0;  // threads that are calling back
  std::uint64_t round = 0;  // from one end() to the next
};

Resolver::Resolver(LookUp look_up) : state_(std::make_shared<State>(std::move(look_up))) {}

Resolver::~Resolver() {
  end();
}

void Resolver::end() {
  std::deque<State::Job> dropped;  // goes after the lock
  std::unique_lock lock(state_->mutex);
  state_->round++;
  dropped.swap(state_->waiting);
  state_->changed.wait(lock, [this] { return state_->telling == 0; });
  state_->changed.wait_for(lock, kPatience, [this] { return state_->running.empty(); });
  for (std::thread& thread : state_->running) thread.detach();
  state_->running.clear();
  state_->join_finished();
}

void Resolver::resolve(const std::string& host, std::uint16_t port, Environment::Resolved resolved) {
  const char* fault = nullptr;
  Environment::Resolved refused;
  {
    const std::lock_guard lock(state_->mutex);
    state_->join_finished();
    if (state_->waiting.size() >= kMaxWaiting) {
      refused = std::move(resolved);
      fault = "too many names are being looked up";
    } else {
      state_->waiting.push_back({host, port, std::move(resolved)});
      if (state_->running.size() < kMaxThreads) {
        try {
          state_->running.emplace_back(State::run, state_, state_->round);
        } catch (const std::system_error&) {
          if (state_->running.empty()) {
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
