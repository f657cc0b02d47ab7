// Unix-domain sockets: the file's life, and every backend accepting from one socket that cores share.
#include <fstream>
#include <sys/stat.h>
#include <sys/un.h>

#include <brume/engine/io/unix_listeners.h>
#include <brume/tests/engine/io/io_fixture.h>
#include <brume/tests/support/temporary_folder.h>

namespace brume::io::testing {
namespace {

using ErrorKind = SystemError::Kind;

OwnedDescriptor connect_to_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  socklen_t size = sizeof address;
  if (path.starts_with('@')) {
    address.sun_path[0] = '\0';
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  }
  OwnedDescriptor made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(made.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) made.reset();
  return made;
}

bool exists(const std::string& path) {
  struct stat file{};
  return lstat(path.c_str(), &file) == 0;
}

class UnixListenersTest : public ::testing::Test {
 protected:
  static ListenOptions at(const std::string& wanted) {
    ListenOptions options;
    options.unix_path = wanted;
    return options;
  }
  static void close_all(const UnixListeners& listeners) {
    for (const ListenerHandle handle : listeners.handles) ::close(handle);
  }
  static ErrorKind error_at(const std::string& wanted) {
    auto made = open_unix_listeners(1, at(wanted));
    EXPECT_FALSE(made.has_value()) << wanted;
    if (!made) {
      EXPECT_EQ(made.error().text.find('\n'), std::string::npos);
      return made.error().kind;
    }
    close_all(*made);
    return ErrorKind::config;
  }

  test::TemporaryFolder folder;
  std::string path = (folder.path() / "s").string();
};

TEST_F(UnixListenersTest, TheFileHasTheModeAskedForAndGoesWithItsOwner) {
  ListenOptions options = at(path);
  options.unix_mode = 0606;
  {
    auto made = open_unix_listeners(3, options);
    ASSERT_TRUE(made.has_value()) << made.error().text;
    EXPECT_EQ(made->handles.size(), 3u);
    struct stat file{};
    ASSERT_EQ(stat(path.c_str(), &file), 0);
    EXPECT_TRUE(S_ISSOCK(file.st_mode));
    EXPECT_EQ(file.st_mode & 0777u, 0606u);
    EXPECT_TRUE(connect_to_path(path));
    close_all(*made);
  }
  EXPECT_FALSE(exists(path));
}

TEST_F(UnixListenersTest, AFileNobodyListensAtIsReplaced) {
  {
    auto left = open_unix_listeners(1, at(path));
    ASSERT_TRUE(left.has_value());
    close_all(*left);
    auto again = open_unix_listeners(1, at(path));
    ASSERT_TRUE(again.has_value()) << again.error().text;
    EXPECT_TRUE(connect_to_path(path));
    left->file = SocketFile();  // it is another one's file now
    EXPECT_TRUE(exists(path));
    close_all(*again);
  }
  EXPECT_FALSE(exists(path));
}

TEST_F(UnixListenersTest, WhatSomebodyListensAtOrIsNoSocketStays) {
  auto held = open_unix_listeners(1, at(path));
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(error_at(path), ErrorKind::address_in_use);
  EXPECT_TRUE(connect_to_path(path));
  close_all(*held);

  const std::string file = (folder.path() / "file").string();
  std::ofstream(file) << "text";
  EXPECT_EQ(error_at(file), ErrorKind::address_in_use);
  EXPECT_TRUE(exists(file));
  EXPECT_EQ(error_at((folder.path() / "none" / "s").string()), ErrorKind::resources);
}

TEST_F(UnixListenersTest, APathThatDoesNotFitIsRefused) {
  EXPECT_EQ(error_at(""), ErrorKind::bad_address);
  EXPECT_EQ(error_at("@"), ErrorKind::bad_address);
  EXPECT_EQ(error_at(std::string("a\0b", 3)), ErrorKind::bad_address);
  EXPECT_EQ(error_at("/" + std::string(107, 'x')), ErrorKind::bad_address);
}

TEST_F(UnixListenersTest, AnAbstractNameHasNoFile) {
  const std::string name = "@brume-test-" + std::to_string(getpid());
  auto made = open_unix_listeners(2, at(name));
  ASSERT_TRUE(made.has_value()) << made.error().text;
  EXPECT_TRUE(connect_to_path(name));
  EXPECT_EQ(error_at(name), ErrorKind::address_in_use);
  close_all(*made);
  auto again = open_unix_listeners(1, at(name));
  ASSERT_TRUE(again.has_value());
  close_all(*again);
}

class IoUnix : public IoTest {};
BRUME_EVERY_BACKEND(IoUnix);

TEST_P(IoUnix, CoresShareOneSocketAndEachConnectionComesToOneOfThem) {
  BRUME_CORE_OR_SKIP(core);
  const auto other_owner = make_core();
  Core& other = *other_owner;
  const test::TemporaryFolder folder;
  ListenOptions options;
  options.unix_path = (folder.path() / "s").string();
  auto listeners = open_unix_listeners(2, options);
  ASSERT_TRUE(listeners.has_value()) << listeners.error().text;
  core.io->add_listener(listeners->handles[0]);
  other.io->add_listener(listeners->handles[1]);

  constexpr std::size_t kClients = 50;
  std::vector<OwnedDescriptor> clients;
  for (std::size_t i = 0; i < kClients; i++) {
    clients.push_back(connect_to_path(options.unix_path));
    ASSERT_TRUE(clients.back());
  }
  ASSERT_TRUE(core.run_until([&] {
    other.io->poll(other, Time(0));
    return core.accepted.size() + other.accepted.size() == kClients;
  }));
  for (Core* each : {&core, &other}) {
    for (const Accepted& accepted : each->accepted) {
      EXPECT_EQ(accepted.peer.family, Address::Family::local);
      each->io->receive(accepted.socket, {accepted.socket, 0});
    }
  }
  for (const OwnedDescriptor& client : clients) write_some(client, "hello");
  ASSERT_TRUE(core.run_until([&] {
    other.io->poll(other, Time(0));
    return core.stories.size() + other.stories.size() == kClients;
  }));
  for (Core* each : {&core, &other}) {
    for (const Accepted& accepted : each->accepted) {
      EXPECT_EQ(each->story_of({accepted.socket, 0}).bytes, "hello");
      finish(*each, {accepted.socket, 0}, true);
    }
    each->io->close_listener(listeners->handles[each == &core ? 0 : 1]);
  }
  expect_clean_end(core);
  expect_clean_end(other);
}

}  // namespace
}  // namespace brume::io::testing
