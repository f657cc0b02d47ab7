#include <algorithm>
#include <optional>
#include <utility>

#include <brume/engine/http/router.h>

namespace brume::http {

struct Router::Node {
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> fixed;
  std::unique_ptr<Node> parameter;
  std::vector<Route> routes;       // that end here, one a method
  std::vector<Route> tail_routes;  // whose "*" begins here
};

namespace {

struct Segment {
  std::string_view text;
  std::string_view rest;  // behind the slash that ends it
  bool last;
};

Segment first_segment(std::string_view path) {
  const std::size_t end = path.find('/');
  if (end == std::string_view::npos) return {path, {}, true};
  return {path.substr(0, end), path.substr(end + 1), false};
}

// Whether a decoded segment is one that a route may see.
bool may_be_segment(std::string_view text) {
  return text != "." && text != ".." && text.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

// A segment as it is compared; nullopt for one that no route may see.
std::optional<std::string> decode_segment(std::string_view text) {
  auto decoded = percent_decode(text);
  if (!decoded || !may_be_segment(*decoded)) return std::nullopt;
  return decoded;
}

const Route* of_method(const std::vector<Route>& routes, std::string_view method) {
  for (const Route& route : routes)
    if (route.method == method) return &route;
  if (method == "HEAD")  // RFC 9110, section 9.3.2: what GET gives, without its content
    for (const Route& route : routes)
      if (route.method == "GET" && route.handler) return &route;
  return nullptr;
}

bool add_to(std::vector<Route>& routes, Route route) {
  const bool taken = std::ranges::any_of(routes, [&](const Route& other) { return other.method == route.method; });
  if (!taken) routes.push_back(std::move(route));
  return !taken;
}

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

bool Router::add(Route route) {
  std::string_view rest = route.path;
  if (!rest.starts_with('/')) return false;
  rest.remove_prefix(1);
  Node* node = root_.get();
  std::vector<std::string_view> names;
  for (;;) {
    const Segment segment = first_segment(rest);
    if (segment.text == "*") return segment.last && add_to(node->tail_routes, std::move(route));
    if (segment.text.starts_with(':')) {
      const std::string_view name = segment.text.substr(1);
      if (name.empty() || std::ranges::find(names, name) != names.end()) return false;
      names.push_back(name);
      if (!node->parameter) node->parameter = std::make_unique<Node>();
      node = node->parameter.get();
    } else {
      if (!may_be_segment(segment.text)) return false;
      auto found = std::ranges::find(node->fixed, segment.text,
                                     [](const auto& child) -> std::string_view { return child.first; });
      if (found == node->fixed.end()) {
        node->fixed.emplace_back(segment.text, std::make_unique<Node>());
        found = std::prev(node->fixed.end());
      }
      node = found->second.get();
    }
    if (segment.last) break;
    rest = segment.rest;
  }
  return add_to(node->routes, std::move(route));
}

namespace {

// The names of a route's parameters, in the order of its path.
void name_parameters(const Route& route, std::vector<std::string>&& values, std::vector<PathParameter>& out) {
  out.clear();
  std::string_view rest = std::string_view(route.path).substr(1);
  auto value = values.begin();
  while (value != values.end()) {
    const Segment segment = first_segment(rest);
    if (segment.text.starts_with(':')) {
      out.push_back({segment.text.substr(1), std::move(*value++)});
    } else if (segment.text == "*" && segment.last) {
      out.push_back({"*", std::move(*value++)});
    }
    if (segment.last) break;
    rest = segment.rest;
  }
}

}  // namespace

Router::Match Router::find(std::string_view method, std::string_view path,
                           std::vector<PathParameter>& parameters) const {
  Match match;
  std::vector<std::string> segments;
  for (std::string_view rest = path.substr(1);;) {
    const Segment segment = first_segment(rest);
    auto decoded = decode_segment(segment.text);
    if (!decoded) return match;
    segments.push_back(*std::move(decoded));
    if (segment.last) break;
    rest = segment.rest;
  }
  std::vector<std::string> allowed;
  std::vector<std::string> values;
  const auto take = [&](const std::vector<Route>& routes) {
    if (const Route* route = of_method(routes, method)) {
      match.route = route;
      name_parameters(*route, std::vector<std::string>(values), parameters);
      return true;
    }
    for (const Route& route : routes) {
      allowed.push_back(route.method);
      if (route.method == "GET" && route.handler) allowed.emplace_back("HEAD");
    }
    return false;
  };
  // Fixed segments first, then a parameter, then the rest of the path; depth is bounded by the longest route.
  const auto walk = [&](const auto& self, const Node& node, std::size_t index) -> bool {
    if (index == segments.size()) return take(node.routes);
    const std::string& segment = segments[index];
    for (const auto& [name, child] : node.fixed)
      if (name == segment && self(self, *child, index + 1)) return true;
    if (node.parameter && !segment.empty()) {
      values.push_back(segment);
      if (self(self, *node.parameter, index + 1)) return true;
      values.pop_back();
    }
    if (node.tail_routes.empty()) return false;
    std::string tail = segment;
    for (std::size_t i = index + 1; i < segments.size(); i++) tail += '/' + segments[i];
    values.push_back(std::move(tail));
    if (take(node.tail_routes)) return true;
    values.pop_back();
    return false;
  };
  if (walk(walk, *root_, 0)) return match;
  std::ranges::sort(allowed);
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  for (const std::string& name : allowed) match.allow += match.allow.empty() ? name : ", " + name;
  return match;
}

}  // namespace brume::http
