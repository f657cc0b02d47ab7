// session.h: one WebSocket connection: the codec on one side, the handler on the other (RFC 6455, sections 5 to 7).
//
// The implementation behind brume::Connection. It is a Protocol on a Transport; it lives in the core's frame pool, with
// the route's typed state behind it, until its transport is gone and its handler has ended (or was destroyed at the
// deadline). Its core's thread only. How a connection ends is decided once, in finish(): whatever comes later changes
// nothing.
#pragma once

#include <any>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <brume/codec/close_payload.h>
#include <brume/codec/decoder.h>
#include <brume/codec/encoder.h>
#include <brume/engine/connection.h>
#include <brume/engine/connection/agreed_deflate.h>
#include <brume/engine/connection/counters.h>
#include <brume/engine/connection/tape.h>
#include <brume/engine/connection/transport.h>
#include <brume/engine/connection/watcher.h>
#include <brume/engine/connection/websocket_route.h>
#include <brume/engine/core/inline_function.h>
#include <brume/engine/core/task.h>
#include <brume/engine/core/token_bucket.h>

namespace brume::codec {
class Deflater;
}

namespace brume::connection {

class BorrowedBlock;

class Session final : public Connection, public Protocol {
 public:
  // Opens a session on `transport`, puts `answer` (the 101) into its outbox, and calls the handler for the first time.
  // `request` lives until the call returns; `kept`, where the route keeps requests, as long as the session.
  // May throw std::bad_alloc (or what the typed state's constructor throws) before anything changed.
  static void open(Transport& transport, RouteRef route, const Request& request, std::shared_ptr<const Request> kept,
                   std::string_view subprotocol, std::string_view answer, AgreedDeflate deflate);

  // The same for a connection this side has made and that was upgraded: a client's, which masks what it sends and lets
  // its peer end the connection. There is no request(). The core's masks have a source.
  static void open_client(Transport& transport, RouteRef route, std::string_view subprotocol, AgreedDeflate deflate);

  // Protocol
  std::size_t on_input(std::span<std::byte> input) override;
  void on_output_progress() override;
  void on_end(End end) override;
  void on_exception(std::exception_ptr exception) noexcept override { handle_exception(exception); }
  Time on_deadline(Time time) override;
  void on_stop() override;
  void on_detached() override;
  Connection* connection() override { return this; }
  std::size_t read_buffer_size() const override { return config().read_buffer_size; }
  std::size_t held_bytes() const override { return counted_; }
  void check_invariants() const override;

  // Connection (session_face.cpp)
  std::expected<void, Error> send(MessageType type, Bytes data);
  std::expected<void, Error> send(MessageType type, Bytes data, const SendOptions& options);
  std::expected<void, Error> send(const PreparedMessage& message, const SendOptions& options);
  std::expected<void, Error> close(std::uint16_t code, std::string_view reason);
  std::expected<void, Error> ping(Bytes payload);
  bool is_connected() const { return state_ == State::open; }
  bool is_client() const { return client_; }
  std::stop_token stop_token();
  std::uint64_t id() const;
  const io::Address& remote_address() const;
  std::optional<TlsInfo> tls_info() const { return transport_ ? transport_->tls_info() : std::nullopt; }
  std::string_view subprotocol() const;
  std::optional<codec::DeflateSettings> compression() const { return deflate_.settings(client_); }
  const Request& request() const;
  std::size_t buffered_size() const { return transport_ ? transport_->outbox().size() : 0; }
  std::uint64_t dropped_count() const;
  ConnectionHandle handle();
  void pause_reading();
  void resume_reading();
  void spawn(Task<> task) { begin(std::move(task)); }
  void set_user_value(std::string key, std::any value);
  std::any* find_user_value(std::string_view key);
  KeptMessage keep(const Message& message);
  void* user_state() { return has_user_state_ ? reinterpret_cast<std::byte*>(this) + user_state_offset() : nullptr; }
  // Runs a function posted from elsewhere as a handler of this connection: what it throws ends the connection.
  void run_posted(core::InlineFunction<void(Connection&)>& function);
  // A send asked for by a handle: one that the outbox does not take is counted, as nobody is there to hear of it.
  void send_posted(MessageType type, Bytes data);
  void send_posted(const PreparedMessage& message);

