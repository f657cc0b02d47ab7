#include <string>

#include <brume/examples/common/page.h>

// The pages stand in the program itself. The path is relative to the root of the tree, where the compiler runs.
#define EMBED(symbol, file)                                            \
  asm(".section .rodata\n"                                             \
      ".global " #symbol "_begin\n" #symbol "_begin:\n.incbin \"" file \
      "\"\n"                                                           \
      ".global " #symbol "_end\n" #symbol                              \
      "_end:\n"                                                        \
      ".previous\n");                                                  \
  extern "C" const char symbol##_begin[];                              \
  extern "C" const char symbol##_end[]

EMBED(brume_page_echo, "examples/www/echo.html");

namespace examples {

brume::Response echo_page(brume::Request&) {
  brume::Response response = brume::Response::html(std::string(brume_page_echo_begin, brume_page_echo_end));
  // The page brings its own style and script and asks nobody else for anything.
  response.header(
      "Content-Security-Policy",
      "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self' ws: wss:");
  response.header("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace examples
