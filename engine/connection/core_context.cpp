#include <utility>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/link.h>

namespace brume::connection {

CoreContext::CoreContext(io::Io& io, const core::Reactor::Options& options, LogFunction log_function,
                         std::size_t core_index, std::size_t max_links, Doorkeeper& keeper)
    : reactor(io, options, this),
      log(std::move(log_function)),
      doorkeeper(keeper),
      index(core_index),
      links(max_links) {}

CoreContext::~CoreContext() = default;

}  // namespace brume::connection
