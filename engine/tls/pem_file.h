// pem_file.h: certificates and keys from PEM files, with errors that name the file.
//
// Pure but for reading; any thread. Nothing here asks for a password: a key that needs one is refused.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include <brume/engine/error.h>

namespace brume::tls {

struct X509Free {
  void operator()(X509* certificate) const;
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const;
};
using CertificatePointer = std::unique_ptr<X509, X509Free>;
using KeyPointer = std::unique_ptr<EVP_PKEY, KeyFree>;

// `what` is what the file should hold ("certificate", "client CA"), for the error. At least one certificate, in the
// file's order.
std::expected<std::vector<CertificatePointer>, SystemError> read_certificates(const std::string& path,
                                                                              std::string_view what);
std::expected<KeyPointer, SystemError> read_key(const std::string& path, std::string_view what);

// "<text>: <what the thread's error queue says>", which is empty afterwards.
SystemError tls_system_error(std::string text);

}  // namespace brume::tls
