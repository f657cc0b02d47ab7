#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <brume/engine/http/owned_request.h>

namespace brume::http {

namespace {

// The bytes behind a Request, at an address that does not change.
struct Owned {
  Owned(const Request& request, std::string_view head_text)
      : text(head_text), fields(request.headers().size()), peer(request.remote_address()) {
    const auto parsed = codec::parse_request_head(text, fields, {text.size(), fields.size()});
    assert(parsed);
    head = *parsed;
    if (request.tls()) tls = *request.tls();
    names.reserve(request.parameters().size());
    for (const PathParameter& parameter : request.parameters()) {
      names.emplace_back(parameter.name);
      parameters.push_back({names.back(), parameter.value});
    }
  }

  std::string text;
  std::vector<codec::HeaderField> fields;
  io::Address peer;
  codec::RequestHead head{};
  std::vector<std::string> names;
  std::vector<PathParameter> parameters;
  std::optional<TlsInfo> tls;
  Request view{head, {}, peer, {}};
};

}  // namespace

std::shared_ptr<const Request> copy_request(const Request& request, std::string_view head_text) {
  auto owned = std::make_shared<Owned>(request, head_text);
  owned->view = Request(owned->head, {}, owned->peer, owned->parameters, request.forwarded(),
                        owned->tls ? &*owned->tls : nullptr);
  return {owned, &owned->view};
}

}  // namespace brume::http
