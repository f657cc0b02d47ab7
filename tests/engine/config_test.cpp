// Every configuration value that is out of range: the error names the field, the value and what is allowed.
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/config.h>
#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::int64_t kDay = 24 * 3600 * 1000;  // ms
constexpr std::int64_t kGiB = 1 << 30;
constexpr std::int64_t kMiB = 1 << 20;

// One field with its range, both ends included.
struct Field {
  std::string name;
  std::function<void(Config&, std::int64_t)> set;
  std::int64_t low;
  std::int64_t high;
  std::string unit;
  bool of_route = false;
};

// Names the field and how it is set from a number.
#define SIZE_FIELD(field) #field, [](Config& c, std::int64_t v) { c.field = static_cast<decltype(c.field)>(v); }
#define TIME_FIELD(field) #field, [](Config& c, std::int64_t v) { c.field = decltype(c.field)(v); }

std::vector<Field> fields() {
  return {
      {SIZE_FIELD(write_buffer_size), 256, kMiB, "bytes", true},
      {SIZE_FIELD(read_buffer_size), 256, kMiB, "bytes", true},
      {SIZE_FIELD(max_message_size), 1, kGiB, "bytes", true},
      {TIME_FIELD(read_timeout), 0, kDay, "ms", true},
      {TIME_FIELD(message_timeout), 0, kDay, "ms", true},
      {TIME_FIELD(write_timeout), 1, kDay, "ms", true},
      {TIME_FIELD(ping_interval), 0, kDay, "ms", true},
      {TIME_FIELD(close_timeout), 1, kDay, "ms", true},
      {SIZE_FIELD(message_buffer_size), 2, 1 << 24, "messages", true},
      {SIZE_FIELD(max_buffered_size), 1024, 4 * kGiB, "bytes", true},
      {SIZE_FIELD(max_fragments), 1, 1 << 24, "frames", true},
      {SIZE_FIELD(message_rate), 0, 1'000'000'000, "messages a second", true},
      {SIZE_FIELD(byte_rate), 0, 1'000 * kGiB, "bytes a second", true},
      {SIZE_FIELD(control_rate), 0, 1'000'000'000, "frames a second", true},
      {SIZE_FIELD(compression.server_max_window_bits), 9, 15, "bits", true},
      {SIZE_FIELD(compression.client_max_window_bits), 8, 15, "bits", true},
      {SIZE_FIELD(compression.level), 1, 9, "(fast to small)", true},
      {SIZE_FIELD(compression.threshold), 1, kGiB, "bytes", true},
      {TIME_FIELD(handshake_timeout), 1, kDay, "ms"},
      {TIME_FIELD(keep_alive_timeout), 1, kDay, "ms"},
      {SIZE_FIELD(max_head_size), 256, kMiB, "bytes"},
      {SIZE_FIELD(max_headers), 1, 1000, "fields"},
      {SIZE_FIELD(max_body_size), 0, kGiB, "bytes"},
      {SIZE_FIELD(cores), 0, 512, "cores"},
      {TIME_FIELD(busy_poll), 0, 1'000'000, "us"},
      {TIME_FIELD(drain_timeout), 0, kDay, "ms"},
      {TIME_FIELD(drain_spread), 0, kDay, "ms"},
      {TIME_FIELD(slow_turn), 0, kDay, "ms"},
  };
}

// Values that leave room for each single field to reach the ends of its range.
Config roomy() {
  Config config;
  config.max_message_size = 1;
  config.ping_interval = milliseconds(0);
  return config;
}

// What the two ends of a field's range need of its neighbours.
Config with(const Field& field, std::int64_t value) {
  Config config = roomy();
  if (field.name == "max_message_size") config.max_buffered_size = 4 * static_cast<std::size_t>(kGiB);
  if (field.name == "ping_interval") config.read_timeout = milliseconds(0);
  field.set(config, value);
  return config;
}

std::string error_of(const Config& config, std::size_t descriptor_limit = 0) {
  const auto error = validate(config, descriptor_limit);
  if (!error) return "";
  EXPECT_EQ(error->kind, SystemError::Kind::config);
  EXPECT_EQ(error->code, 0);
  return error->text;
}

TEST(ConfigTest, TheDefaultsAreValid) {
  EXPECT_EQ(error_of(Config()), "");
  EXPECT_EQ(error_of(Config(), 1024), "");
  EXPECT_FALSE(validate(RouteConfig()));
}

TEST(ConfigTest, BothEndsOfEachRangeAreAllowed) {
  for (const Field& field : fields())
    for (const std::int64_t value : {field.low, field.high})
      EXPECT_EQ(error_of(with(field, value)), "") << field.name << " " << value;
}

TEST(ConfigTest, OneBeyondEitherEndGivesFieldValueAndRange) {
  for (const Field& field : fields()) {
    for (const std::int64_t value : {field.low - 1, field.high + 1}) {
      if (value < 0 && field.unit != "ms" && field.unit != "us") continue;  // sizes have no negative values
      const std::string expected = field.name + " is " + std::to_string(value) + ", but must be from " +
                                   std::to_string(field.low) + " to " + std::to_string(field.high) + " " + field.unit;
      EXPECT_EQ(error_of(with(field, value)), expected);
      if (!field.of_route) continue;
      const auto of_route = validate(static_cast<const RouteConfig&>(with(field, value)));
      ASSERT_TRUE(of_route) << field.name;
      EXPECT_EQ(of_route->text, expected);
    }
  }
}

TEST(ConfigTest, TheValueIsTheOneThatWasGivenHoweverLarge) {
  Config config;
  config.max_body_size = ~std::size_t{0};
  EXPECT_EQ(error_of(config), "max_body_size is 18446744073709551615, but must be from 0 to 1073741824 bytes");
  config = Config();
  config.close_timeout = milliseconds::max();
  EXPECT_EQ(error_of(config), "close_timeout is 9223372036854775807, but must be from 1 to 86400000 ms");
  config.close_timeout = milliseconds::min();
  EXPECT_EQ(error_of(config), "close_timeout is -9223372036854775808, but must be from 1 to 86400000 ms");
}

TEST(ConfigTest, TheModeOfASocketFileIsInOctal) {
  Config config;
  config.unix_socket_mode = 0777;
  EXPECT_EQ(error_of(config), "");
  config.unix_socket_mode = 01777;
  EXPECT_EQ(error_of(config), "unix_socket_mode is 01777, but must be from 0 to 0777");
}

TEST(ConfigTest, AnOutboxHoldsTwoOfTheLargestMessages) {
  Config config;
  config.max_message_size = 10'000;
  config.max_buffered_size = 2 * (10'000 + 14);
  EXPECT_EQ(error_of(config), "");
  config.max_buffered_size--;
  EXPECT_EQ(error_of(config),
            "max_buffered_size is 20027, but must be from 20028 to 4294967296 bytes (twice max_message_size + 14)");
}

TEST(ConfigTest, PingsComeBeforeTheReadTimeout) {
  Config config;
  config.read_timeout = milliseconds(1000);
  config.ping_interval = milliseconds(999);
  EXPECT_EQ(error_of(config), "");
  config.ping_interval = milliseconds(1000);
  EXPECT_EQ(error_of(config), "ping_interval is 1000, but must be from 0 to 999 ms (below read_timeout)");
  config.read_timeout = milliseconds(0);
  EXPECT_EQ(error_of(config), "");
}

TEST(ConfigTest, MoreConnectionsThanTheDescriptorLimitAllowsNameTheLimit) {
  Config config;
  config.max_connections = 960;
  EXPECT_EQ(error_of(config, 1024), "");
  config.max_connections = 961;
  EXPECT_EQ(error_of(config, 1024),
            "max_connections is 961, but must be from 1 to 960 connections (the descriptor limit less 64)");
  config.max_connections = 2;
  EXPECT_EQ(error_of(config, 64),
            "max_connections is 2, but must be from 1 to 1 connections (the descriptor limit less 64)");
  config.max_connections = 1'000'000;
  EXPECT_EQ(error_of(config, 0), "");
  config.max_connections++;
  EXPECT_EQ(error_of(config, 0), "max_connections is 1000001, but must be from 1 to 1000000 connections");
}

TEST(ConfigTest, ASubprotocolIsATokenAndTheErrorIsOneLine) {
  const std::vector<std::pair<std::string, std::string>> shown = {
      {"", ""}, {"a b", "a b"}, {"a,b", "a,b"}, {"a\r\nX", "a??X"}, {"\xc3\xa9", "??"}};
  for (const auto& [name, text] : shown) {
    Config config;
    config.subprotocols = {"good", name};
    EXPECT_EQ(error_of(config), "subprotocols holds \"" + text + "\", but must hold tokens (RFC 6455, section 4.1)");
  }
}

TEST(ConfigTest, ListenGivesTheErrorAndNamesTheRouteWhoseConfigurationItIs) {
  Simulator world;
  Config bad;
  bad.max_headers = 1001;
  Server server{world, bad};
  auto listening = server.listen("127.0.0.1:0");
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().text, "max_headers is 1001, but must be from 1 to 1000 fields");

  RouteConfig route;
  route.max_fragments = 0;
  Server other{world};
  other.get("/ws", websocket(route, Callbacks{}));
  listening = other.listen("127.0.0.1:0");
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().text, "route \"/ws\": max_fragments is 0, but must be from 1 to 16777216 frames");
}

}  // namespace
}  // namespace brume
