// pending.h: the calls of one core that wait for answers. Its thread only.
#pragma once

#include <cstdint>
#include <limits>

#include <brume/engine/core/inline_function.h>
#include <brume/engine/core/slab.h>
#include <brume/hub/call.h>
#include <brume/hub/room.h>

namespace brume::hub {

struct Pending {
  static constexpr std::uint32_t kUnknown = std::numeric_limits<std::uint32_t>::max();

  explicit Pending(std::uint32_t parts) : expected(parts) {}

  CallBase* call = nullptr;  // who waits; null where the call was dropped
  core::InlineFunction<void(Answer&&)> callback;
  Answer answer;           // so far
  std::uint32_t expected;  // parts of the answer; kUnknown until the room's home has told
  std::uint32_t received = 0;
  Place place;           // its own
  bool starting = true;  // the function that makes the call has not returned

  bool complete() const { return received == expected; }
};

}  // namespace brume::hub
