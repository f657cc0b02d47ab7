// The router: any routes and any paths give the route, the parameters and the methods that the slow reference gives.
//
// Lines. One that begins with a letter from 'A' to 'Z' adds a route (its letter chooses the method), any other line
// looks a path up (its first byte chooses the method). A lookup's path has '/' in front where it has none, as a parsed
// head's always has.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/check.h>
#include <brume/engine/http/router.h>
#include <brume/fuzz/support/reference_router.h>

namespace brume::fuzz {
namespace {

using codec::check;

constexpr std::array<const char*, 4> kMethods{"GET", "POST", "HEAD", "DELETE"};
constexpr std::size_t kMostLines = 60;

http::Handler never_called() {
  return [](Request&) -> core::Task<Response> { std::abort(); };
}

std::set<std::string> methods_in(std::string_view allow) {
  std::set<std::string> methods;
  while (!allow.empty()) {
    const std::size_t end = allow.find(", ");
    methods.emplace(allow.substr(0, end));
    allow.remove_prefix(end == std::string_view::npos ? allow.size() : end + 2);
  }
  return methods;
}

void look_up(const http::Router& router, const ReferenceRouter& reference, const std::string& method,
             std::string_view text) {
  const std::string path = text.starts_with('/') ? std::string(text) : "/" + std::string(text);
  std::vector<PathParameter> parameters;
  const auto match = router.find(method, path, parameters);
  const auto expected = reference.find(method, path);
  check(match.route ? match.route->path == expected.path : expected.path.empty(), "the reference's route is found");
  check(methods_in(match.allow) == expected.allow, "the methods that are allowed");
  if (!match.route) return;
  check(parameters.size() == expected.parameters.size(), "as many parameters");
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    check(parameters[i].name == expected.parameters[i].first, "a parameter's name");
    check(parameters[i].value == expected.parameters[i].second, "a parameter's value");
  }
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume;
  using namespace brume::fuzz;
  http::Router router;
  ReferenceRouter reference;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::size_t lines = 0; !text.empty() && lines < kMostLines; ++lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::string method = kMethods[static_cast<unsigned char>(line[0]) % kMethods.size()];
    const std::string path(line.substr(1));
    if (line[0] >= 'A' && line[0] <= 'Z') {
      const bool added = router.add({path, method, never_called(), {}});
      check(added == reference.add(method, path), "a route is taken where the reference takes it");
    } else {
      look_up(router, reference, method, path);
    }
  }
  return 0;
}
