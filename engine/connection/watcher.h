// watcher.h: somebody who has to hear that a connection has ended, such as the hub it is registered with.
//
// Its connection's core's thread. Session::watch() begins it; it ends with its one call or with Session::unwatch().
#pragma once

namespace brume::connection {

class Watcher {
 public:
  // The connection has ended: nothing enters its outbox any more. It is not watched any longer.
  virtual void on_connection_ended() noexcept = 0;

 protected:
  ~Watcher() = default;

 private:
  friend class Session;
  Watcher* next_watcher_ = nullptr;
};

}  // namespace brume::connection
