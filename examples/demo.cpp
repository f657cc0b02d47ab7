// demo: all the applications in one server: chat at /, echo at /echo, notifications at /notifications?user=ID.
#include <brume/engine/server.h>
#include <brume/examples/common/chat.h>
#include <brume/examples/common/chat_options.h>
#include <brume/examples/common/echo.h>
#include <brume/examples/common/notifications.h>
#include <brume/examples/common/options.h>
#include <brume/examples/common/page.h>

int main(int argc, char** argv) {
  examples::ChatOptions limits;
  const auto options =
      examples::parse_options(argc, argv, "Chat, echo and notifications.", examples::chat_options(limits));
  brume::Server server(options.config);
  const examples::Chat chat(server, limits, examples::system_sources());
  const examples::Notifications notifications(server, examples::system_sources());
  server.get("/ws/echo", examples::echo(options.callbacks));
  examples::serve_pages(server, {{"/", "chat.html", "Chat"},
                                 {"/echo", "echo.html", "Echo"},
                                 {"/notifications", "notifications.html", "Notifications"}});
  return server.run(options.addresses());
}
