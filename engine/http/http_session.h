// http_session.h: one connection while it speaks HTTP/1.1: head, body, handler, response, and the next request.
//
// A Protocol on a Transport. Requests are served one after the other: pipelined ones wait, unread, until the answer is
// written and, but for a bounded rest, sent (RFC 9112, section 9.3.2). An upgrade puts a WebSocket session in its place
// and the bytes behind the head go there. Lives in the core's frame pool until its transport is gone (or has another
// protocol) and its handler has ended. Its core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/http_body.h>
#include <brume/codec/http_head.h>
#include <brume/engine/config.h>
#include <brume/engine/connection/transport.h>
#include <brume/engine/http/router.h>
#include <brume/engine/io/address_range.h>
#include <brume/engine/io/environment.h>

namespace brume::http {

// What all HTTP sessions of a core share; owned by the server, immutable while it runs.
struct Service {
  const Router& router;
  const Config& config;
  const io::Environment& environment;  // for the Date field
  // Config's lists of the same names, read.
  std::vector<io::AddressRange> proxy_protocol{};
  std::vector<io::AddressRange> trusted_proxies{};
};

class HttpSession final : public connection::Protocol {
 public:
  using Time = connection::Time;

  // Begins to serve `transport`, accepted at `accepted`: the first request's deadline counts from there. `proxied`: the
  // scheme by which the client came to the proxy, where a PROXY header said so ("http", "https"; static storage).
  static HttpSession& open(connection::Transport& transport, const Service& service, Time accepted,
                           std::string_view proxied = {});
  // Answers with `error` and ends, whatever the request is or will be.
  void refuse(codec::HttpError error, std::string allow = {});

  std::size_t on_input(std::span<std::byte> input) override;
  void on_output_progress() override;
  void on_end(connection::End end) override;
  void on_exception(std::exception_ptr exception) noexcept override;
  Time on_deadline(Time now) override;
  void on_stop() override;
  void on_detached() override;
  std::size_t read_buffer_size() const override { return service_.config.read_buffer_size; }
  std::size_t held_bytes() const override { return counted_; }

 private:
  enum class State : std::uint8_t {
    head,      // reading a head, or waiting for one
    body,      // reading the body
    handling,  // the handler runs
    ended,     // answered for the last time, upgraded, or gone
  };

  HttpSession(connection::Transport& transport, const Service& service, Time accepted, std::string_view proxied);
  ~HttpSession();

  // TaskScope
  core::Reactor& reactor() override;
  void on_woken() override { reactor().serve(route_name()); }
  void on_task_begun(void* task) override { task_ = task; }
  void on_task_done(void* task, std::exception_ptr exception) noexcept override;

  std::string_view route_name() const;
  std::size_t read_head(std::span<std::byte> input);
  std::size_t read_body(std::span<std::byte> input);
  void on_head();
  // Whether the head is for another host than TLS was asked for, and that matters here (RFC 9110, section 15.5.20).
  bool expects_continue() const;
  bool is_misdirected() const;
  void dispatch();
  core::Task<void> run_handler();
  void respond(const Response& response);
  void write_response(const Response& response, bool keep_alive, bool head_only);
  void write(std::string_view head, Bytes body);
  void upgrade(const Response& response);
  void next_request();
  // Tells the core's ledger what head and body hold.
  void account();
  void end();
  void give_up() override;
  bool free_if_done();

  connection::CoreContext& context_;
  connection::Transport* transport_;
  const Service& service_;
  codec::HeadScanner scanner_;
  std::string buffer_;                      // the head so far; then head and body
  std::vector<codec::HeaderField> fields_;  // of the head, views into buffer_
  codec::RequestHead head_{};
  std::optional<codec::BodyDecoder> body_decoder_;
  std::string body_;
  std::vector<PathParameter> parameters_;
  std::unique_ptr<const TlsInfo> tls_;  // null for a connection in clear
  std::string_view proxied_;            // the scheme of a PROXY header, as open() has it
  std::optional<Request> request_;
  const Route* route_ = nullptr;
  void* task_ = nullptr;              // the handler's frame while it runs
  Time deadline_;                     // of the state
  Time idle_deadline_ = Time::min();  // deadline_ while a kept-alive connection is idle
  std::size_t counted_ = 0;           // bytes the ledger knows of
  State state_ = State::head;
  bool detached_ = false;
  bool keep_alive_ = false;
};

}  // namespace brume::http
