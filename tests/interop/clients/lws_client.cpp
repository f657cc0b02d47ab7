// libwebsockets (Debian's libwebsockets-dev) through the cases. usage: lws_client ADDRESS
#include <cstddef>
#include <cstring>
#include <deque>
#include <functional>
#include <libwebsockets.h>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <brume/tests/interop/clients/cases.h>

namespace {

const lws_extension kExtensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate,
     "permessage-deflate; client_no_context_takeover; client_max_window_bits"},
    {nullptr, nullptr, nullptr},
};

// A context for each connection, that is served as long as something is waited for.
class LwsConnection : public interop::Connection {
 public:
  LwsConnection(const interop::Url& url, bool compressed) : ca_(interop::ca_file()) {
    lws_context_creation_info info{};
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = kProtocols;
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.client_ssl_ca_filepath = ca_.c_str();
    info.extensions = compressed ? kExtensions : nullptr;
    context_.reset(lws_create_context(&info));
    if (!context_) throw std::runtime_error("no context");

    lws_client_connect_info connect{};
    connect.context = context_.get();
    connect.address = url.host.c_str();
    connect.port = std::stoi(url.port);
    const std::string host = url.host + ":" + url.port;
    connect.host = host.c_str();
    connect.path = url.path.c_str();
    connect.ssl_connection = url.is_secure ? LCCSCF_USE_SSL : 0;
    connect.alpn = "http/1.1";
    connect.local_protocol_name = kProtocols[0].name;
    connect.opaque_user_data = this;
    wsi_ = lws_client_connect_via_info(&connect);
    serve_until([this] { return open_ || over_; });
    if (!open_) throw std::runtime_error("not opened: " + error_);
  }

