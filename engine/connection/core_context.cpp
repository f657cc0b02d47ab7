#include <cassert>
#include <new>
#include <utility>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/link.h>
#include <brume/engine/connection/tls_core.h>

namespace brume::connection {

CoreContext::CoreContext(io::Io& io, const core::Reactor::Options& options, LogFunction log_function,
                         std::size_t core_index, std::size_t max_links, Doorkeeper& keeper)
    : reactor(io, options, this),
      log(std::move(log_function)),
      doorkeeper(keeper),
      index(core_index),
      links(max_links) {}

CoreContext::~CoreContext() {
  assert(reactor.ledger().held() == 0);
}

Refusal CoreContext::note_exception(const std::exception_ptr& exception, std::string_view route,
                                    const io::Address* peer) noexcept {
  const auto note = [&](Refusal refusal, std::string_view what) {
    counters.refusals[static_cast<std::size_t>(refusal)].add();
    log.event(LogLevel::error, reactor.now(), to_string(refusal), peer, route, what);
    return refusal;
  };
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    return note(Refusal::out_of_memory, {});
  } catch (const std::exception& e) {
    return note(Refusal::handler_exception, e.what());
  } catch (...) {
    return note(Refusal::handler_exception, "not a std::exception");
  }
}

}  // namespace brume::connection
