// owned_request.h: a request that owns its bytes, for connections that keep theirs (RouteConfig::keep_request).
#pragma once

#include <memory>
#include <string_view>

#include <brume/engine/http/request.h>

namespace brume::http {

// A copy of `request`, whose head was parsed from `head_text`. Its core's thread; lives as long as it is referred to.
std::shared_ptr<const Request> copy_request(const Request& request, std::string_view head_text);

}  // namespace brume::http
