#include <cassert>
#include <utility>

#include <brume/engine/client/client_core.h>
#include <brume/engine/client/feed.h>

namespace brume::client {

namespace {

// A function on its way to a client's part; owned by the envelope.
struct PostedFunction {
  ClientCore::Function::Packed function;
  std::uint32_t number;
};

void run_posted(void* host, std::byte* payload) noexcept {
  const auto posted = core::Envelope::read<PostedFunction>(payload);
  ClientCore::Function function = ClientCore::Function::unpack(posted.function);
  if (!host) return;
  auto* const context = static_cast<connection::CoreContext*>(host);
  connection::CoreExtension* const part = context->extensions.find(posted.number);
  if (!part) return;
  try {
    function(static_cast<ClientCore&>(*part));
  } catch (...) {
    context->note_exception(std::current_exception(), "client", nullptr);
  }
}

}  // namespace

ClientCore::ClientCore(connection::CoreContext& context, io::Environment& environment)
    : context_(context), environment_(environment) {
  context_.masks.set_source(environment);
  number_ = context_.extensions.add(*this);
}

ClientCore::~ClientCore() {
  context_.extensions.remove(number_);  // first: whom the ends below are told may want to connect again
  give_up();
  std::vector<std::shared_ptr<Feed>> left;
  for (const auto& [id, feed] : feeds_) left.push_back(feed);
  // A connection may be held by a task that is not this client's, and outlive it.
  for (const auto& feed : left) feed->leave_core();
  feeds_.clear();
}

std::expected<void, Error> ClientCore::post(const core::GateRef& gate, std::uint32_t number, Function f) {
  if (!gate) return std::unexpected(Error::stopping);
  const Function::Packed packed = std::move(f).pack();
  const auto posted = gate.get()->post(core::Envelope::make(run_posted, PostedFunction{packed, number}));
  if (!posted) f = Function::unpack(packed);  // still ours, and destroyed here
  return posted;
}

void ClientCore::start(const std::shared_ptr<Feed>& feed, std::uint64_t id) {
  try {
    feeds_.emplace(id, feed);
  } catch (const std::bad_alloc&) {
    return feed->refuse(*this, id);
  }
  feed->start(*this, id);
}

std::shared_ptr<Feed> ClientCore::find(std::uint64_t id) const {
  const auto found = feeds_.find(id);
  return found == feeds_.end() ? nullptr : found->second;
}

std::shared_ptr<Feed> ClientCore::remove(std::uint64_t id) {
  const auto found = feeds_.find(id);
  if (found == feeds_.end()) return nullptr;
  std::shared_ptr<Feed> feed = std::move(found->second);
  feeds_.erase(found);
  return feed;
}

void ClientCore::resolve(std::uint64_t feed, std::uint64_t dial, const codec::Url& url) {
  // Its thread may be any; the answer is lost only where this core is, too, or has no room for it: then the attempt
  // times out.
  const auto answer = [gate = context_.reactor.gate_ref(), number = number_, feed,
                       dial](io::Environment::Resolution resolution) {
    try {
      (void)post(gate, number, [feed, dial, resolution = std::move(resolution)](ClientCore& core) mutable {
        if (const auto found = core.find(feed)) found->on_resolved(dial, std::move(resolution));
      });
    } catch (const std::bad_alloc&) {
      (void)post(gate, number, [feed, dial](ClientCore& core) {  // small enough to need no memory
        if (const auto found = core.find(feed)) found->on_resolved(dial, {{}, "out of memory"});
      });
    }
  };
  environment_.resolve(url.host, url.port, answer);
}

namespace {
// A lambda that is a coroutine finds its captures in `make`.
core::Task<void> hold(std::function<core::Task<void>()> make) {
  co_await make();
}
}  // namespace

void ClientCore::spawn(std::function<core::Task<void>()> make) {
  begin(hold(std::move(make)));
}

void ClientCore::on_stop(std::chrono::nanoseconds deadline) {
  std::vector<std::shared_ptr<Feed>> all;
  for (const auto& [id, feed] : feeds_) all.push_back(feed);
  for (const auto& feed : all) feed->stop();
  cancel();
  // Tasks that wait for something that is not brume's own have until the deadline.
  if (!tasks_.empty()) context_.lingering.add(*this, deadline);
}

void ClientCore::on_task_done(void* task, std::exception_ptr exception) noexcept {
  std::erase(tasks_, task);
  if (exception) context_.note_exception(exception, "client", nullptr);
  if (tasks_.empty()) context_.lingering.remove(*this);
}

void ClientCore::give_up() {
  context_.lingering.remove(*this);
  while (!tasks_.empty()) {
    void* const task = tasks_.back();
    tasks_.pop_back();
    destroy_task(task);
  }
}

}  // namespace brume::client
