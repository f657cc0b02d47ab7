// test_certificates.h: an authority of a test's own and what it issues, as PEM files in a temporary folder.
//
// Made anew for each run, good from yesterday to tomorrow: nothing here expires one day. Throws where OpenSSL fails.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>

#include <brume/engine/tls_config.h>
#include <brume/tests/support/temporary_folder.h>

namespace brume::test {

class TestCertificates {
 public:
  explicit TestCertificates(const std::string& authority = "Test Authority");
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  // <common_name>.pem and <common_name>.key, signed by the authority. `names`: as X509v3 writes them, as in
  // "DNS:a.test,IP:127.0.0.1"; empty for none. `days`: how long it is good; negative for one that has expired.
  TlsCertificate issue(const std::string& common_name, const std::string& names = {}, int days = 1);

  const std::string& ca_file() const { return ca_file_; }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
  EVP_PKEY* ca_key_ = nullptr;
  X509* ca_ = nullptr;
  std::string ca_file_;
};

}  // namespace brume::test
