#include <CLI/CLI.hpp>

#include <brume/examples/common/chat_options.h>

namespace examples {

AddOptions chat_options(ChatOptions& options) {
  return [&options](CLI::App& app) {
    app.add_option("--message-rate", options.rates.messages,
                   "messages a second one chat connection may send; 0: no limit. The first one too many is answered by "
                   "a notice, another one within 10 s by closing with 1008")
        ->capture_default_str();
    app.add_option("--byte-rate", options.rates.bytes, "the same for bytes; 0: no limit")->capture_default_str();
    app.add_option("--max-rooms", options.hub.max_rooms_per_connection, "chat rooms one connection may be in")
        ->capture_default_str();
    app.add_option("--max-members", options.hub.max_members_per_room, "members of one chat room; 0: no limit")
        ->capture_default_str();
    app.add_option("--max-name", options.hub.max_name_size, "bytes of a chat room's name, at least the 36 of an id")
        ->check(CLI::Range(std::size_t{36}, std::size_t{65535}))
        ->capture_default_str();
  };
}

}  // namespace examples
