// Connects of SimIo.
#include <algorithm>
#include <cerrno>

#include <brume/engine/sim/sim_io.h>

namespace brume::sim {
namespace {

using namespace std::chrono_literals;

constexpr io::Time kMaxRefusal = 2ms;  // until a refusal that is a fault is told
constexpr io::Time kGivenUp = 127s;    // Linux gives up an unanswered SYN after six retries

}  // namespace

void SimIo::connect(const io::Address& to, io::Token token, const io::ConnectOptions&) {
  acted_ = true;
  if (to.family == io::Address::Family::none || to.port == 0) violation("connect", "an address with a port");
  for (const Connect& c : connects_)
    if (c.used && c.token == token) violation("connect", "a connect with this token is under way");
  auto place = std::ranges::find(connects_, false, &Connect::used);
  if (place == connects_.end()) place = connects_.insert(place, Connect{});
  *place = Connect{.token = token, .peer = to, .used = true};
  ++operations_;
  if (!has_room()) return complete_connect(*place, ENFILE);
  const EndId end = network_.connect(*this, 0, home_.next_client_address(), to);
  place->socket = open(end);
  if (context_.strikes(FaultKind::connect_refused)) {
    network_.cut(end);
    complete_connect(*place, ECONNREFUSED, context_.duration(1us, kMaxRefusal));
  } else if (context_.strikes(FaultKind::connect_lost)) {
    network_.cut(end);
    complete_connect(*place, ETIMEDOUT, kGivenUp);
  }
}

void SimIo::cancel_connect(io::Token token) {
  acted_ = true;
  for (Connect& c : connects_) {
    if (!c.used || c.cancelled || c.token != token) continue;
    c.cancelled = true;
    return complete_connect(c, c.result);
  }
}

SimIo::Connect* SimIo::connect_of(io::SocketId socket) {
  const auto found = std::ranges::find_if(connects_, [&](const Connect& c) { return c.used && c.socket == socket; });
  return found == connects_.end() ? nullptr : &*found;
}

void SimIo::complete_connect(Connect& connect, int result, io::Time delay) {
  connect.result = result;
  complete(Op::connect, static_cast<std::uint32_t>(&connect - connects_.data()), delay);
}

void SimIo::on_connected(std::uint32_t key, int error) {
  Connect* const connect = connect_of(key);
  if (connect && connect->result == kUnknown) complete_connect(*connect, error);
}

std::size_t SimIo::deliver_connect(std::uint32_t index, io::Events& events) {
  const Connect c = connects_[index];
  // A cancelled one has two completions, of which the later finds nothing to tell, or another connect.
  if (!c.used || (c.result == kUnknown && !c.cancelled)) return 0;
  connects_[index].used = false;
  --operations_;
  int error = c.result;
  if (c.cancelled && (error == kUnknown || !context_.strikes(FaultKind::cancel_lost))) error = ECANCELED;
  io::SocketId socket = c.socket;
  if (error != 0 && socket != io::kNoSocket) {
    network_.close(sockets_[socket].end, true);
    sockets_[socket].end = kNoEnd;
    free_.push_back(socket);
    socket = io::kNoSocket;
  }
  if (socket != io::kNoSocket) sockets_[socket].fresh = false;  // not one to be handed over
  context_.note(Step::connected, core_ << 32 | socket, static_cast<std::uint64_t>(error));
  events.on_connected(c.token, socket, c.peer, error);
  return 1;
}

}  // namespace brume::sim
