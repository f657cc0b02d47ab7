// connects.h: the connects of one core that are under way, and who hears what comes of each.
//
// Owned by the core's context; its thread only. An owner may leave at any time: whatever its connect comes to is then
// closed here.
#pragma once

#include <cstddef>

#include <brume/engine/core/slab.h>
#include <brume/engine/io/io.h>

namespace brume::connection {

class Connects {
 public:
  class Owner {
   public:
    // As io::Events::on_connected(); `attempt` as begin() returned it, and over by now.
    virtual void on_connected(io::Token attempt, io::SocketId socket, const io::Address& peer, int error) = 0;

   protected:
    ~Owner() = default;
  };

  explicit Connects(io::Io& io) : io_(io) {}

  // Connects to `to`. May throw std::bad_alloc; then nothing changed, as where there are kMost.
  io::Token begin(Owner& owner, const io::Address& to, const io::ConnectOptions& options) {
    const auto place = entries_.emplace(&owner);
    if (!place.object) throw std::bad_alloc();
    const io::Token token{place.slot, place.generation};
    try {
      io_.connect(to, token, options);
    } catch (...) {
      entries_.erase(token.slot, token.generation);
      throw;
    }
    return token;
  }
  // Its owner wants it no more, and hears nothing of it.
  void abandon(io::Token attempt) {
    Entry* const entry = entries_.find(attempt.slot, attempt.generation);
    if (!entry) return;
    entry->owner = nullptr;
    io_.cancel_connect(attempt);
  }

  void on_connected(io::Token attempt, io::SocketId socket, const io::Address& peer, int error) {
    Entry* const entry = entries_.find(attempt.slot, attempt.generation);
    Owner* const owner = entry ? entry->owner : nullptr;
    if (entry) entries_.erase(attempt.slot, attempt.generation);
    if (owner) return owner->on_connected(attempt, socket, peer, error);
    if (error == 0) io_.close(socket, true);
  }

 private:
  static constexpr std::size_t kMost = 65'536;  // at a time
  struct Entry {
    explicit Entry(Owner* o) : owner(o) {}
    Owner* owner;
  };

  io::Io& io_;
  core::Slab<Entry> entries_{kMost};
};

}  // namespace brume::connection
