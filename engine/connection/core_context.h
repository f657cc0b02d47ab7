// core_context.h: what all connections of one core share.
//
// Owned by the core; outlives its connections. Its own thread only, but for the counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>

#include <brume/engine/connection/connects.h>
#include <brume/engine/connection/core_extension.h>
#include <brume/engine/connection/counters.h>
#include <brume/engine/connection/deflate_pool.h>
#include <brume/engine/connection/lingering.h>
#include <brume/engine/connection/log.h>
#include <brume/engine/connection/mask_pool.h>
#include <brume/engine/core/reactor.h>
#include <brume/engine/core/slab.h>
#include <brume/engine/message.h>

namespace brume {
class Request;
}

namespace brume::connection {

class Link;
class Session;
class TlsCore;

// Counts who was let in.
class Doorkeeper {
 public:
  // A socket that was let in, but counted for no address yet, turns out to come from `peer`. False, and it is not
  // counted, where that address has as many as it may have. Any core's thread. May throw std::bad_alloc.
  virtual bool enter_address(const io::Address& peer) = 0;
  // A socket that was let in is gone; of the family none: it was counted for no address. Any core's thread.
  virtual void leave(const io::Address& peer) = 0;

 protected:
  ~Doorkeeper() = default;
};

struct CoreContext {
  CoreContext(io::Io& io, const core::Reactor::Options& options, LogFunction log_function, std::size_t core_index,
              std::size_t max_links, Doorkeeper& keeper);
  ~CoreContext();

  // What the application threw while `route` was served: counted and logged. out_of_memory or handler_exception.
  Refusal note_exception(const std::exception_ptr& exception, std::string_view route, const io::Address* peer) noexcept;

  core::Reactor reactor;
  Log log;
  Counters counters;
  Doorkeeper& doorkeeper;
  std::size_t index;            // of this core
  bool stopping = false;        // nobody is let in any more, open connections are being closed
  io::Token last_served{0, 0};  // whose input was taken last: a hub holds it back where it is overrun
  // One handler runs at a time: what it has while it runs is kept here once, not in each connection.
  Message in_hand{};  // the message a handler was given and may still look at; without a source: none
  struct Opening {
    const Session* session = nullptr;
    const Request* request = nullptr;
  } opening;            // whose handler is called for the first time, and for which request
  DeflatePool deflate;  // of those without context takeover
  Lingering lingering{reactor};
  // For connections this side makes (engine/client).
  MaskPool masks;
  Connects connects{reactor.io()};
  std::unique_ptr<TlsCore> tls;         // null where accepted connections are in clear
  std::unique_ptr<TlsCore> client_tls;  // made for the first wss:// connection; outlives each of them
  core::Slab<Link> links;
  CoreExtensions extensions;
};

}  // namespace brume::connection
