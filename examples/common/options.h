// options.h: the command line all example programs share.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/config.h>

namespace CLI {
class App;
}

namespace examples {

struct Options {
  std::string address = ":8080";
  std::vector<std::string> more_addresses{};
  brume::Config config;
  bool callbacks = false;  // the callback style instead of coroutines

  // All of them, for Server::run(). Views of this object's own.
  std::vector<std::string_view> addresses() const;
};

// Options of one program besides those all have.
using AddOptions = std::function<void(CLI::App&)>;

// Parses the command line by CLI11. `--help` ends the process with 0; a bad option or a value out of range ends it with
// one line on stderr and exit code 2.
Options parse_options(int argc, char** argv, const char* description, const AddOptions& add_options = {});

}  // namespace examples