  // Broadcasts (session_tape.cpp)
  // Lays the messages of `tape` from `first` on into the outbox, as its limits and each message's policy allow; none
  // where `first` is the tape's end. Calls no application; settle_outcome() does, later in the same turn.
  TapeOutcome take_from(Tape& tape, std::uint32_t first) noexcept;
  void settle_outcome(TapeOutcome outcome);

  // While it is held no further message is delivered: what it feeds is too full. As pause_reading(), and apart from it.
  void hold_input(bool held);

  // `watcher` hears of the end. Requires: not ended. May throw std::bad_alloc. unwatch(): does nothing where it is not
  // watching any more.
  bool ended() const { return state_ == State::ended; }
  CoreContext& context() { return context_; }
  // Where its core keeps its link; nullopt once that is gone.
  std::optional<io::Token> link() const { return transport_ ? std::optional(transport_->token()) : std::nullopt; }
  void watch(Watcher& watcher);
  void unwatch(Watcher& watcher);

  // Awaiters
  bool wait_for_message(std::coroutine_handle<> waiter);
  void forget_waiter() { waiter_ = nullptr; }
  std::expected<Message, CloseInfo> take_message();
  bool has_room() const { return state_ != State::open || !outbox_above_half(); }
  void add_drain_waiter(DrainedAwaiter& awaiter);
  void remove_drain_waiter(DrainedAwaiter& awaiter);

 private:
  // Control frames that may wait in the outbox before pings wait too, of which only the latest is then answered
  // (section 5.5.3).
  static constexpr std::uint32_t kMaxQueuedControls = 32;

  enum class State : std::uint8_t {
    open,
    closing,  // our Close is queued, the peer's has not come
    ended,    // finish() was called; the transport is on its way down
  };
  // What most connections never use, made when first needed.
  struct Cold;
  struct ColdDeleter {
    void operator()(Cold* cold) const;
  };

  Session(Transport& transport, RouteRef route);
  ~Session();
  static Session* make(Transport& transport, RouteRef route, std::string_view subprotocol);
  static void destroy(Session* session);
  // The transport is its own from here on; the handler is called for the first time.
  void take_over(Transport& transport, const Request* request);

  // TaskScope: the handler and what it spawned
  core::Reactor& reactor() override;
  void on_woken() override { serve(); }
  void on_task_begun(void* task) override;
  void on_task_done(void* task, std::exception_ptr exception) noexcept override;

  const RouteConfig& config() const { return route_->config; }
  // Comes before every call of the application: the time that follows is the route's.
  void serve();
  // Where the route's typed state lies behind this object.
  static constexpr std::size_t user_state_offset() {
    constexpr std::size_t kAlignment = alignof(std::max_align_t);
    return (sizeof(Session) + kAlignment - 1) / kAlignment * kAlignment;
  }
  Cold& cold();
  Time now() const;
  void start_handler(const Request* request);
  void handle_exception(const std::exception_ptr& exception) noexcept;
  // Calls the application; what it throws ends the connection with 1011.
  template <class F>
  void guarded(F&& f) noexcept;

  // The checks of a message that is to be sent, but for its text's.
  std::optional<Error> judge(MessageType type, std::size_t size) const;
  // Takes a frame of `size` bytes, which `write` fills, into the outbox. Requires: it fits.
  template <class Write>
  std::expected<void, Error> put(std::size_t size, Write&& write);
  // As a broadcast to this connection alone.
  std::expected<void, Error> put_by_policy(std::size_t size, const SendOptions& options,
                                           const std::function<void(std::span<std::byte>)>& write);
  void count_refused(const std::expected<void, Error>& sent);

  bool fits(std::size_t messages, std::size_t bytes) const;
  TapeOutcome take_all(Tape& tape, std::uint32_t first);
  TapeOutcome take_each(Tape& tape, std::uint32_t first, bool writable);
  bool make_room(const TapeMessage& message, std::size_t size, bool writable, std::uint64_t& lost);
  void note_taken(std::uint32_t count);
  void tell_dropped();
  void tell_watchers();

