#include <cstdio>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <brume/tests/support/test_certificates.h>

namespace brume::test {

namespace {

constexpr long kDay = 24 * 3600;  // seconds

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("test certificates: ") + what);
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* make(const std::string& common_name, EVP_PKEY* key, int days) {
  X509* certificate = X509_new();
  require(certificate != nullptr, "no certificate");
  X509_set_version(certificate, X509_VERSION_3);
  std::uint32_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), days < 0 ? 2 * days * kDay : -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), days * kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509_set_pubkey(certificate, key);
  return certificate;
}

struct FileClose {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileClose>;

void write_certificate(const std::string& path, X509* certificate) {
  const File file(std::fopen(path.c_str(), "we"));
  require(file && PEM_write_X509(file.get(), certificate) == 1, path.c_str());
}

void write_key(const std::string& path, EVP_PKEY* key) {
  const File file(std::fopen(path.c_str(), "we"));
  require(file && PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, path.c_str());
}

}  // namespace

TestCertificates::TestCertificates(const std::string& authority) : ca_key_(EVP_EC_gen("P-256")) {
  require(ca_key_ != nullptr, "no key");
  ca_ = make(authority, ca_key_, 1);
  X509_set_issuer_name(ca_, X509_get_subject_name(ca_));
  add_extension(ca_, ca_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(ca_, ca_, NID_key_usage, "critical,keyCertSign,cRLSign");
  require(X509_sign(ca_, ca_key_, EVP_sha256()) != 0, "not signed");
  ca_file_ = path("ca.pem");
  write_certificate(ca_file_, ca_);
}

TestCertificates::~TestCertificates() {
  X509_free(ca_);
  EVP_PKEY_free(ca_key_);
}

TlsCertificate TestCertificates::issue(const std::string& common_name, const std::string& names, int days) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  require(key != nullptr, "no key");
  X509* certificate = make(common_name, key, days);
  X509_set_issuer_name(certificate, X509_get_subject_name(ca_));
  if (!names.empty()) add_extension(certificate, ca_, NID_subject_alt_name, names);
  require(X509_sign(certificate, ca_key_, EVP_sha256()) != 0, "not signed");
  TlsCertificate made{path(common_name + ".pem"), path(common_name + ".key")};
  write_certificate(made.certificate_file, certificate);
  write_key(made.key_file, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

}  // namespace brume::test
