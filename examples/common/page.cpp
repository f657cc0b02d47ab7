#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <string_view>

#include <brume/examples/common/page.h>

// The files stand in the program itself. The path is relative to the root of the tree, where the compiler runs.
#define EMBED(symbol, file)                                                         \
  asm(".section .rodata\n"                                                          \
      ".global " #symbol "_begin\n" #symbol "_begin:\n.incbin \"examples/www/" file \
      "\"\n"                                                                        \
      ".global " #symbol "_end\n" #symbol                                           \
      "_end:\n"                                                                     \
      ".previous\n");                                                               \
  extern "C" const char symbol##_begin[];                                           \
  extern "C" const char symbol##_end[]

EMBED(brume_www_chat_html, "chat.html");
EMBED(brume_www_chat_css, "chat.css");
EMBED(brume_www_chat_js, "chat.js");
EMBED(brume_www_chat_rooms_js, "chat_rooms.js");
EMBED(brume_www_common_css, "common.css");
EMBED(brume_www_common_js, "common.js");
EMBED(brume_www_echo_html, "echo.html");
EMBED(brume_www_echo_css, "echo.css");
EMBED(brume_www_echo_js, "echo.js");
EMBED(brume_www_icon_svg, "icon.svg");
EMBED(brume_www_notifications_html, "notifications.html");
EMBED(brume_www_notifications_css, "notifications.css");
EMBED(brume_www_notifications_js, "notifications.js");

namespace examples {

namespace {

struct File {
  std::string_view name;
  const char* begin;
  const char* end;
};

constexpr std::string_view kCss = "text/css; charset=utf-8";
constexpr std::string_view kScript = "text/javascript; charset=utf-8";
constexpr std::string_view kLinksPlace = "<!-- links -->";

const std::array kFiles{
    File{"chat.html", brume_www_chat_html_begin, brume_www_chat_html_end},
    File{"chat.css", brume_www_chat_css_begin, brume_www_chat_css_end},
    File{"chat.js", brume_www_chat_js_begin, brume_www_chat_js_end},
    File{"chat_rooms.js", brume_www_chat_rooms_js_begin, brume_www_chat_rooms_js_end},
    File{"common.css", brume_www_common_css_begin, brume_www_common_css_end},
    File{"common.js", brume_www_common_js_begin, brume_www_common_js_end},
    File{"echo.html", brume_www_echo_html_begin, brume_www_echo_html_end},
    File{"echo.css", brume_www_echo_css_begin, brume_www_echo_css_end},
    File{"echo.js", brume_www_echo_js_begin, brume_www_echo_js_end},
    File{"icon.svg", brume_www_icon_svg_begin, brume_www_icon_svg_end},
    File{"notifications.html", brume_www_notifications_html_begin, brume_www_notifications_html_end},
    File{"notifications.css", brume_www_notifications_css_begin, brume_www_notifications_css_end},
    File{"notifications.js", brume_www_notifications_js_begin, brume_www_notifications_js_end},
};

const File* find_file(std::string_view name) {
  const auto found = std::ranges::find(kFiles, name, &File::name);
  return found == kFiles.end() ? nullptr : found;
}

brume::Response with_policy(brume::Response response) {
  // Style and script come from this server's files alone: nothing inline, nothing from elsewhere, and the only place
  // to connect to is this server.
  response.header("Content-Security-Policy",
                  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  response.header("X-Content-Type-Options", "nosniff");
  response.header("Referrer-Policy", "no-referrer");
  response.header("Cache-Control", "no-cache");
  return response;
}

brume::Response file_response(brume::Request& request) {
  const std::string_view name = request.parameter("file");
  const File* file = find_file(name);
  if (!file || name.ends_with(".html")) return brume::Response::not_found();
  const std::string_view type = name.ends_with(".css") ? kCss : name.ends_with(".js") ? kScript : "image/svg+xml";
  return with_policy(brume::Response(200, std::string(file->begin, file->end), type));
}

std::string links_to(const std::vector<Page>& pages, const Page& here) {
  std::string links = "<nav class=\"links\" aria-label=\"Pages\">";
  for (const Page& page : pages) {
    links += "<a href=\"" + page.path + "\"";
    if (&page == &here) links += " aria-current=\"page\"";
    links += ">" + page.title + "</a>";
  }
  return links + "</nav>";
}

}  // namespace

void serve_pages(brume::Server& server, const std::vector<Page>& pages) {
  for (const Page& page : pages) {
    const File* file = find_file(page.file);
    assert(file && "a page that is not embedded");
    std::string html(file->begin, file->end);
    const std::size_t place = html.find(kLinksPlace);
    assert(place != std::string::npos);
    html.replace(place, kLinksPlace.size(), pages.size() > 1 ? links_to(pages, page) : std::string());
    server.get(page.path, [html](brume::Request&) { return with_policy(brume::Response::html(html)); });
  }
  server.get("/www/:file", file_response);
}

}  // namespace examples
