// Nothing outside the folder is ever opened, by openat2() and by the walk that takes its place.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <brume/engine/http/open_beneath.h>
#include <brume/tests/support/temporary_folder.h>

namespace brume::http {
namespace {

class OpenBeneath : public testing::Test {
 protected:
  OpenBeneath() {
    outside.write("secret", "secret");
    outside.write("public/a.txt", "a");
    outside.write("public/dir/b.txt", "b");
    outside.link("public/inside", "dir/b.txt");
    outside.link("public/dir/up", "../a.txt");
    outside.link("public/inner", "dir");
    outside.link("public/relative", "../secret");
    outside.link("public/absolute", outside.path() / "secret");
    outside.link("public/absolute_inside", outside.path() / "public/a.txt");
    outside.link("public/parent", "..");
    outside.link("public/loop", "loop");
    outside.link("public/gone", "nowhere");
    outside.link("public/magic", "/proc/self/cwd");
    EXPECT_EQ(::mkfifo((outside.path() / "public/pipe").c_str(), 0600), 0);
    folder = io::OwnedDescriptor(::open((outside.path() / "public").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  static std::string content(const std::expected<io::OwnedDescriptor, int>& file) {
    if (!file) return "error " + std::to_string(file.error());
    char text[16];
    const ssize_t size = ::read(file->get(), text, sizeof text);
    return std::string(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }

  test::TemporaryFolder outside;
  io::OwnedDescriptor folder;
};

TEST_F(OpenBeneath, FilesAndFoldersInsideAreOpened) {
  for (const auto open : {+[](int at, const std::string& path) { return open_beneath(at, path); },
                          +[](int at, const std::string& path) { return open_without_links(at, path); }}) {
    EXPECT_EQ(content(open(folder.get(), "a.txt")), "a");
    EXPECT_EQ(content(open(folder.get(), "dir/b.txt")), "b");
    EXPECT_TRUE(open(folder.get(), "dir"));
    EXPECT_TRUE(open(folder.get(), "pipe"));  // without waiting for a writer
    EXPECT_EQ(content(open(folder.get(), "dir/none")), "error " + std::to_string(ENOENT));
    EXPECT_EQ(content(open(folder.get(), "a.txt/b")), "error " + std::to_string(ENOTDIR));
    EXPECT_EQ(content(open(folder.get(), std::string(5000, 'a'))), "error " + std::to_string(ENAMETOOLONG));
  }
}

TEST_F(OpenBeneath, NoPathAndNoLinkLeadsOutside) {
  for (const auto open : {+[](int at, const std::string& path) { return open_beneath(at, path); },
                          +[](int at, const std::string& path) { return open_without_links(at, path); }}) {
    for (const std::string& path :
         {std::string("../secret"), std::string("dir/../../secret"), std::string(".."), std::string("/etc/passwd"),
          (outside.path() / "secret").string(), std::string("relative"), std::string("absolute"),
          std::string("absolute_inside"), std::string("parent/secret"), std::string("inner/../../secret"),
          std::string("loop"), std::string("gone"), std::string("magic"), std::string("magic/a"), std::string()})
      EXPECT_FALSE(open(folder.get(), path)) << path;
  }
}

TEST_F(OpenBeneath, ALinkThatStaysInsideIsFollowedByOpenat2Alone) {
  const bool has_openat2 = open_beneath(folder.get(), "inside").has_value();
  for (const char* path : {"inside", "dir/up", "inner/b.txt"}) {
    EXPECT_EQ(open_beneath(folder.get(), path).has_value(), has_openat2) << path;
    EXPECT_FALSE(open_without_links(folder.get(), path)) << path;
  }
}

}  // namespace
}  // namespace brume::http
