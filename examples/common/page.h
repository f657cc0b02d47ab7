// page.h: the example programs' pages (examples/www), which are part of the programs: they run from any folder.
#pragma once

#include <string>
#include <vector>

#include <brume/engine/server.h>

namespace examples {

struct Page {
  std::string path;     // its route
  std::string file;     // in examples/www
  std::string title{};  // of the link to it, where there are other pages
};

// Adds routes for the pages, each with links to all where there is more than one, and for what they refer to: their
// styles and scripts, at /www/FILE. Requires: the files exist.
void serve_pages(brume::Server& server, const std::vector<Page>& pages);

}  // namespace examples
