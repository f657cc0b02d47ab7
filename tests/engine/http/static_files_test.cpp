// Static files through a whole simulated server: what is served, what a client that has it already gets, and that
// nothing outside the folder is.
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/temporary_folder.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

struct Answer {
  std::string status;  // "200"
  std::string head;
  std::string body;

  std::string field(std::string_view name) const {
    const std::size_t at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class StaticFilesTest : public testing::Test {
 protected:
  StaticFilesTest() {
    outside.write("secret.txt", "secret");
    outside.write("public/index.html", "<p>index");
    outside.write("public/app.js", "let a");
    outside.write("public/empty", "");
    outside.write("public/docs/index.html", "<p>docs");
    outside.write("public/a b/\xc3\xa9.txt", "spaced");
    outside.write("public/bare/x.txt", "x");
    outside.write("public/.env", "password");
    outside.write("public/.git/config", "config");
    outside.write("public/1.bin", std::string(kMostBytes, '\0'));
    outside.write("public/2.bin", std::string(kMostBytes + 1, '\0'));
    outside.link("public/leak", "../secret.txt");
    outside.link("public/root", "/");
  }
  void start(StaticFilesOptions options = {}) {
    options.max_file_size = kMostBytes;
    server.get("/assets/*", static_files((outside.path() / "public").string(), options));
    server.get("/", static_files((outside.path() / "public").string()));
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
  }
  Answer ask(std::string_view path, std::string_view fields = {}, std::string_view method = "GET") {
    auto socket = world.connect_raw(server);
    socket.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" +
                std::string(fields) + "\r\n");
    world.run_for(1s);
    const std::string& all = socket.received();
    const std::size_t end = all.find("\r\n\r\n");
    if (!all.starts_with("HTTP/1.1 ") || end == std::string::npos) return {"none", all, ""};
    return {all.substr(9, 3), all.substr(0, end + 2), all.substr(end + 4)};
  }
  void set_modified(const char* name, std::chrono::seconds before_now) const {
    std::filesystem::last_write_time(outside.path() / "public" / name,
                                     std::filesystem::file_time_type::clock::now() - before_now);
  }

  static constexpr std::size_t kMostBytes = 1000;
  test::TemporaryFolder outside;
  Simulator world{SimulatorOptions{}};
  Server server{world};
};

TEST_F(StaticFilesTest, AFileIsServedWithItsTypeAndWhatItTakesToAskAgain) {
  start();
  const Answer answer = ask("/assets/app.js");
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.body, "let a");
  EXPECT_EQ(answer.field("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(answer.field("Content-Length"), "5");
  EXPECT_EQ(answer.field("Cache-Control"), "no-cache");
  EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff");
  EXPECT_TRUE(answer.field("ETag").starts_with("W/\"")) << answer.head;
  EXPECT_TRUE(answer.field("Last-Modified").ends_with(" GMT")) << answer.head;
  EXPECT_EQ(ask("/assets/a%20b/%C3%A9.txt?v=1").body, "spaced");
  EXPECT_EQ(ask("/assets/empty").status, "200");
  EXPECT_EQ(ask("/assets/empty").field("Content-Length"), "0");
}

TEST_F(StaticFilesTest, HeadGivesTheSameFieldsWithoutTheContent) {
  start();
  const Answer get = ask("/assets/app.js");
  const Answer head = ask("/assets/app.js", {}, "HEAD");
  for (const char* name : {"Content-Type", "Content-Length", "ETag", "Last-Modified", "Cache-Control"})
    EXPECT_EQ(head.field(name), get.field(name)) << name;
  EXPECT_EQ(head.field("Content-Length"), "5");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(ask("/assets/app.js", {}, "POST").field("Allow"), "GET, HEAD");
}

TEST_F(StaticFilesTest, AFolderIsAnsweredByItsIndexAndItsBareNameByARedirect) {
  start();
  EXPECT_EQ(ask("/assets/").body, "<p>index");
  EXPECT_EQ(ask("/").body, "<p>index");
  EXPECT_EQ(ask("/assets/docs/").body, "<p>docs");
  const Answer moved = ask("/assets/docs?a=b");
  EXPECT_EQ(moved.status, "301");
  EXPECT_EQ(moved.field("Location"), "/assets/docs/?a=b");
  EXPECT_EQ(ask("/assets/a%20b").field("Location"), "/assets/a%20b/");
  EXPECT_EQ(ask("/assets/bare/").status, "404");  // nothing lists a folder
  EXPECT_EQ(ask("/assets").status, "404");
  EXPECT_EQ(ask("/assets/app.js/").status, "404");
  EXPECT_EQ(ask("/assets/none").status, "404");
}

TEST_F(StaticFilesTest, NoPathLeadsOutsideTheFolder) {
  start();
  for (const char* path : {"/assets/../secret.txt",
                           "/assets/docs/../../secret.txt",
                           "/assets/%2e%2e/secret.txt",
                           "/assets/.%2e/secret.txt",
                           "/assets/%2E./secret.txt",
                           "/assets/..%2fsecret.txt",
                           "/assets/%2e%2e%2fsecret.txt",
                           "/assets/..%5csecret.txt",
                           "/assets/..\\secret.txt",
                           "/assets/docs%5C..%5C..%5Csecret.txt",
                           "/assets//etc/passwd",
                           "/assets/%2fetc/passwd",
                           "/assets/app.js%00",
                           "/assets/app.js%00.html",
                           "/assets/%",
                           "/assets/%4",
                           "/assets/%zz",
                           "/assets/app%2",
                           "/assets/%c0%ae%c0%ae/secret.txt",
                           "/assets/%252e%252e/secret.txt",
                           "/assets/....//secret.txt",
                           "/assets/leak",
                           "/assets/root/etc/passwd",
                           "/assets/root",
                           "/assets/./app.js",
                           "/assets/docs//index.html",
                           "/../secret.txt",
                           "/%2e%2e/secret.txt",
                           "/assets/..;/secret.txt",
                           "http://a/assets/../secret.txt"}) {
    const Answer answer = ask(path);
    EXPECT_TRUE(answer.status == "404" || answer.status == "400") << path << ": " << answer.head;
    EXPECT_EQ(answer.body.find("secret"), std::string::npos) << path;
    EXPECT_EQ(answer.body.find("root:"), std::string::npos) << path;
  }
  EXPECT_EQ(ask("/assets/..#").status, "400");
  EXPECT_EQ(ask("/assets/../\x01").status, "400");
  EXPECT_EQ(ask("/assets/" + std::string(5000, 'a')).status, "404");
}

TEST_F(StaticFilesTest, AHandlersOwnPathIsCheckedAsTheRoutersIs) {
  start();
  const StaticFiles files = static_files((outside.path() / "public").string());
  const codec::RequestHead head{};
  const io::Address peer;
  for (const std::string& path : {"../secret.txt"s, "docs/../../secret.txt"s, "/etc/passwd"s, "docs//index.html"s,
                                  "app.js\0"s, "docs\\index.html"s, "."s, ".."s, "docs/."s}) {
    const std::vector<PathParameter> parameters = {{"*", path}};
    EXPECT_EQ(files(Request(head, {}, peer, parameters)).status(), 404) << path;
  }
  const std::vector<PathParameter> good = {{"*", "app.js"}};
  EXPECT_EQ(files(Request(head, {}, peer, good)).body(), "let a");
}

TEST_F(StaticFilesTest, HiddenNamesAreServedOnlyWhereTheOptionSaysSo) {
  start();
  EXPECT_EQ(ask("/assets/.env").status, "404");
  EXPECT_EQ(ask("/assets/.git/config").status, "404");
  StaticFilesOptions options;
  options.hidden_files = true;
  const StaticFiles files = static_files((outside.path() / "public").string(), options);
  const std::vector<PathParameter> parameters = {{"*", ".git/config"}};
  const codec::RequestHead head{};
  const io::Address peer;
  EXPECT_EQ(files(Request(head, {}, peer, parameters)).body(), "config");
}

TEST_F(StaticFilesTest, AFileLargerThanTheLimitIs500AndOneOfTheLimitIsServed) {
  start();
  EXPECT_EQ(ask("/assets/1.bin").body, std::string(kMostBytes, '\0'));
  const Answer large = ask("/assets/2.bin");
  EXPECT_EQ(large.status, "500");
  EXPECT_EQ(large.body, "This file is larger than this server sends.\n");
}

TEST_F(StaticFilesTest, AClientThatHasTheFileGets304) {
  start();
  const Answer first = ask("/assets/app.js");
  const std::string tag = first.field("ETag");
  const std::string date = first.field("Last-Modified");
  ASSERT_FALSE(tag.empty() || date.empty());
  const std::vector<std::string> has_it = {
      "If-None-Match: " + tag,
      "If-None-Match: " + tag.substr(2),  // compared weakly
      "If-None-Match: \"x,y\", " + tag + ", \"z\"",
      "If-None-Match: \"x\"\r\nIf-None-Match: " + tag,
      "If-None-Match: *",
      "If-Modified-Since: " + date,
      "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
      "If-None-Match: " + tag + "\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
  };
  for (const std::string& fields : has_it) {
    for (const char* method : {"GET", "HEAD"}) {
      const Answer answer = ask("/assets/app.js", fields + "\r\n", method);
      EXPECT_EQ(answer.status, "304") << fields;
      EXPECT_EQ(answer.body, "");
      EXPECT_EQ(answer.field("ETag"), tag);
      EXPECT_EQ(answer.field("Last-Modified"), date);
      EXPECT_EQ(answer.field("Cache-Control"), "no-cache");
      EXPECT_EQ(answer.field("Content-Length"), "");
    }
  }
  for (const std::string& fields :
       {"If-None-Match: \"x\""s, "If-None-Match: \"x\"\r\nIf-Modified-Since: " + date, "If-None-Match:"s,
        "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"s, "If-Modified-Since: yesterday"s}) {
    const Answer answer = ask("/assets/app.js", fields + "\r\n");
    EXPECT_EQ(answer.status, "200") << fields;
    EXPECT_EQ(answer.body, "let a");
  }
}

TEST_F(StaticFilesTest, AChangedFileIsServedAtOnceUnderAnotherTag) {
  start();
  set_modified("app.js", 3600s);
  const Answer before = ask("/assets/app.js");
  const auto changed = [this] {
    struct stat file{};
    EXPECT_EQ(::stat((outside.path() / "public/app.js").c_str(), &file), 0);
    return std::pair(file.st_ctim.tv_sec, file.st_ctim.tv_nsec);
  };
  const auto then = changed();
  while (changed() == then) {  // until the file system's clock has ticked
    outside.write("public/app.js", "let b");
    set_modified("app.js", 3600s);  // the same size and, as with unpacked files, the same time
  }
  const Answer after = ask("/assets/app.js", "If-None-Match: " + before.field("ETag") + "\r\n");
  EXPECT_EQ(after.status, "200");
  EXPECT_EQ(after.body, "let b");
  std::filesystem::remove(outside.path() / "public/app.js");
  EXPECT_EQ(ask("/assets/app.js").status, "404");
}

TEST_F(StaticFilesTest, ATimeStillToComeIsNotSaid) {
  start();
  set_modified("app.js", -3600s);
  const Answer answer = ask("/assets/app.js");
  EXPECT_EQ(answer.body, "let a");
  EXPECT_EQ(answer.field("Last-Modified"), "");
  EXPECT_NE(answer.field("ETag"), "");
}

TEST_F(StaticFilesTest, OptionsChooseIndexAndCaching) {
  StaticFilesOptions options;
  options.index = "app.js";
  options.cache_control = "max-age=60";
  start(options);
  EXPECT_EQ(ask("/assets/").body, "let a");
  EXPECT_EQ(ask("/assets/").field("Cache-Control"), "max-age=60");
  options.index = "";
  options.cache_control = "";
  const StaticFiles bare = static_files((outside.path() / "public").string(), options);
  const codec::RequestHead head{};
  const io::Address peer;
  for (const char* path : {"", "docs", "docs/"}) {
    const std::vector<PathParameter> parameters = {{"*", path}};
    EXPECT_EQ(bare(Request(head, {}, peer, parameters)).status(), 404) << path;
  }
}

TEST_F(StaticFilesTest, ListenReportsAFolderThatCannotBeOpenedAndOptionsOutOfRange) {
  const std::string folder = (outside.path() / "public").string();
  const auto error_of = [this](const StaticFiles& files) {
    Server fresh{world};
    fresh.get("/assets/*", files);
    const auto listening = fresh.listen("127.0.0.1:0");
    return listening ? std::string() : listening.error().text;
  };
  EXPECT_EQ(error_of(static_files(folder)), "");
  EXPECT_EQ(error_of(static_files("no such folder")),
            "route \"/assets/*\": folder \"no such folder\": No such file or directory");
  EXPECT_EQ(error_of(static_files(folder + "/app.js")),
            "route \"/assets/*\": folder \"" + folder + "/app.js\": Not a directory");
  StaticFilesOptions options;
  options.max_file_size = 0;
  EXPECT_EQ(error_of(static_files(folder, options)),
            "route \"/assets/*\": max_file_size is 0, but must be from 1 to 67108864 bytes");
  options.max_file_size = kLargestStaticFile + 1;
  EXPECT_EQ(error_of(static_files(folder, options)),
            "route \"/assets/*\": max_file_size is 67108865, but must be from 1 to 67108864 bytes");
  for (const char* index : {"../secret.txt", "..", "a/b", "a\\b"}) {
    options = {};
    options.index = index;
    EXPECT_EQ(error_of(static_files(folder, options)), "route \"/assets/*\": index must be the name of a file");
  }
  options = {};
  options.cache_control = "a\r\nX: y";
  EXPECT_EQ(error_of(static_files(folder, options)),
            "route \"/assets/*\": cache_control must be a field's value, without a line break");
}

}  // namespace
}  // namespace brume
