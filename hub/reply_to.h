// reply_to.h: where the answer to a call goes: a place among the calls that wait on a core. A value; any thread.
#pragma once

#include <cstdint>

namespace brume::hub {

struct ReplyTo {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // 0: nobody wants an answer
  std::uint16_t core = 0;

  explicit operator bool() const { return generation != 0; }
};

}  // namespace brume::hub
