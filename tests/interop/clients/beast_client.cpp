// Boost.Beast (Debian's libboost-dev) through the cases, its blocking calls. usage: beast_client ADDRESS
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/version.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <brume/tests/interop/clients/cases.h>

namespace {

namespace beast = boost::beast;
namespace net = boost::asio;
namespace websocket = beast::websocket;
using Tcp = net::ip::tcp;
using TlsStream = beast::ssl_stream<Tcp::socket>;

void check(const beast::error_code& error) {
  if (error) throw std::runtime_error(error.message());
}

// A server may end TCP without waiting for the client's close_notify once both Close frames are exchanged.
bool is_end(const beast::error_code& error) {
  return error == net::error::eof || error == net::ssl::error::stream_truncated;
}

template <class Stream>
class BeastConnection : public interop::Connection {
 public:
  BeastConnection(std::unique_ptr<net::io_context> context, Stream stream)
      : context_(std::move(context)), stream_(std::move(stream)) {}

  void handshake(const interop::Url& url, bool compressed) {
    websocket::permessage_deflate deflate;
    deflate.client_enable = compressed;
    stream_.set_option(deflate);
    stream_.auto_fragment(false);
    stream_.control_callback([this](websocket::frame_type type, beast::string_view payload) {
      if (type == websocket::frame_type::pong) pong_ = std::string(payload);
    });
    websocket::response_type response;
    stream_.handshake(response, url.host + ":" + url.port, url.path);
    compressed_ = response["Sec-WebSocket-Extensions"].starts_with("permessage-deflate");
  }

  void send(const interop::Message& message) override {
    stream_.text(message.is_text);
    beast::error_code error;
    stream_.write(net::buffer(message.data), error);
  }

  void send_fragments(bool is_text, const std::vector<std::string>& parts) override {
    stream_.text(is_text);
    for (std::size_t i = 0; i < parts.size(); i++) stream_.write_some(i + 1 == parts.size(), net::buffer(parts[i]));
  }

  interop::Message receive() override {
    beast::flat_buffer buffer;
    stream_.read(buffer);
    return {stream_.got_text(), beast::buffers_to_string(buffer.data())};
  }

  // Frames are answered in order: the pong comes before the message that is sent behind the ping.
  void ping(const std::string& payload) override {
    stream_.ping(websocket::ping_data(payload));
    send({true, "behind the ping"});
    receive();
    if (pong_ != payload) throw std::runtime_error("pong with '" + pong_ + "'");
  }

  void close(int code, const std::string& reason) override {
    beast::error_code error;
    stream_.close(websocket::close_reason(static_cast<websocket::close_code>(code), reason), error);
    if (!is_end(error)) check(error);
    closed_ = true;
  }

  interop::Close closed() override {
    beast::flat_buffer buffer;
    beast::error_code error;
    while (!closed_ && !error) stream_.read(buffer, error);
    if (!closed_ && error != websocket::error::closed) check(error);
    return {stream_.reason().code, std::string(stream_.reason().reason.c_str())};
  }

  bool is_compressed() const override { return compressed_; }

 private:
  std::unique_ptr<net::io_context> context_;  // before what uses it
  websocket::stream<Stream> stream_;
  std::string pong_;
  bool compressed_ = false;
  bool closed_ = false;
};

template <class Stream>
std::unique_ptr<interop::Connection> upgraded(std::unique_ptr<net::io_context> context, Stream stream,
                                              const interop::Url& url, bool compressed) {
  auto connection = std::make_unique<BeastConnection<Stream>>(std::move(context), std::move(stream));
  connection->handshake(url, compressed);
  return connection;
}

class BeastClient : public interop::Client {
 public:
  BeastClient() { tls_.load_verify_file(interop::ca_file()); }

  std::string version() const override {
    return "Boost.Beast " + std::to_string(BOOST_BEAST_VERSION) + ", Boost " BOOST_LIB_VERSION;
  }

  std::unique_ptr<interop::Connection> connect(const interop::Url& url, bool compressed) override {
    auto context = std::make_unique<net::io_context>();
    Tcp::socket socket(*context);
    net::connect(socket, Tcp::resolver(*context).resolve(url.host, url.port));
    socket.set_option(Tcp::no_delay(true));
    if (!url.is_secure) return upgraded(std::move(context), std::move(socket), url, compressed);
    TlsStream stream(std::move(socket), tls_);
    stream.set_verify_mode(net::ssl::verify_peer);
    stream.set_verify_callback(net::ssl::host_name_verification(url.host));
    if (SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str()) != 1) throw std::runtime_error("SNI");
    stream.handshake(net::ssl::stream_base::client);
    return upgraded(std::move(context), std::move(stream), url, compressed);
  }

 private:
  net::ssl::context tls_{net::ssl::context::tls_client};
};

}  // namespace

int main(int argc, char** argv) {
  BeastClient client;
  return interop::run(client, argc, argv);
}
