// content.h: what a broadcast carries.
//
// A view: valid during the call it is given to.
#pragma once

#include <cstddef>
#include <optional>

#include <brume/codec/encoder.h>
#include <brume/engine/error.h>
#include <brume/engine/message.h>
#include <brume/engine/prepared_message.h>

namespace brume::hub {

struct Content {
  MessageType type{};
  Bytes payload{};
  Bytes frame{};  // of a prepared message: checked and framed already; empty: neither

  Content() = default;
  Content(MessageType t, Bytes data) : type(t), payload(data) {}
  explicit Content(const PreparedMessage& message)
      : type(message.type()), payload(message.data()), frame(message.frame()) {}

  std::size_t frame_size() const { return codec::server_frame_size(payload.size()); }
};

// Whether it may be broadcast; the error if not.
std::optional<Error> judge_message(const Content& content, std::size_t max_message_size);

}  // namespace brume::hub
