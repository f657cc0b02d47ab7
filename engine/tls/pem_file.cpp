#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <brume/engine/tls/pem_file.h>
#include <brume/engine/tls/tls_error.h>

namespace brume::tls {

namespace {

constexpr std::size_t kMaxFileSize = std::size_t{16} << 20;  // bytes: the lists of systems have a quarter of a MiB

struct FileClose {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPointer = std::unique_ptr<BIO, BioFree>;

std::string named(std::string_view what, const std::string& path) {
  return std::string(what) + " file \"" + path + '"';
}

// Keys pass through here: what is read is wiped by whoever gets it.
struct Secret {
  ~Secret() { OPENSSL_cleanse(text.data(), text.size()); }
  std::string text;
};

std::expected<void, SystemError> read_file(const std::string& path, std::string_view what, std::string& text) {
  const auto fail = [&](int error) {
    return std::unexpected(SystemError{SystemError::Kind::tls, error,
                                       "cannot read the " + named(what, path) + ": " + std::strerror(error)});
  };
  const std::unique_ptr<std::FILE, FileClose> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return fail(errno);
  std::array<char, 4096> block;
  for (;;) {
    errno = 0;
    const std::size_t size = std::fread(block.data(), 1, block.size(), file.get());
    text.append(block.data(), size);
    if (size < block.size()) break;
    if (text.size() > kMaxFileSize) return fail(EFBIG);
  }
  OPENSSL_cleanse(block.data(), block.size());
  if (std::ferror(file.get())) return fail(errno != 0 ? errno : EIO);
  return {};
}

int refuse_password(char*, int, int, void*) {
  return -1;
}

bool is_end_of_file(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

}  // namespace

void X509Free::operator()(X509* certificate) const {
  X509_free(certificate);
}
void KeyFree::operator()(EVP_PKEY* key) const {
  EVP_PKEY_free(key);
}

SystemError tls_system_error(std::string text) {
  if (const std::string_view detail = take_fault().detail; !detail.empty()) text.append(": ").append(detail);
  return {SystemError::Kind::tls, 0, std::move(text)};
}

std::expected<std::vector<CertificatePointer>, SystemError> read_certificates(const std::string& path,
                                                                              std::string_view what) {
  std::string text;
  if (auto read = read_file(path, what, text); !read) return std::unexpected(std::move(read.error()));
  const BioPointer bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::vector<CertificatePointer> certificates;
  ERR_clear_error();
  while (bio) {
    CertificatePointer certificate(PEM_read_bio_X509(bio.get(), nullptr, refuse_password, nullptr));
    if (!certificate) break;
    certificates.push_back(std::move(certificate));
  }
  if (!certificates.empty() && is_end_of_file(ERR_peek_last_error())) {
    ERR_clear_error();
    return certificates;
  }
  const bool none = certificates.empty() && (ERR_peek_error() == 0 || is_end_of_file(ERR_peek_last_error()));
  if (none) {
    ERR_clear_error();
    return std::unexpected(
        SystemError{SystemError::Kind::tls, 0, "the " + named(what, path) + " holds no certificate"});
  }
  return std::unexpected(tls_system_error("the " + named(what, path) + " holds a broken certificate"));
}

std::expected<KeyPointer, SystemError> read_key(const std::string& path, std::string_view what) {
  Secret secret;
  if (auto read = read_file(path, what, secret.text); !read) return std::unexpected(std::move(read.error()));
  const BioPointer bio(BIO_new_mem_buf(secret.text.data(), static_cast<int>(secret.text.size())));
  ERR_clear_error();
  KeyPointer key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, nullptr) : nullptr);
  if (key) {
    ERR_clear_error();
    return key;
  }
  std::string problem = "holds no private key that can be read";
  if (secret.text.find("ENCRYPTED") != std::string::npos) problem = "is locked by a password";
  ERR_clear_error();
  return std::unexpected(SystemError{SystemError::Kind::tls, 0, "the " + named(what, path) + ' ' + problem});
}

}  // namespace brume::tls
