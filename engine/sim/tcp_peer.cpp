#include <algorithm>
#include <utility>

#include <brume/engine/sim/tcp_peer.h>

namespace brume::sim {

TcpPeer::TcpPeer(SimContext& context, SimNetwork& network, const io::Address& from, const io::Address& to)
    : context_(context), network_(network), from_(from), end_(network.connect(*this, 0, from, to)) {}

void TcpPeer::send(std::string_view bytes, io::Time gap) {
  if (bytes.empty() || closed_ || reset_ || finish_ != Finish::no) return;
  outgoing_.push_back({std::string(bytes), gap});
  unsent_size_ += bytes.size();
  flush();
}

void TcpPeer::shutdown() {
  finish(Finish::shutdown);
}

void TcpPeer::close() {
  finish(Finish::close);
}

void TcpPeer::finish(Finish how) {
  finish_ = std::max(finish_, how);
  if (connected_)
    flush();
  else if (how == Finish::close)
    give_up(false);
}

void TcpPeer::abort() {
  give_up(true);
}

void TcpPeer::vanish() {
  if (!closed_) network_.cut(end_);
}

void TcpPeer::resume_reading() {
  paused_ = false;
  read();
}

void TcpPeer::give_up(bool abort) {
  if (closed_) return;
  closed_ = true;
  outgoing_.clear();
  unsent_size_ = 0;
  network_.close(end_, abort);
  set_over();
}

void TcpPeer::set_over() {
  if (over_) return;
  over_ = true;
  on_over();
}

void TcpPeer::on_connected(std::uint32_t, int error) {
  connect_error_ = error;
  if (error != 0) return give_up(true);
  connected_ = true;
  flush();
  read();
}

void TcpPeer::on_readable(std::uint32_t) {
  read();
}

void TcpPeer::flush() {
  if (!connected_ || closed_) return;
  while (!outgoing_.empty() && !network_.has_write_error(end_)) {
    Piece& piece = outgoing_.front();
    const iovec rest{piece.bytes.data() + sent_of_front_, piece.bytes.size() - sent_of_front_};
    const std::size_t sent = network_.write(end_, std::span(&rest, 1), rest.iov_len, piece.gap);
    unsent_size_ -= sent;
    sent_of_front_ += sent;
    if (sent < rest.iov_len) return;  // on_writable() goes on
    sent_of_front_ = 0;
    outgoing_.pop_front();
  }
  if (finish_ == Finish::close) return give_up(false);
  if (finish_ == Finish::no || finished_) return;
  finished_ = true;
  network_.shutdown_write(end_);
}

void TcpPeer::read() {
  if (reading_) return;  // what is told of bytes may call resume_reading(); the loop below goes on by itself
  reading_ = true;
  while (!paused_ && !closed_ && network_.is_readable(end_)) {
    const auto unread = network_.unread(end_);
    if (!unread.empty()) {
      arriving_.assign(reinterpret_cast<const char*>(unread.data()), unread.size());
      network_.consume(end_, unread.size());
      context_.note(Step::client_read, end_, hash_bytes(arriving_.data(), arriving_.size()));
      on_bytes(std::as_writable_bytes(std::span(arriving_)));
      continue;
    }
    if (network_.take_end(end_).value_or(0) != 0) {
      reset_ = true;
      give_up(true);
      break;
    }
    if (over_) break;
    fin_ = true;
    set_over();
  }
  reading_ = false;
}

void TcpPeer::on_bytes(std::span<std::byte> bytes) {
  received_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace brume::sim
