// Peer: Boost.Beast (Debian libboost-dev). Built as C++17: the coroutine headers of Boost 1.74 do not compile later.
// usage: beast_echo PORT [plain|deflate] [CERTIFICATE KEY]
// deflate: at Beast's usual level, nothing kept from one message to the next.
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using Tcp = net::ip::tcp;

using PlainStream = Tcp::socket;
using TlsStream = beast::ssl_stream<Tcp::socket>;

constexpr std::size_t kMaxMessage = 64 << 20;

template <typename Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <typename... Arguments>
  explicit Session(bool deflate, Tcp::socket socket, Arguments&... arguments)
      : stream_(std::move(socket), arguments...), deflate_(deflate) {}

  void start() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_.next_layer().async_handshake(net::ssl::stream_base::server,
                                           [self = this->shared_from_this()](beast::error_code error) {
                                             if (!error) self->accept();
                                           });
    } else {
      accept();
    }
  }

 private:
  void accept() {
    stream_.read_message_max(kMaxMessage);
    stream_.auto_fragment(false);
    beast::websocket::permessage_deflate options;
    options.server_enable = deflate_;
    options.server_no_context_takeover = options.client_no_context_takeover = true;
    stream_.set_option(options);
    stream_.async_accept([self = this->shared_from_this()](beast::error_code error) {
      if (!error) self->read();
    });
  }

  void read() {
    stream_.async_read(buffer_, [self = this->shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->write();
    });
  }

  void write() {
    stream_.text(stream_.got_text());
    stream_.async_write(buffer_.data(), [self = this->shared_from_this()](beast::error_code error, std::size_t) {
      if (error) return;
      self->buffer_.consume(self->buffer_.size());
      self->read();
    });
  }

  beast::websocket::stream<Stream> stream_;
  bool deflate_;
  beast::flat_buffer buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const bool deflate = argc > 2 && std::string(argv[2]) == "deflate";
  const bool secure = argc > 4;
  net::ssl::context tls(net::ssl::context::tls_server);
  if (secure) {
    tls.use_certificate_chain_file(argv[3]);
    tls.use_private_key_file(argv[4], net::ssl::context::pem);
    SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  }
  net::io_context context{1};
  const Tcp::endpoint endpoint(net::ip::make_address("127.0.0.1"), static_cast<unsigned short>(std::atoi(argv[1])));
  Tcp::acceptor acceptor{context, endpoint};
  std::printf("listening on 127.0.0.1:%u\n", unsigned{acceptor.local_endpoint().port()});
  std::fflush(stdout);
  std::function<void()> accept = [&] {
    acceptor.async_accept([&](beast::error_code error, Tcp::socket socket) {
      if (!error) {
        socket.set_option(Tcp::no_delay(true));
        if (secure) {
          std::make_shared<Session<TlsStream>>(deflate, std::move(socket), tls)->start();
        } else {
          std::make_shared<Session<PlainStream>>(deflate, std::move(socket))->start();
        }
      }
      accept();
    });
  };
  accept();
  context.run();
}
