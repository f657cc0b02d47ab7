// chat: everybody and rooms. Routes /ws/chat, /ws/status and, at /, the page.
#include <brume/engine/server.h>
#include <brume/examples/common/chat.h>
#include <brume/examples/common/chat_options.h>
#include <brume/examples/common/options.h>
#include <brume/examples/common/page.h>

int main(int argc, char** argv) {
  examples::ChatOptions limits;
  const auto options = examples::parse_options(argc, argv, "A chat with rooms.", examples::chat_options(limits));
  brume::Server server(options.config);
  const examples::Chat chat(server, limits, examples::system_sources());
  examples::serve_pages(server, {{"/", "chat.html"}});
  return server.run(options.addresses());
}
