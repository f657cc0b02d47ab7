#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <brume/engine/tls/ticket_keys.h>

namespace brume::tls {

namespace {
template <class T>
void forget(std::optional<T>& kept) {
  if (kept) OPENSSL_cleanse(&kept->key, sizeof(kept->key));
  kept.reset();
}
}  // namespace

TicketKeys::~TicketKeys() {
  forget(current_);
  forget(previous_);
}

void TicketKeys::age(io::Time now) {
  if (current_ && now - current_->made >= interval_) {
    forget(previous_);
    previous_ = current_;
    forget(current_);
  }
  if (previous_ && now - previous_->made >= 2 * interval_) forget(previous_);
}

std::optional<TicketKeys::Key> TicketKeys::current(io::Time now) {
  const std::lock_guard lock(mutex_);
  age(now);
  if (!current_) {
    Kept fresh{.key = {}, .made = now};
    if (RAND_bytes(fresh.key.name.data(), kNameSize) != 1 ||
        RAND_priv_bytes(fresh.key.cipher_secret.data(), kSecretSize) != 1 ||
        RAND_priv_bytes(fresh.key.mac_secret.data(), kSecretSize) != 1) {
      return std::nullopt;
    }
    current_ = fresh;
    OPENSSL_cleanse(&fresh.key, sizeof(fresh.key));
  }
  return current_->key;
}

std::optional<TicketKeys::Found> TicketKeys::find(std::span<const unsigned char, kNameSize> name, io::Time now) {
  const std::lock_guard lock(mutex_);
  age(now);
  if (current_ && std::ranges::equal(current_->key.name, name)) return Found{current_->key, false};
  if (previous_ && std::ranges::equal(previous_->key.name, name)) return Found{previous_->key, true};
  return std::nullopt;
}

}  // namespace brume::tls
