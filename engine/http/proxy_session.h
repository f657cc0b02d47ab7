// proxy_session.h: one connection from a trusted proxy until its PROXY header has been read (codec/proxy_header.h).
//
// The first Protocol on such a transport: it takes the header alone, gives the connection the name that stands in it,
// and puts HTTP in its own place, which hears what the header says of TLS; what ends TLS here comes between the two. A
// peer without a valid header is cut without a word: whoever spoke is a proxy that was set up otherwise, or nobody that
// should be listened to. Lives in the core's frame pool. Its core's thread only.
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <string_view>

#include <brume/codec/proxy_header.h>
#include <brume/engine/connection/transport.h>
#include <brume/engine/http/http_session.h>

namespace brume::http {

class ProxySession final : public connection::Protocol {
 public:
  using Time = connection::Time;

  // Begins to read; header and first request share one deadline, counted from `accepted`.
  static void open(connection::Transport& transport, const Service& service, Time accepted);

  std::size_t on_input(std::span<std::byte> input) override;
  void on_output_progress() override {}
  void on_end(connection::End end) override;
  void on_exception(std::exception_ptr exception) noexcept override;
  Time on_deadline(Time now) override;
  void on_stop() override;
  void on_detached() override { free(); }
  std::size_t read_buffer_size() const override { return service_.config.read_buffer_size; }

 private:
  ProxySession(connection::Transport& transport, const Service& service, Time accepted)
      : transport_(transport), service_(service), accepted_(accepted) {}
  ~ProxySession() = default;

  // TaskScope and Lingerer: it has no tasks.
  core::Reactor& reactor() override;
  void on_task_begun(void*) override {}
  void on_task_done(void*, std::exception_ptr) noexcept override {}
  void give_up() override {}

  void refuse(codec::ProxyError error);
  // Hands the connection over to HTTP and frees this session.
  void go_on(const codec::ProxyHeader& header);
  Time deadline() const { return accepted_ + service_.config.handshake_timeout; }
  void free();

  connection::Transport& transport_;
  const Service& service_;
  Time accepted_;
};

}  // namespace brume::http
