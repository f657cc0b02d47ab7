// chat_options.h: the chat's limits on the command line.
#pragma once

#include <brume/examples/common/chat.h>
#include <brume/examples/common/options.h>

namespace examples {

// For parse_options(): --message-rate, --byte-rate, --max-rooms, --max-members and --max-name. Requires: `options`
// lives until the command line has been parsed.
AddOptions chat_options(ChatOptions& options);

}  // namespace examples
