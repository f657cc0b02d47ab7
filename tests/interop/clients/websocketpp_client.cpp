// websocketpp (Debian's libwebsocketpp-dev, on Boost.Asio) through the cases. usage: websocketpp_client ADDRESS
#include <boost/asio/ssl.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_client.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/version.hpp>

#include <brume/tests/interop/clients/cases.h>

namespace {

namespace ssl = boost::asio::ssl;
namespace opcode = websocketpp::frame::opcode;
using Handle = websocketpp::connection_hdl;
using Plain = websocketpp::config::asio_client;
using Tls = websocketpp::config::asio_tls_client;

// Whether permessage-deflate is offered is a matter of the type.
template <class Base>
struct Compressed : Base {
  using type = Compressed;
  struct permessage_deflate_config {};
  using permessage_deflate_type = websocketpp::extensions::permessage_deflate::enabled<permessage_deflate_config>;
};

void check(const std::error_code& error) {
  if (error) throw std::runtime_error(error.message());
}

template <class Config>
void set_up(websocketpp::client<Config>&, const std::string&, Plain*) {}

template <class Config>
void set_up(websocketpp::client<Config>& endpoint, const std::string& host, Tls*) {
  endpoint.set_tls_init_handler([host](const Handle&) {
    const auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    context->load_verify_file(interop::ca_file());
    context->set_verify_mode(ssl::verify_peer);
    context->set_verify_callback(ssl::host_name_verification(host));
    return context;
  });
}

// An endpoint for each connection, that runs as long as something is waited for.
template <class Config>
class WebsocketppConnection : public interop::Connection {
 public:
  WebsocketppConnection(const interop::Url& url, const std::string& text) {
    endpoint_.clear_access_channels(websocketpp::log::alevel::all);
    endpoint_.clear_error_channels(websocketpp::log::elevel::all);
    endpoint_.init_asio();
    set_up(endpoint_, url.host, static_cast<Config*>(nullptr));
    std::error_code error;
    connection_ = endpoint_.get_connection(text, error);
    check(error);
    connection_->set_open_handler([this](const Handle&) { open_ = true; });
    connection_->set_fail_handler([this](const Handle&) { over_ = true; });
    connection_->set_close_handler([this](const Handle&) { over_ = true; });
    connection_->set_pong_handler([this](const Handle&, std::string payload) { pongs_.push_back(std::move(payload)); });
    connection_->set_message_handler([this](const Handle&, const typename Endpoint::message_ptr& message) {
      messages_.push_back({message->get_opcode() == opcode::text, message->get_payload()});
    });
    endpoint_.connect(connection_);
    run_until([this] { return open_ || over_; });
    if (!open_) check(connection_->get_ec());
  }

  void send(const interop::Message& message) override {
    connection_->send(message.data, message.is_text ? opcode::text : opcode::binary);
  }

  void send_fragments(bool is_text, const std::vector<std::string>& parts) override {
    for (std::size_t i = 0; i < parts.size(); i++) {
      const auto code = i > 0 ? opcode::continuation : is_text ? opcode::text : opcode::binary;
      const auto message = connection_->get_message(code, parts[i].size());
      message->set_payload(parts[i]);
      message->set_fin(i + 1 == parts.size());
      check(connection_->send(message));
    }
  }

  interop::Message receive() override {
    run_until([this] { return over_ || !messages_.empty(); });
    if (messages_.empty()) throw std::runtime_error("closed with " + std::to_string(closed().code));
    interop::Message message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

  void ping(const std::string& payload) override {
    connection_->ping(payload);
    run_until([this] { return over_ || !pongs_.empty(); });
    if (pongs_.empty() || pongs_.front() != payload) throw std::runtime_error("no pong, or another one");
  }

  void close(int code, const std::string& reason) override {
    connection_->close(static_cast<websocketpp::close::status::value>(code), reason);
  }

  interop::Close closed() override {
    run_until([this] { return over_; });
    return {connection_->get_remote_close_code(), connection_->get_remote_close_reason()};
  }

  bool is_compressed() const override {
    return connection_->get_response_header("Sec-WebSocket-Extensions").find("permessage-deflate") == 0;
  }

 private:
  using Endpoint = websocketpp::client<Config>;

  void run_until(const std::function<bool()>& done) {
    while (!done() && endpoint_.run_one() > 0) {
    }
    if (!done()) throw std::runtime_error("nothing is left that could happen");
  }

  Endpoint endpoint_;
  typename Endpoint::connection_ptr connection_;
  std::deque<interop::Message> messages_;
  std::deque<std::string> pongs_;
  bool open_ = false;
  bool over_ = false;
};

class WebsocketppClient : public interop::Client {
 public:
  std::string version() const override {
    return std::string("websocketpp ") + websocketpp::user_agent + ", Boost " BOOST_LIB_VERSION;
  }

  std::unique_ptr<interop::Connection> connect(const interop::Url& url, bool compressed) override {
    const std::string text = (url.is_secure ? "wss://" : "ws://") + url.host + ":" + url.port + url.path;
    if (url.is_secure && compressed) return std::make_unique<WebsocketppConnection<Compressed<Tls>>>(url, text);
    if (url.is_secure) return std::make_unique<WebsocketppConnection<Tls>>(url, text);
    if (compressed) return std::make_unique<WebsocketppConnection<Compressed<Plain>>>(url, text);
    return std::make_unique<WebsocketppConnection<Plain>>(url, text);
  }
};

}  // namespace

int main(int argc, char** argv) {
  WebsocketppClient client;
  return interop::run(client, argc, argv);
}
