// Peer: Boost.Beast (Debian libboost-dev). Built as C++17: the coroutine headers of Boost 1.74 do not compile later.
// usage: beast_echo PORT
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using Tcp = net::ip::tcp;

constexpr std::size_t kMaxMessage = 64 << 20;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Tcp::socket socket) : stream_(std::move(socket)) {}

  void start() {
    stream_.read_message_max(kMaxMessage);
    stream_.auto_fragment(false);
    stream_.async_accept([self = shared_from_this()](beast::error_code error) {
      if (!error) self->read();
    });
  }

 private:
  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->write();
    });
  }

  void write() {
    stream_.text(stream_.got_text());
    stream_.async_write(buffer_.data(), [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error) return;
      self->buffer_.consume(self->buffer_.size());
      self->read();
    });
  }

  beast::websocket::stream<Tcp::socket> stream_;
  beast::flat_buffer buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  net::io_context context{1};
  const Tcp::endpoint endpoint(net::ip::make_address("127.0.0.1"), static_cast<unsigned short>(std::atoi(argv[1])));
  Tcp::acceptor acceptor{context, endpoint};
  std::printf("listening on 127.0.0.1:%u\n", unsigned{acceptor.local_endpoint().port()});
  std::fflush(stdout);
  std::function<void()> accept = [&] {
    acceptor.async_accept([&](beast::error_code error, Tcp::socket socket) {
      if (!error) {
        socket.set_option(Tcp::no_delay(true));
        std::make_shared<Session>(std::move(socket))->start();
      }
      accept();
    });
  };
  accept();
  context.run();
}
