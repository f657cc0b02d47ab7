#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <brume/engine/tls/tls_filter.h>

namespace brume::tls {

namespace {

// Called for each record's header, and for what is in it.
void count_records(int sending, int, int content, const void* data, std::size_t, SSL*, void* filter) {
  if (sending != 0 || content != SSL3_RT_HEADER) return;
  const auto* header = static_cast<const unsigned char*>(data);  // kind, version, size (RFC 8446, section 5.1)
  static_cast<TlsFilter*>(filter)->note_record(std::size_t{header[3]} << 8 | header[4]);
}

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::string subject_of(const X509* certificate) {
  const std::unique_ptr<BIO, BioFree> text(BIO_new(BIO_s_mem()));
  if (!text || X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// Expects the server to be `host`.
bool expect_host(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return true;
  ERR_clear_error();
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size()) == 1;
}

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* const address = a2i_IPADDRESS(host.c_str());
  ERR_clear_error();
  const bool is = address != nullptr;
  ASN1_OCTET_STRING_free(address);
  return is;
}

// Whether the certificate that was seen when the session was made is one for `host`.
bool is_certified_for(SSL_SESSION* session, const std::string& host) {
  X509* const certificate = SSL_SESSION_get0_peer(session);
  if (!certificate) return false;
  const int verdict = is_address(host) ? X509_check_ip_asc(certificate, host.c_str(), 0)
                                       : X509_check_host(certificate, host.data(), host.size(),
                                                         X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr);
  return verdict == 1;
}

}  // namespace

class TlsFilter::Call {
 public:
  Call(TlsFilter& filter, std::span<const std::byte> input, Output& output, io::Time now) : filter_(filter) {
    assert(!filter.output_);
    filter.input_ = input;
    filter.output_ = &output;
    filter.now_ = now;
    ERR_clear_error();  // what others left would be taken for this call's
  }
  ~Call() {
    filter_.input_ = {};
    filter_.output_ = nullptr;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  TlsFilter& filter_;
};

TlsFilter::~TlsFilter() {
  if (!ssl_) return;
  // A session is good for resuming however its connection ended: OpenSSL would forbid it where no close_notify went.
  if (state_ == State::open || state_ == State::closed)
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

bool TlsFilter::begin(std::shared_ptr<const TlsContext> context) {
  assert(!ssl_);
  SSL* ssl = SSL_new(context->first());
  BIO* bio = ssl ? BIO_new(context->bio_method()) : nullptr;
  if (!bio) {
    SSL_free(ssl);
    ERR_clear_error();
    return false;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, this);
  SSL_set_msg_callback(ssl, count_records);
  SSL_set_msg_callback_arg(ssl, this);
  ssl_ = ssl;
  context_ = std::move(context);
  state_ = State::handshake;
  return true;
}

bool TlsFilter::begin_server(std::shared_ptr<const TlsContext> context) {
  if (!begin(std::move(context))) return false;
  SSL_set_accept_state(ssl_);
  return true;
}

bool TlsFilter::begin_client(std::shared_ptr<const TlsContext> context, const std::string& host,
                             const Session& resume) {
  if (!begin(std::move(context))) return false;
  SSL_set_connect_state(ssl_);
  std::string name = context_->server_name().empty() ? host : context_->server_name();
  // The dot that makes a name absolute is the resolver's: neither the extension nor certificates have it (RFC 6066,
  // section 3).
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  bool good = true;
  // An address is no name (RFC 6066, section 3).
  if (!is_address(name)) good = SSL_set_tlsext_host_name(ssl_, name.c_str()) == 1;
  if (good && context_->verifies()) good = expect_host(ssl_, name);
  const bool may_resume = resume && (!context_->verifies() || is_certified_for(resume.get(), name));
  if (good && may_resume) good = SSL_set_session(ssl_, resume.get()) == 1;
  ERR_clear_error();
  if (good) return true;
  SSL_free(std::exchange(ssl_, nullptr));
  context_.reset();
  state_ = State::fresh;
  return false;
}

TlsFilter& TlsFilter::of(SSL* ssl) {
  return *static_cast<TlsFilter*>(SSL_get_app_data(ssl));
}

// ---- the spans

std::size_t TlsFilter::take_input(std::span<std::byte> out) {
  const std::size_t size = std::min(out.size(), input_.size());
  if (size != 0) std::memcpy(out.data(), input_.data(), size);
  input_ = input_.subspan(size);
  record_left_ -= static_cast<std::uint16_t>(std::min<std::size_t>(size, record_left_));
  return size;
}

bool TlsFilter::give_output(std::span<const std::byte> records) {
  if (output_ && output_->take_records(records)) return true;
  no_memory_ = true;
  return false;
}

// ---- opening

TlsFilter::Step TlsFilter::step(std::span<const std::byte> input, std::span<std::byte> plain, Output& output,
                                io::Time now) {
  assert(state_ == State::handshake || state_ == State::open);
  assert(plain.size() >= kMaxRecordPayload);
  const Call call(*this, input, output, now);
  Step done;
  if (state_ == State::handshake && (!believes(input) || !shake_hands())) {
    done.taken = input.size() - input_.size();
    return done;
  }
  // Whole records are taken from the input, and a part of one goes into OpenSSL's buffer: once the input is used up
  // after a record with data there is nothing more to be had.
  while (plain.size() - done.opened >= kMaxRecordPayload && !input_.empty()) {
    std::size_t size = 0;
    const int result = SSL_read_ex(ssl_, plain.data() + done.opened, plain.size() - done.opened, &size);
    if (result == 1) {
      done.opened += size;
      data_records_++;
      continue;
    }
    if (failed_by(result)) break;
  }
  done.taken = input.size() - input_.size();
  return done;
}

bool TlsFilter::believes(std::span<const std::byte> input) {
  // A record's header ends in two bytes of size; then come the message's kind and its size in three bytes (RFC 8446,
  // sections 4 and 5.1). A hello whose first record is shorter than that is left to OpenSSL, which takes 128 KiB.
  constexpr std::size_t kRecordSizeAt = 3;
  constexpr std::size_t kSizeAt = 6;
  constexpr std::size_t kEnd = 8;
  constexpr std::uint8_t kMessageHeader = 4;
  if (!context_->is_server() || handshake_bytes_ >= kEnd) return true;
  for (std::size_t i = 0; i < input.size() && handshake_bytes_ + i < kEnd; i++)
    head_[handshake_bytes_ + i] = std::to_integer<std::uint8_t>(input[i]);
  if (handshake_bytes_ + input.size() < kEnd) return true;
  const bool split = head_[kRecordSizeAt] == 0 && head_[kRecordSizeAt + 1] < kMessageHeader;
  if (head_[0] != SSL3_RT_HANDSHAKE || split) return true;
  if (head_[kSizeAt] == 0 && head_[kSizeAt + 1] < kMaxHelloSize >> 8) return true;
  // OpenSSL would make room for what is declared before it says no.
  constexpr std::array<unsigned char, 7> kIllegalParameter = {
      SSL3_RT_ALERT, 0x03, 0x03, 0x00, 0x02, SSL3_AL_FATAL, SSL_AD_ILLEGAL_PARAMETER};
  give_output(std::as_bytes(std::span(kIllegalParameter)));
  fail({TlsError::handshake_too_large, "a hello of that size"});
  return false;
}

bool TlsFilter::shake_hands() {
  const std::size_t before = input_.size();
  const int result = SSL_do_handshake(ssl_);
  handshake_bytes_ += static_cast<std::uint32_t>(before - input_.size());
  if (result != 1) {
    if (!failed_by(result)) {
      if (handshake_bytes_ > kMaxHandshakeSize) fail({TlsError::handshake_too_large, "a handshake without end"});
    } else if (state_ == State::closed) {
      // Nothing was agreed on that could end in order, and anybody in between can say so.
      fail({TlsError::truncated, "an end inside the handshake"});
    }
    return false;
  }
  state_ = State::open;
  records_ = data_records_ = 0;
  return true;
}

bool TlsFilter::failed_by(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return false;
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::closed;
      return true;
    default:
      break;
  }
  TlsFault fault = take_fault();
  if (no_memory_) fault.error = TlsError::out_of_memory;
  if (fault.error == TlsError::certificate_refused) {
    const long verdict = SSL_get_verify_result(ssl_);
    fault.detail = X509_verify_cert_error_string(verdict);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
      fault.error = TlsError::host_mismatch;
  }
  fail(fault);
  return true;
}

void TlsFilter::fail(TlsFault fault) {
  state_ = State::failed;
  fault_ = fault;
}

std::uint32_t TlsFilter::take_bare_records() {
  // What one that is partly there will be is not known yet.
  const std::uint32_t begun = record_left_ == 0 ? 0 : 1;
  const std::uint32_t count = records_ - std::min(records_, data_records_ + begun);
  records_ = begun;
  data_records_ = 0;
  return count;
}

// ---- sealing

bool TlsFilter::seal(std::span<const std::byte> plain, Output& output, io::Time now) {
  assert((state_ == State::open || state_ == State::closed) && !plain.empty());
  const Call call(*this, {}, output, now);
  sealed_records_ += static_cast<std::uint32_t>((plain.size() - 1) / kMaxRecordPayload + 1);
  if (sealed_records_ >= kRecordsPerKey) update_keys();
  std::size_t size = 0;
  const int result = SSL_write_ex(ssl_, plain.data(), plain.size(), &size);
  // All or nothing: the output takes whatever it gets, and fewer or more would be bytes lost or made up.
  if (result == 1 && size == plain.size()) return true;
  if (result == 1 || !failed_by(result)) fail({TlsError::protocol_error, "a write was not taken whole"});
  return false;
}

bool TlsFilter::update_keys() {
  sealed_records_ = 0;
  if (SSL_version(ssl_) == TLS1_3_VERSION && SSL_key_update(ssl_, SSL_KEY_UPDATE_NOT_REQUESTED) == 1) return true;
  ERR_clear_error();
  return false;
}

void TlsFilter::close(Output& output, io::Time now) {
  if (state_ != State::open && state_ != State::closed) return;
  const Call call(*this, {}, output, now);
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

// ---- what is known

TlsInfo TlsFilter::info() const {
  TlsInfo info;
  info.version = SSL_version(ssl_) == TLS1_3_VERSION ? TlsVersion::tls_1_3 : TlsVersion::tls_1_2;
  if (const char* cipher = SSL_get_cipher_name(ssl_)) info.cipher = cipher;
  if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name)) info.server_name = name;
  const unsigned char* protocol = nullptr;
  unsigned int protocol_size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &protocol_size);
  if (protocol) info.protocol.assign(reinterpret_cast<const char*>(protocol), protocol_size);
  const X509* certificate = context_->is_server() ? SSL_get0_peer_certificate(ssl_) : nullptr;
  if (certificate && SSL_get_verify_result(ssl_) == X509_V_OK) info.client_subject = subject_of(certificate);
  info.resumed = resumed();
  return info;
}

bool TlsFilter::resumed() const {
  return SSL_session_reused(ssl_) == 1;
}

Session TlsFilter::session() const {
  SSL_SESSION* const session = SSL_get0_session(ssl_);
  if (!session || SSL_SESSION_is_resumable(session) != 1) return {};
  // With TLS 1.2 this connection goes on using it, maybe on another thread than the next one.
  SSL_SESSION* const copy = SSL_SESSION_dup(session);
  ERR_clear_error();
  try {
    return Session(copy, [](SSL_SESSION* s) { SSL_SESSION_free(s); });
  } catch (const std::bad_alloc&) {
    return {};  // the copy is freed
  }
}

}  // namespace brume::tls
