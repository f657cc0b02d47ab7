#include <brume/engine/connection/core_context.h>
#include <brume/hub/call.h>
#include <brume/hub/registration.h>
#include <brume/hub/shard.h>

namespace brume {

namespace {

// The shard, where this thread is in a turn of its core; null elsewhere, and where it is gone. The gate tells: it is
// held, so that its address is no later core's, as the context's may be.
hub::Shard* shard_here(const core::GateRef& gate, const connection::CoreContext* context, std::uint32_t extension) {
  core::Reactor* current = core::Reactor::current();
  if (!current || !context || &current->gate() != gate.get()) return nullptr;
  return static_cast<hub::Shard*>(context->extensions.find(extension));
}

}  // namespace

HubCall<void> Registration::join(std::string_view room) {
  if (!context_) return HubCall<void>(hub::Started::failed(Error::unknown_connection));
  hub::Shard* shard = shard_here(gate_, context_, place_.extension);
  if (!shard) return HubCall<void>(hub::Started::failed(Error::wrong_thread));
  return HubCall<void>(shard->join({place_.slot, place_.generation}, room));
}

HubCall<void> Registration::leave(std::string_view room) {
  if (!context_) return HubCall<void>(hub::Started::failed(Error::unknown_connection));
  hub::Shard* shard = shard_here(gate_, context_, place_.extension);
  if (!shard) return HubCall<void>(hub::Started::failed(Error::wrong_thread));
  return HubCall<void>(shard->leave({place_.slot, place_.generation}, room));
}

void Registration::end() {
  if (!context_) return;
  const connection::CoreContext* context = std::exchange(context_, nullptr);
  const hub::Place member{place_.slot, place_.generation};
  if (hub::Shard* shard = shard_here(gate_, context, place_.extension)) {
    shard->end_registration(member);
  } else if (gate_) {
    // A full mailbox: the registration ends with its connection.
    (void)gate_.get()->post(hub::Shard::envelope(hub::EndRegistration{member}, place_.extension));
  }
  gate_ = {};
}

}  // namespace brume
