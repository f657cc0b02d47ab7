#include <cerrno>
#include <cstring>

#include <brume/engine/io/errno_map.h>

namespace brume::io {

namespace {

SystemError::Kind kind_of(int code) {
  using Kind = SystemError::Kind;
  switch (code) {
    case EADDRINUSE:
      return Kind::address_in_use;
    case EACCES:
    case EPERM:
      return Kind::permission_denied;
    case EADDRNOTAVAIL:
    case ENODEV:
      return Kind::address_unavailable;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case EINVAL:
      return Kind::bad_address;
    case ENOSYS:
    case EOPNOTSUPP:
      return Kind::io_unavailable;
    default:
      return Kind::resources;
  }
}

}  // namespace

std::string errno_text(int code) {
  char buffer[128] = "";
  return strerror_r(code, buffer, sizeof buffer);  // the GNU one: any thread, never fails
}

SystemError system_error(int code, std::string_view what) {
  SystemError error;
  error.kind = kind_of(code);
  error.code = code;
  error.text.append(what).append(": ").append(errno_text(code));
  return error;
}

AcceptFailure classify_accept_failure(int code) {
  switch (code) {
    case EAGAIN:
    case EINTR:
    case ECANCELED:
      return AcceptFailure::none;
    // A new socket's own pending error comes out of accept as if it were accept's (accept(2), "Error handling").
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
      return AcceptFailure::one_peer;
    default:
      return AcceptFailure::process;
  }
}

}  // namespace brume::io