  void send(const interop::Message& message) override {
    put(message.data, message.is_text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
  }

  void send_fragments(bool is_text, const std::vector<std::string>& parts) override {
    for (std::size_t i = 0; i < parts.size(); i++)
      put(parts[i], lws_write_ws_flags(is_text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY, i == 0, i + 1 == parts.size()));
  }

  interop::Message receive() override {
    serve_until([this] { return over_ || !messages_.empty(); });
    if (messages_.empty()) throw std::runtime_error("closed with " + std::to_string(close_.code));
    interop::Message message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

  void ping(const std::string& payload) override {
    put(payload, LWS_WRITE_PING);
    serve_until([this] { return over_ || !pongs_.empty(); });
    if (pongs_.empty() || pongs_.front() != payload) throw std::runtime_error("no pong, or another one");
  }

  void close(int code, const std::string& reason) override {
    close_ = {code, reason};
    closing_ = true;
    if (wsi_ != nullptr) lws_callback_on_writable(wsi_);
  }

  interop::Close closed() override {
    serve_until([this] { return over_; });
    return close_;
  }

  bool is_compressed() const override { return extensions_.find("permessage-deflate") == 0; }

 private:
  struct Frame {
    std::vector<unsigned char> bytes;  // LWS_PRE of them for libwebsockets
    int flags = 0;
  };

  void put(const std::string& payload, int flags) {
    Frame frame;
    frame.bytes.resize(LWS_PRE);
    frame.bytes.insert(frame.bytes.end(), payload.begin(), payload.end());
    frame.flags = flags;
    frames_.push_back(std::move(frame));
    if (wsi_ != nullptr) lws_callback_on_writable(wsi_);
  }

  void serve_until(const std::function<bool()>& done) {
    while (!done())
      if (lws_service(context_.get(), 0) < 0) throw std::runtime_error("lws_service failed");
  }

  // What is not zero ends the connection.
  int on_writable() {
    if (frames_.empty()) {
      if (!closing_) return 0;
      std::vector<unsigned char> reason(close_.reason.begin(), close_.reason.end());
      lws_close_reason(wsi_, static_cast<lws_close_status>(close_.code), reason.data(), reason.size());
      return -1;
    }
    Frame frame = std::move(frames_.front());
    frames_.pop_front();
    const std::size_t size = frame.bytes.size() - LWS_PRE;
    const int written =
        lws_write(wsi_, frame.bytes.data() + LWS_PRE, size, static_cast<lws_write_protocol>(frame.flags));
    if (!frames_.empty() || closing_) lws_callback_on_writable(wsi_);
    return written < 0 ? -1 : 0;
  }

  void on_receive(const char* data, std::size_t size) {
    if (lws_is_first_fragment(wsi_)) incoming_ = {lws_frame_is_binary(wsi_) == 0, {}};
    incoming_.data.append(data, size);
    if (lws_is_final_fragment(wsi_)) messages_.push_back(std::move(incoming_));
  }

  void on_peer_close(const unsigned char* payload, std::size_t size) {
    close_ = {1005, {}};
    if (size < 2) return;
    close_ = {payload[0] << 8 | payload[1], {reinterpret_cast<const char*>(payload) + 2, size - 2}};
  }

  void on_response() {
    extensions_.resize(256);
    const int size = lws_hdr_copy(wsi_, &extensions_[0], static_cast<int>(extensions_.size()), WSI_TOKEN_EXTENSIONS);
    extensions_.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  }

  int on_event(lws* wsi, lws_callback_reasons reason, void* in, std::size_t size) {
    wsi_ = wsi;
    switch (reason) {
      case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        on_response();
        break;
      case LWS_CALLBACK_CLIENT_ESTABLISHED:
        open_ = true;
        break;
      case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        error_ = in == nullptr ? "no reason" : static_cast<const char*>(in);
        over_ = true;
        wsi_ = nullptr;
        break;
      case LWS_CALLBACK_CLIENT_RECEIVE:
        on_receive(static_cast<const char*>(in), size);
        break;
      case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        pongs_.emplace_back(static_cast<const char*>(in), size);
        break;
      case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writable();
      case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        on_peer_close(static_cast<const unsigned char*>(in), size);
        break;
      case LWS_CALLBACK_CLIENT_CLOSED:
        over_ = true;
        wsi_ = nullptr;
        break;
      default:
        break;
    }
    return 0;
  }

  // `user` is something else in some events (the SSL_CTX in one).
  static int callback(lws* wsi, lws_callback_reasons reason, void*, void* in, std::size_t size) {
    void* const connection = wsi == nullptr ? nullptr : lws_get_opaque_user_data(wsi);
    return connection == nullptr ? 0 : static_cast<LwsConnection*>(connection)->on_event(wsi, reason, in, size);
  }

  struct DestroyContext {
    void operator()(lws_context* context) const { lws_context_destroy(context); }
  };

  static const lws_protocols kProtocols[2];

  std::string ca_;
  lws* wsi_ = nullptr;
  std::deque<Frame> frames_;
  std::deque<interop::Message> messages_;
  std::deque<std::string> pongs_;
  interop::Message incoming_;
  interop::Close close_;
  std::string extensions_;
  std::string error_;
  bool open_ = false;
  bool closing_ = false;
  bool over_ = false;
  std::unique_ptr<lws_context, DestroyContext> context_;  // last: its end calls back
};

const lws_protocols LwsConnection::kProtocols[2] = {{"cases", callback, 0, 65536, 0, nullptr, 0},
                                                    {nullptr, nullptr, 0, 0, 0, nullptr, 0}};

class LwsClient : public interop::Client {
 public:
  LwsClient() { lws_set_log_level(LLL_ERR, nullptr); }
  std::string version() const override { return std::string("libwebsockets ") + lws_get_library_version(); }

  std::map<std::string, std::string> notes() const override {
    const char* const note =
        "libwebsockets tells nothing of the answer to its own Close, only that the connection is over: "
        "LWS_CALLBACK_WS_PEER_INITIATED_CLOSE is for an unsolicited one (libwebsockets/lws-callbacks.h).";
    const char* const compressed =
        "Only messages that come back compressed: where permessage-deflate was agreed on, its client never ends with a "
        "message that comes as it is (github.com/warmcat/libwebsockets, issue 2794).";
    return {{"close 1000", note}, {"close 3000", note}, {"compressed", compressed}};
  }
  bool takes_uncompressed() const override { return false; }

  std::unique_ptr<interop::Connection> connect(const interop::Url& url, bool compressed) override {
    return std::make_unique<LwsConnection>(url, compressed);
  }
};

}  // namespace

int main(int argc, char** argv) {
  LwsClient client;
  return interop::run(client, argc, argv);
}
