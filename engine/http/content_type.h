// content_type.h: the media type of a file, by the ending of its name. A table; any thread.
#pragma once

#include <string_view>

namespace brume::http {

// For the Content-Type field, ASCII case-blind; application/octet-stream for an ending that is not known. Static
// storage.
std::string_view content_type_of(std::string_view file_name);

}  // namespace brume::http
