// upgrade_text.h: an upgrade request whose every line a test may replace. Plain data.
#pragma once

#include <string>
#include <string_view>

namespace brume::test {

struct UpgradeText {
  std::string line = "GET /ws HTTP/1.1";
  std::string host = "Host: example.com\r\n";
  std::string upgrade = "Upgrade: websocket\r\n";
  std::string connection = "Connection: Upgrade\r\n";
  std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  std::string version = "Sec-WebSocket-Version: 13\r\n";
  std::string more = {};
  std::string text() const { return line + "\r\n" + host + upgrade + connection + key + version + more + "\r\n"; }
};

// The text after change(UpgradeText&).
template <class F>
std::string upgrade_text(F&& change) {
  UpgradeText upgrade;
  change(upgrade);
  return upgrade.text();
}

}  // namespace brume::test