  // Compressed messages (session_deflate.cpp). The first four may throw std::bad_alloc.
  void take_compressed(const codec::Event& event);
  // Compresses `data` into the outbox; false where it is to go as it is. Requires: this side may compress.
  bool append_compressed(codec::Opcode opcode, std::span<const std::byte> data);
  // A message a client sends with a policy: masked, and so compressed before it is laid on a tape.
  std::expected<void, Error> put_masked_by_policy(codec::Opcode opcode, std::span<const std::byte> data,
                                                  const SendOptions& options);
  // `data` compressed, in `room`; nullopt where it is to go as it is. With a context it has to be sent, then.
  std::optional<std::span<const std::byte>> compress(std::span<const std::byte> data,
                                                     std::optional<BorrowedBlock>& room);
  void write_compressed(std::span<std::byte> out, codec::Opcode opcode, std::span<const std::byte> payload);
  codec::Deflater* own_deflater();
  std::size_t context_bytes() const;
  void drop_contexts();
  Tape& compressed_tape(Tape& tape);
  bool append_own(const Tape& tape, const Tape::Entry& entry);

  bool may_take_input() const;
  template <codec::Receiver kReceiver>
  void decode(std::span<std::byte>& input);
  bool outbox_above_half() const;
  // Sets or ends the time a message that is not whole has.
  void watch_message();
  // Tells the core's ledger what the decoder holds, and the contexts of a peer that has some.
  void account();
  void take(const codec::Event& event);
  // Whether these bytes are a text that was received and may still be looked at, and so are known to be UTF-8.
  bool known_text(Bytes data) const;
  void hold(MessageType type, std::span<const std::byte> payload);
  bool pass_rates(const codec::Event& event);
  void on_ping(std::span<const std::byte> payload);
  void on_close_frame(std::span<const std::byte> payload);
  // Bytes of a frame that this side sends, and the frame.
  std::size_t frame_size(std::size_t payload_size) const {
    return client_ ? codec::client_frame_size(payload_size) : codec::server_frame_size(payload_size);
  }
  void write_frame(std::span<std::byte> out, codec::Opcode opcode, std::span<const std::byte> payload);
  void append_control(codec::Opcode opcode, std::span<const std::byte> payload);
  void append_close(std::uint16_t code, std::string_view reason);
  // A broken rule or a passed limit: drops what has not begun, sends Close with the code, ends.
  void fail(codec::Violation violation);
  void refuse(Refusal refusal, std::uint16_t code, std::string_view reason, CloseCause cause);
  void fail_with(std::uint16_t code, std::string_view reason, CloseCause cause);
  void begin_close(std::uint16_t code, std::string_view reason, CloseCause cause);
  void finish(std::uint16_t code, std::string_view reason, CloseCause cause, bool clean);
  void cut(Refusal refusal, std::uint16_t code, std::string_view detail);
  CloseInfo close_info() const;
  std::uint64_t id_of(const Transport& transport) const;
  void resume_drained();
  void update_reading();
  void give_up() override;
  bool free_if_done();
  void log(LogLevel level, std::string_view rule, std::string_view detail);

  // Small ones first: they fill up what the base class leaves of its last word.
  State state_ = State::open;
  std::uint16_t close_code_ = codec::close_code::abnormal;  // ours while closing, the connection's once ended
  AgreedDeflate deflate_;
  CloseCause close_cause_ : 4 = CloseCause::transport;
  bool close_clean_ : 1 = false;
  bool handler_begun_ : 1 = false;
  bool held_ready_ : 1 = false;  // the held message waits for receive() to return
  bool paused_by_user_ : 1 = false;
  bool blocked_on_output_ : 1 = false;  // the outbox is above half: input waits
  bool was_above_half_ : 1 = false;
  bool pinged_ : 1 = false;          // since the last byte came
  bool has_user_state_ : 1 = false;  // websocket<State>
  bool input_held_ : 1 = false;      // what its messages feed is full
  bool client_ : 1 = false;          // this side made the connection: it masks
  bool message_ready_ = false;       // the message in hand waits for the resumed receive()
  CoreContext& context_;
  Transport* transport_;  // null once it is gone
  RouteRef route_;
  codec::Decoder decoder_;
  std::unique_ptr<Cold, ColdDeleter> cold_;
  void* handler_ = nullptr;           // the handler's frame while it has not ended
  std::coroutine_handle<> waiter_{};  // in receive()
  std::size_t counted_ = 0;           // bytes that the ledger knows of
  core::TokenBucket control_bucket_;
  Time last_received_;
  Time deadline_ = Time::max();  // of the message being received while open, of the closing handshake from then on
};

template <class F>
void Session::guarded(F&& f) noexcept {
  try {
    f();
  } catch (...) {
    handle_exception(std::current_exception());
  }
}

}  // namespace brume::connection
