#include <utility>

#include <brume/engine/sim/simulated_client.h>
#include <brume/engine/sim/websocket_peer.h>

namespace brume {

void SimulatedSocket::send(std::string_view bytes, io::Time gap) {
  peer_->send(bytes, gap);
}

void SimulatedSocket::send_split(std::string_view bytes, const std::vector<std::size_t>& offsets, io::Time gap) {
  std::size_t from = 0;
  for (const std::size_t offset : offsets) {
    peer_->send(bytes.substr(from, offset - from), gap);
    from = offset;
  }
  peer_->send(bytes.substr(from), gap);
}

void SimulatedSocket::shutdown() {
  peer_->shutdown();
}
void SimulatedSocket::close() {
  peer_->close();
}
void SimulatedSocket::abort() {
  peer_->abort();
}
void SimulatedSocket::vanish() {
  peer_->vanish();
}
void SimulatedSocket::pause_reading() {
  peer_->pause_reading();
}
void SimulatedSocket::resume_reading() {
  peer_->resume_reading();
}

io::Address SimulatedSocket::address() const {
  return peer_->address();
}
const std::string& SimulatedSocket::received() const {
  return peer_->received();
}
std::string SimulatedSocket::take_received() {
  return peer_->take_received();
}
bool SimulatedSocket::is_connected() const {
  return peer_->is_connected();
}
int SimulatedSocket::connect_error() const {
  return peer_->connect_error();
}
bool SimulatedSocket::received_fin() const {
  return peer_->received_fin();
}
bool SimulatedSocket::received_rst() const {
  return peer_->received_rst();
}
std::size_t SimulatedSocket::unsent_size() const {
  return peer_->unsent_size();
}

void SimulatedClient::send_text(std::string_view text) {
  peer_->send_message(codec::Opcode::text, text);
}
void SimulatedClient::send_binary(std::string_view data) {
  peer_->send_message(codec::Opcode::binary, data);
}
void SimulatedClient::send_ping(std::string_view payload) {
  peer_->send_frame(codec::Opcode::ping, payload, true);
}
void SimulatedClient::send_pong(std::string_view payload) {
  peer_->send_frame(codec::Opcode::pong, payload, true);
}
void SimulatedClient::send_frame(codec::Opcode opcode, std::string_view payload, bool fin) {
  peer_->send_frame(opcode, payload, fin);
}
void SimulatedClient::send_bytes(std::string_view bytes) {
  peer_->send_bytes(bytes);
}
void SimulatedClient::close(std::uint16_t code, std::string_view reason) {
  peer_->send_close(code, reason);
}
void SimulatedClient::shutdown() {
  peer_->shutdown();
}
void SimulatedClient::abort() {
  peer_->abort();
}
void SimulatedClient::vanish() {
  peer_->vanish();
}
void SimulatedClient::pause_reading() {
  peer_->pause_reading();
}
void SimulatedClient::resume_reading() {
  peer_->resume_reading();
}

io::Address SimulatedClient::address() const {
  return peer_->address();
}
int SimulatedClient::status() const {
  return peer_->seen().status;
}
const std::string& SimulatedClient::response_head() const {
  return peer_->seen().response_head;
}
const std::string& SimulatedClient::response_body() const {
  return peer_->seen().response_body;
}
std::string_view SimulatedClient::response_field(std::string_view name) const {
  return peer_->response_field(name);
}
bool SimulatedClient::upgraded() const {
  return peer_->seen().upgraded;
}
std::optional<codec::DeflateSettings> SimulatedClient::compression() const {
  return peer_->seen().compression;
}
bool SimulatedClient::is_open() const {
  return peer_->is_open();
}

std::optional<TlsInfo> SimulatedClient::tls_info() const {
  return peer_->tls_info();
}
std::string_view SimulatedClient::tls_failure() const {
  return peer_->tls_failure();
}
const std::vector<ReceivedMessage>& SimulatedClient::messages() const {
  return peer_->seen().messages;
}
std::vector<ReceivedMessage> SimulatedClient::take_messages() {
  peer_->seen().last_text = SIZE_MAX;
  return std::exchange(peer_->seen().messages, {});
}
std::string_view SimulatedClient::last_text() const {
  const auto& seen = peer_->seen();
  return seen.last_text < seen.messages.size() ? std::string_view(seen.messages[seen.last_text].data) : "";
}
const std::vector<std::string>& SimulatedClient::pings() const {
  return peer_->seen().pings;
}
const std::vector<std::string>& SimulatedClient::pongs() const {
  return peer_->seen().pongs;
}

std::uint16_t SimulatedClient::close_code() const {
  return peer_->seen().close_code;
}
std::string_view SimulatedClient::close_reason() const {
  return peer_->seen().close_reason;
}
std::optional<codec::Violation> SimulatedClient::violation() const {
  return peer_->seen().violation;
}
int SimulatedClient::connect_error() const {
  return peer_->connect_error();
}
bool SimulatedClient::received_fin() const {
  return peer_->received_fin();
}
bool SimulatedClient::received_rst() const {
  return peer_->received_rst();
}
bool SimulatedClient::is_over() const {
  return peer_->is_over();
}
std::size_t SimulatedClient::unsent_size() const {
  return peer_->unsent_size();
}

}  // namespace brume
