// ticket_keys.h: the keys that session tickets are sealed with (RFC 5077, RFC 8446, section 4.6.1): one that seals, and
// the one before it, which still opens what it sealed.
//
// Any thread: shared by all cores, and by a server's contexts before and after a reload. The mutex is taken once a
// handshake, never by messages. A key is forgotten two intervals after it was made: from then on what it sealed, and
// the sessions in it, cannot be opened by anyone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include <brume/engine/io/io.h>

namespace brume::tls {

class TicketKeys {
 public:
  static constexpr std::size_t kNameSize = 16;
  static constexpr std::size_t kSecretSize = 32;

  struct Key {
    std::array<unsigned char, kNameSize> name{};
    std::array<unsigned char, kSecretSize> cipher_secret{};  // AES-256-CBC
    std::array<unsigned char, kSecretSize> mac_secret{};     // HMAC-SHA256
  };
  struct Found {
    Key key;
    bool renew;  // it will be forgotten soon: the ticket should be replaced
  };

  explicit TicketKeys(io::Time interval) : interval_(interval) {}
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // The one to seal with at `now`, which never goes back by more than cores differ in theirs. nullopt where there is no
  // randomness to be had.
  std::optional<Key> current(io::Time now);
  // The one of that name; nullopt where it is unknown or forgotten.
  std::optional<Found> find(std::span<const unsigned char, kNameSize> name, io::Time now);

 private:
  struct Kept {
    Key key;
    io::Time made;
  };
  // Behind the mutex: drops and moves what is too old.
  void age(io::Time now);

  const io::Time interval_;
  std::mutex mutex_;
  std::optional<Kept> current_;
  std::optional<Kept> previous_;
};

}  // namespace brume::tls
