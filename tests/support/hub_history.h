// hub_history.h: what was asked of a hub, when, and what it answered; and the plain model that judges it.
//
// One thread sees everything in order, so each call is a span of ticks: it was made at one and answered at another, and
// acted somewhere between. From these spans follow who surely was a member over a time and who possibly was at some
// moment of it; where calls do not overlap the two are the same, and every answer is predicted exactly. hub.h's
// guarantees are then statements about messages, members and ticks. The test's thread.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <brume/engine/error.h>

namespace brume::test {

using Tick = std::uint64_t;
inline constexpr Tick kNever = std::numeric_limits<Tick>::max();

enum class Verb : std::uint8_t {
  register_as,
  end,
  join,
  leave,
  join_id,
  leave_id,
  unregister,
  find,
  post,         // a broadcast; room empty: to all
  count,        // a counted one
  members,      // room_connection_count
  who,          // room_connections
  connections,  // connection_count
  rooms,
  close,
  flood,  // more questions in one turn than a mailbox holds
};

struct HubCommand {
  Verb verb{};
  int person = -1;  // who asks; -1: a thread that is no core's
  std::string room{};
  std::string id{};
  int except = -1;      // broadcasts: who does not get it
  bool reused = false;  // awaited through a variable, in place, or by a callback
  int way = 0;

  Tick from = 0;     // made; 0: never
  Tick to = kNever;  // answered
  const void* core = nullptr;
  bool answered = false;
  std::optional<Error> error{};
  std::uint64_t number = 0;
  std::vector<std::string> names{};

  bool succeeded() const { return answered && !error; }
  bool is_broadcast() const { return verb == Verb::post || verb == Verb::count; }
};

struct HubPerson {
  Tick closing = kNever;             // from here on its connection may refuse messages
  Tick gone = kNever;                // ended: its close callback
  Tick gone_for_good = kNever;       // the turn in which it ended was over
  bool unreliable = false;           // may lose what was in its outbox
  std::vector<std::size_t> heard{};  // broadcasts by their command's number, in order
};

// A call that put someone in or took them out: at some moment from `from` to `to`; `sure`: it did.
struct Change {
  Tick from;
  Tick to;
  bool sure;
};

// Whether one person is in something (a room, an id), by the calls that changed it.
struct Story {
  std::vector<Change> ins{};
  std::vector<Change> outs{};

  // At some moment of the time.
  bool possibly(Tick from, Tick to) const;
  // At every moment of it.
  bool surely(Tick from, Tick to) const;
};

class HubHistory {
 public:
  struct Rules {
    bool replaces = true;
    bool nothing_is_lost = true;   // outboxes are large enough
    bool counts_are_heard = true;  // what an outbox took is received
    bool calm = false;             // one call at a time: everything is exact
    std::uint32_t max_rooms = 1000;
    std::uint32_t max_members = 0;
  };

  Tick tick() { return ++now_; }
  Tick now() const { return now_; }
  // Nothing is under way: whatever was asked has acted.
  void quiet() { quiet(tick()); }
  void quiet(Tick when) { quiets_.push_back(when); }  // in their order
  void stopped() { stop_ = tick(); }

  std::vector<HubCommand> commands{};
  std::vector<HubPerson> persons{};

  // What is wrong with it; empty where nothing is.
  std::vector<std::string> judge(const Rules& rules);
  std::string describe(std::size_t command) const;
  // Of the last judge(): answers it could predict, and all it looked at.
  std::uint64_t exact() const { return exact_; }
  std::uint64_t judged() const { return judged_; }
  std::uint64_t missed() const { return missed_; }  // by members

 private:
  Tick next_quiet(Tick tick) const;
  Tick last_quiet(Tick tick) const;
  Tick end_of(const HubCommand& command) const;
  void tell_closings();
  void tell_ids();
  void tell_rooms();
  void add_out_of_holder(const HubCommand& command, bool sure);
  const Story& story(int person, const std::string& room) { return rooms_[{person, room}]; }
  bool holds_surely(const std::string& id, Tick from, Tick to) const;
  bool holds_possibly(const std::string& id, Tick from, Tick to) const;
  std::set<std::string> ids_of(int person) const;
  std::size_t other_joins(std::size_t command, Tick from, const std::string& room) const;

  void judge_receipts();
  void judge_order();
  void judge_questions();
  void judge_answers();
  void complain(std::size_t command, const std::string& text);

  Rules rules_{};
  Tick now_ = 0;
  Tick stop_ = kNever;
  std::vector<Tick> quiets_{};
  std::map<std::pair<int, std::string>, Story> ids_{};    // by person and id
  std::map<std::pair<int, std::string>, Story> rooms_{};  // by person and room; empty: registered at all
  std::set<std::string> names_{};                         // of rooms
  std::vector<std::string> complaints_{};
  std::uint64_t exact_ = 0;
  std::uint64_t judged_ = 0;
  std::uint64_t missed_ = 0;
};

}  // namespace brume::test
