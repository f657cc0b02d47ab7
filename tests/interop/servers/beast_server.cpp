// Boost.Beast as a server (README.md says what such a program does): a thread a connection. usage: beast_server
// Built as C++17: some headers of Boost 1.74 do not compile later.
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using Tcp = net::ip::tcp;
using TlsStream = beast::ssl_stream<Tcp::socket>;

constexpr std::size_t kMaxMessage = 16 << 20;
constexpr std::size_t kFragmentSize = 7;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

template <class Stream>
void echo_in_fragments(websocket::stream<Stream>& stream, const beast::flat_buffer& message) {
  const auto* bytes = static_cast<const char*>(message.data().data());
  const std::size_t first = std::min(kFragmentSize, message.size());
  stream.write_some(false, net::buffer(bytes, first));
  stream.write_some(false, net::buffer(bytes, 0));
  stream.write_some(true, net::buffer(bytes + first, message.size() - first));
}

template <class Stream>
void close_as_told(websocket::stream<Stream>& stream, const std::string& text) {
  const std::size_t blank = text.find(' ');
  websocket::close_reason reason(static_cast<websocket::close_code>(std::stoi(text)));
  if (blank != std::string::npos) reason.reason = text.substr(blank + 1);
  stream.close(reason);  // the whole closing handshake
}

template <class Stream>
void serve(websocket::stream<Stream>& stream) {
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  http::read(stream.next_layer(), buffer, request);
  websocket::permessage_deflate deflate;
  deflate.server_enable = true;
  stream.set_option(deflate);
  stream.read_message_max(kMaxMessage);
  stream.auto_fragment(false);
  stream.accept(request);
  const std::string path(request.target());
  for (;;) {
    buffer.clear();
    beast::error_code error;
    stream.read(buffer, error);
    if (error == websocket::error::closed) break;
    if (error) throw beast::system_error(error);
    stream.text(stream.got_text());
    if (path == "/close") {
      close_as_told(stream, beast::buffers_to_string(buffer.data()));
      break;
    }
    if (path == "/fragments")
      echo_in_fragments(stream, buffer);
    else
      stream.write(buffer.data());
  }
  say("closed " + std::to_string(stream.reason().code) + " " + std::string(stream.reason().reason.c_str()));
}

void serve_connection(Tcp::socket socket, net::ssl::context* tls) try {
  socket.set_option(Tcp::no_delay(true));
  if (tls == nullptr) {
    websocket::stream<Tcp::socket> stream(std::move(socket));
    return serve(stream);
  }
  websocket::stream<TlsStream> stream(std::move(socket), *tls);
  stream.next_layer().handshake(net::ssl::stream_base::server);
  serve(stream);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
}

}  // namespace

int main() {
  net::io_context context{1};
  net::ssl::context tls(net::ssl::context::tls_server);
  const char* certificate = std::getenv("INTEROP_CERTIFICATE");
  if (certificate != nullptr) {
    tls.use_certificate_chain_file(certificate);
    tls.use_private_key_file(std::getenv("INTEROP_KEY"), net::ssl::context::pem);
  }
  Tcp::acceptor acceptor{context, {net::ip::make_address("127.0.0.1"), 0}};
  say("server Boost.Beast, Boost " BOOST_LIB_VERSION);
  say("listening " + std::to_string(acceptor.local_endpoint().port()));
  for (;;) {
    std::thread(serve_connection, acceptor.accept(), certificate == nullptr ? nullptr : &tls).detach();
  }
}
