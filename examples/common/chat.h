// chat.h: the chat: GET /ws/chat for everybody and their rooms, GET /ws/status for who is there.
//
// Set up by one thread before the server starts; its handlers run on the cores' threads and share nothing but what
// is constant. Lives until the server has stopped.
#pragma once

#include <cstdint>

#include <brume/engine/server.h>
#include <brume/examples/common/rate_limit.h>
#include <brume/examples/common/sources.h>
#include <brume/hub/hub.h>

namespace examples {

// What a public chat needs: below the engine's own limits, which close at once, and each with a notice that names it.
struct ChatOptions {
  ChatOptions() {
    hub.max_name_size = 64;
    hub.max_rooms_per_connection = 50;
    hub.max_members_per_room = 10'000;
  }
  Rates rates{50, 256 * 1024};  // of one connection
  brume::HubConfig hub{};
};

class Chat {
 public:
  Chat(brume::Server& server, const ChatOptions& options, Sources sources);

 private:
  struct Member;

  brume::Task<> serve(brume::Connection& connection);
  brume::Task<> take(Member& member, std::string_view json);
  brume::Task<> join(Member& member, std::string room);
  brume::Task<> leave(Member& member, std::string room);
  void send_to_room(Member& member, std::string room, std::string content);
  brume::Task<brume::Response> status(brume::Request& request);

  std::string from_server(std::string content, std::string room = {}, std::string type = "system") const;
  void notify(Member& member, std::string content, std::string room = {}) const;
  std::string refusal(brume::Error error, const std::string& room) const;

  ChatOptions options_;
  Sources sources_;
  brume::Hub hub_;
};

}  // namespace examples
