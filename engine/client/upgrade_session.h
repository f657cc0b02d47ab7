// upgrade_session.h: a connection this side has made, while the opening handshake goes over it (RFC 6455, section 4.1).
//
// A Protocol on a Transport: sends the request, reads the answer, and puts a client's Session in its place, or says why
// not. Its owner hears one outcome, and may leave before. Frees itself when its transport is gone or another's. Its
// core's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <brume/codec/client_handshake.h>
#include <brume/codec/http_body.h>
#include <brume/codec/permessage_deflate.h>
#include <brume/codec/url.h>
#include <brume/engine/client/options.h>
#include <brume/engine/connection/transport.h>
#include <brume/engine/connection/websocket_route.h>

namespace brume::client {

class UpgradeSession final : public connection::Protocol {
 public:
  class Owner {
   public:
    // The route's handler was called for the first time. The session is gone for its owner.
    virtual void on_upgraded() = 0;
    virtual void on_upgrade_failed(ConnectError error) = 0;

   protected:
    ~Owner() = default;
  };

  // Begins on a fresh transport. `options` and `url` outlive it or its owner's leave(). May throw std::bad_alloc; then
  // nothing changed.
  static UpgradeSession& open(connection::Transport& transport, Owner& owner, const codec::Url& url,
                              const ConnectOptions& options, connection::RouteRef route);
  // The owner hears nothing any more; the connection is cut.
  void leave();
  // Its time is over: as leave(), and the owner is told first what has come of it.
  void expire();

  std::size_t on_input(std::span<std::byte> input) override;
  void on_output_progress() override {}
  void on_end(connection::End end) override;
  void on_exception(std::exception_ptr exception) noexcept override;
  connection::Time on_deadline(connection::Time) override { return connection::Time::max(); }
  void on_stop() override;
  void on_detached() override;
  std::size_t read_buffer_size() const override { return options_.connection.read_buffer_size; }
  std::size_t held_bytes() const override { return buffer_.capacity(); }

 private:
  enum class State : std::uint8_t {
    head,
    body,   // of a refusal
    ended,  // the owner was told, or has left
  };

  UpgradeSession(connection::Transport& transport, Owner& owner, const codec::Url& url, const ConnectOptions& options,
                 connection::RouteRef route);
  ~UpgradeSession() = default;

  // TaskScope: it has no tasks
  core::Reactor& reactor() override;
  void on_task_begun(void*) override {}
  void on_task_done(void*, std::exception_ptr) noexcept override {}
  void give_up() override {}

  codec::UpgradeRequest request() const;
  void offer_compression();
  void send_request();
  std::size_t read_head(std::span<const std::byte> input);
  void judge(std::string_view head);
  void begin_body(const codec::ResponseHead& head);
  void read_body(std::span<const std::byte> input);
  void fail(ConnectError error);
  void refuse() { fail(ConnectError()); }  // with what begin_body() found, and the body so far
  void fail(std::string text, ConnectCause cause = ConnectCause::failed,
            std::optional<codec::ResponseError> rule = std::nullopt);

  connection::CoreContext& context_;
  connection::Transport* transport_;
  Owner* owner_;
  const codec::Url& url_;
  const ConnectOptions& options_;
  connection::RouteRef route_;
  std::array<char, codec::kEncodedKeySize> key_{};
  std::optional<codec::DeflateOffer> offer_;
  std::string extensions_;  // the same as it is sent
  codec::HeadScanner scanner_;
  std::string buffer_;            // the answer's head so far
  std::size_t interim_size_ = 0;  // bytes of the answers of 1xx before it
  ConnectError refusal_;          // what is known of one, while its body comes
  std::optional<codec::BodyDecoder> body_decoder_;
  State state_ = State::head;
};

}  // namespace brume::client
