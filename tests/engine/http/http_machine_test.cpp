// Plain HTTP on the real backends: bodies, files larger than any socket buffer, and HEAD.
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <brume/engine/server.h>
#include <brume/tests/support/blocking_client.h>
#include <brume/tests/support/temporary_folder.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::BlockingClient;

class HttpOnMachine : public testing::TestWithParam<io::Backend> {
 protected:
  // Starts the server on the backend of this test, or is false where the machine refuses it.
  bool start() {
    const auto listening = server.listen("127.0.0.1:0");
    EXPECT_TRUE(listening) << listening.error().text;
    const auto started = server.start();
    if (!started && started.error().kind == SystemError::Kind::io_unavailable) return false;
    EXPECT_TRUE(started);
    return true;
  }
  static Config config() {
    Config config;
    config.io = GetParam();
    config.cores = 2;
    config.slow_turn = 0ms;
    return config;
  }

  Server server{config()};
};

INSTANTIATE_TEST_SUITE_P(Backends, HttpOnMachine, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& each) { return each.param == io::Backend::epoll ? "epoll" : "io_uring"; });

std::string chunked(std::string_view body, std::size_t size) {
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += size) {
    const std::string_view chunk = body.substr(at, size);
    char line[32];
    std::snprintf(line, sizeof line, "%zx\r\n", chunk.size());
    out.append(line).append(chunk).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

TEST_P(HttpOnMachine, AJsonBodyIsReadByLengthAndInChunksUpToTheLimit) {
  server.post("/api/notify", [](Request& request) -> Task<Response> {
    const auto json = nlohmann::json::parse(request.body_text(), nullptr, false);
    if (json.is_discarded()) co_return Response::bad_request("not JSON");
    co_return Response::json(nlohmann::json{{"length", json["text"].get<std::string>().size()}}.dump());
  });
  if (!start()) GTEST_SKIP() << "io_uring is refused here";
  const auto post = [this](const std::string& fields, const std::string& body) {
    return BlockingClient::exchange(
        server.address().port,
        "POST /api/notify HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields + "\r\n" + body);
  };
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{70'000}, std::size_t{1'000'000}}) {
    const std::string body = nlohmann::json{{"text", std::string(size, 'x')}}.dump();
    const std::string expected = "\r\n\r\n{\"length\":" + std::to_string(size) + "}";
    EXPECT_TRUE(post("Content-Length: " + std::to_string(body.size()) + "\r\n", body).ends_with(expected)) << size;
    EXPECT_TRUE(post("Transfer-Encoding: chunked\r\n", chunked(body, 1000)).ends_with(expected)) << size;
  }
  EXPECT_TRUE(post("Content-Length: 3\r\n", "{x}").starts_with("HTTP/1.1 400 "));
  const std::string large(2 * 1024 * 1024, 'x');
  EXPECT_TRUE(post("Transfer-Encoding: chunked\r\n", chunked(large, 100'000)).starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(post("Content-Length: 2097152\r\n", large).starts_with("HTTP/1.1 413 "));
}

TEST_P(HttpOnMachine, FilesAreServedWholeAndHeadWithoutContent) {
  test::TemporaryFolder folder;
  std::string large;
  for (int i = 0; large.size() < 3 * 1024 * 1024; i++) large += std::to_string(i) + '\n';
  folder.write("large.txt", large);
  folder.write("index.html", "<p>hello");
  server.get("/*", static_files(folder.path().string()));
  if (!start()) GTEST_SKIP() << "io_uring is refused here";
  const auto ask = [this](const std::string& line, const std::string& fields = "") {
    return BlockingClient::exchange(server.address().port,
                                    line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields + "\r\n");
  };
  EXPECT_TRUE(ask("GET /").ends_with("\r\n\r\n<p>hello"));
  const std::string answer = ask("GET /large.txt");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  const std::size_t end = answer.find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_TRUE(answer.substr(end + 4) == large);
  const std::string head = ask("HEAD /large.txt");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_NE(head.find("\r\nContent-Length: " + std::to_string(large.size()) + "\r\n"), std::string::npos) << head;
  const std::size_t tag = head.find("ETag: ");
  ASSERT_NE(tag, std::string::npos);
  const std::string value = head.substr(tag + 6, head.find('\r', tag) - tag - 6);
  EXPECT_TRUE(ask("GET /large.txt", "If-None-Match: " + value + "\r\n").starts_with("HTTP/1.1 304 "));
  EXPECT_TRUE(ask("GET /../large.txt").starts_with("HTTP/1.1 404 "));
}

}  // namespace
}  // namespace brume
