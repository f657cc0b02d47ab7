// reference_router.h: routes looked up the slow way, each against the whole path, to hold the router's tree against.
//
// A value of one harness run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brume::fuzz {

class ReferenceRouter {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  struct Answer {
    std::string path;  // of the route found; empty: none
    Parameters parameters;
    std::set<std::string> allow;
  };

  bool add(const std::string& method, const std::string& path) {
    if (!path.starts_with('/')) return false;
    Route route{method, path, {}};
    std::set<std::string> names;
    const auto segments = split_path(path);
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const std::string& text = segments[i];
      if (text == "*") {
        if (i + 1 != segments.size()) return false;
        route.parts.push_back({Kind::tail, ""});
      } else if (text.starts_with(':')) {
        if (text.size() == 1 || !names.insert(text).second) return false;
        route.parts.push_back({Kind::parameter, text.substr(1)});
      } else {
        if (!is_segment(text)) return false;
        route.parts.push_back({Kind::fixed, text});
      }
    }
    for (const Route& other : routes_)
      if (other.method == method && same_shape(other, route)) return false;
    routes_.push_back(route);
    return true;
  }

  Answer find(const std::string& method, const std::string& path) const {
    Answer answer;
    std::vector<std::string> segments;
    for (const std::string& text : split_path(path)) {
      const auto decoded = decode(text);
      if (!decoded || !is_segment(*decoded)) return answer;
      segments.push_back(*decoded);
    }
    std::vector<const Route*> fitting;
    for (const Route& route : routes_)
      if (fits(route, segments)) fitting.push_back(&route);
    // The best shape first; within one, the method itself before GET for HEAD.
    std::ranges::sort(fitting, [](const Route* a, const Route* b) { return rank(*a) < rank(*b); });
    const Route* found = nullptr;
    for (const Route* route : fitting) {
      if (found && rank(*found) != rank(*route)) break;
      const bool exact = route->method == method;
      if (exact || (method == "HEAD" && route->method == "GET" && !found)) found = route;
    }
    if (found) {
      answer.path = found->path;
      answer.parameters = parameters_of(*found, segments);
      return answer;
    }
    for (const Route* route : fitting) {
      answer.allow.insert(route->method);
      if (route->method == "GET") answer.allow.insert("HEAD");
    }
    return answer;
  }

 private:
  enum class Kind : std::uint8_t { fixed, parameter, tail };
  struct Part {
    Kind kind;
    std::string text;
  };
  struct Route {
    std::string method;
    std::string path;
    std::vector<Part> parts;
  };

  static std::vector<std::string> split_path(const std::string& path) {
    std::vector<std::string> segments;
    for (char c : path) {
      if (c == '/') {
        segments.emplace_back();
      } else {
        segments.back() += c;
      }
    }
    return segments;
  }
  static bool is_segment(const std::string& text) {
    return text != "." && text != ".." && text.find('/') == std::string::npos && text.find('\\') == std::string::npos &&
           text.find('\0') == std::string::npos;
  }
  static std::optional<std::string> decode(const std::string& text) {
    static const std::string digits = "0123456789abcdef0123456789ABCDEF";
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out += text[i];
        continue;
      }
      if (i + 2 >= text.size()) return std::nullopt;
      const std::size_t high = digits.find(text[i + 1]);
      const std::size_t low = digits.find(text[i + 2]);
      if (high == std::string::npos || low == std::string::npos) return std::nullopt;
      out += static_cast<char>(high % 16 * 16 + low % 16);
      i += 2;
    }
    return out;
  }
  static bool same_shape(const Route& a, const Route& b) {
    return std::ranges::equal(a.parts, b.parts, [](const Part& x, const Part& y) {
      return x.kind == y.kind && (x.kind != Kind::fixed || x.text == y.text);
    });
  }
  static std::vector<Kind> rank(const Route& route) {
    std::vector<Kind> kinds;
    for (const Part& part : route.parts) kinds.push_back(part.kind);
    return kinds;
  }
  static bool fits(const Route& route, const std::vector<std::string>& segments) {
    for (std::size_t i = 0; i < route.parts.size(); ++i) {
      if (i == segments.size()) return false;
      if (route.parts[i].kind == Kind::tail) return true;
      if (route.parts[i].kind == Kind::fixed && route.parts[i].text != segments[i]) return false;
      if (route.parts[i].kind == Kind::parameter && segments[i].empty()) return false;
    }
    return route.parts.size() == segments.size();
  }
  static Parameters parameters_of(const Route& route, const std::vector<std::string>& segments) {
    Parameters parameters;
    for (std::size_t i = 0; i < route.parts.size(); ++i) {
      if (route.parts[i].kind == Kind::parameter) parameters.emplace_back(route.parts[i].text, segments[i]);
      if (route.parts[i].kind != Kind::tail) continue;
      std::string rest = segments[i];
      for (std::size_t j = i + 1; j < segments.size(); ++j) rest += "/" + segments[j];
      parameters.emplace_back("*", rest);
    }
    return parameters;
  }

  std::vector<Route> routes_;
};

}  // namespace brume::fuzz
