#include <cerrno>

#include <gtest/gtest.h>

#include <brume/engine/io/errno_map.h>

namespace brume::io {
namespace {

using Kind = SystemError::Kind;

TEST(ErrnoMap, GivesEachNumberItsKindAndSaysWhatFailed) {
  const struct {
    int code;
    Kind kind;
  } expected[] = {{EADDRINUSE, Kind::address_in_use}, {EACCES, Kind::permission_denied},
                  {EPERM, Kind::permission_denied},   {EADDRNOTAVAIL, Kind::address_unavailable},
                  {EAFNOSUPPORT, Kind::bad_address},  {ENOSYS, Kind::io_unavailable},
                  {EMFILE, Kind::resources},          {ENOMEM, Kind::resources}};
  for (const auto& [code, kind] : expected) {
    const SystemError error = system_error(code, "listen on 127.0.0.1:1");
    EXPECT_EQ(error.kind, kind) << code;
    EXPECT_EQ(error.code, code);
    EXPECT_TRUE(error.text.starts_with("listen on 127.0.0.1:1: ")) << error.text;
  }
}

TEST(ErrnoMap, TextsAreOneLineForEveryNumber) {
  for (int code = -1; code < 200; code++) {
    EXPECT_FALSE(errno_text(code).empty()) << code;
    EXPECT_EQ(errno_text(code).find('\n'), std::string::npos) << code;
  }
  EXPECT_EQ(errno_text(EADDRINUSE), "Address already in use");
}

TEST(ErrnoMap, OnlyWhatConcernsTheProcessPausesAListener) {
  for (const int code : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EBADF, EINVAL, ENOTSOCK})
    EXPECT_EQ(classify_accept_failure(code), AcceptFailure::process) << errno_text(code);
  for (const int code : {ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, ETIMEDOUT})
    EXPECT_EQ(classify_accept_failure(code), AcceptFailure::one_peer) << errno_text(code);
  for (const int code : {EAGAIN, EINTR, ECANCELED})
    EXPECT_EQ(classify_accept_failure(code), AcceptFailure::none) << errno_text(code);
}

}  // namespace
}  // namespace brume::io
