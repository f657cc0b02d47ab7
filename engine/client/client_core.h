// client_core.h: a client's part on one core: its feeds, and the tasks that were given to it.
//
// Its core's thread only, but for what the constructor is given. Owned by the Client's implementation; attached to a
// server's core as an extension.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include <brume/codec/url.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/core/gate.h>
#include <brume/engine/core/inline_function.h>
#include <brume/engine/core/task.h>

namespace brume::client {

class Feed;

class ClientCore final : public connection::CoreExtension, private connection::Lingerer {
 public:
  ClientCore(connection::CoreContext& context, io::Environment& environment);
  // Its core's thread, or nobody's: ends what is left.
  ~ClientCore();
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  connection::CoreContext& context() { return context_; }
  // The same on all cores of a client.
  std::uint32_t number() const { return number_; }

  // Runs `f` on the part that `number` names, on the core of `gate`; dropped unrun where that is gone by then. Any
  // thread. Errors: stopping, queue_full.
  using Function = core::InlineFunction<void(ClientCore&)>;
  static std::expected<void, Error> post(const core::GateRef& gate, std::uint32_t number, Function f);

  // Takes a feed in and begins to connect it.
  void start(const std::shared_ptr<Feed>& feed, std::uint64_t id);
  std::shared_ptr<Feed> find(std::uint64_t id) const;
  std::shared_ptr<Feed> remove(std::uint64_t id);
  // Looks the host of `url` up; the answer goes to on_resolved() of the feed, if both are still there.
  void resolve(std::uint64_t feed, std::uint64_t dial, const codec::Url& url);
  // Runs the task that `make` returns: it ends with the client, and what `make` holds ends with it.
  void spawn(std::function<core::Task<void>()> make);

  void on_stop(std::chrono::nanoseconds deadline) override;

 private:
  core::Reactor& reactor() override { return context_.reactor; }
  void on_task_begun(void* task) override { tasks_.push_back(task); }
  void on_task_done(void* task, std::exception_ptr exception) noexcept override;
  void give_up() override;

  connection::CoreContext& context_;
  io::Environment& environment_;
  std::uint32_t number_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Feed>> feeds_;
  std::vector<void*> tasks_;
};

}  // namespace brume::client
