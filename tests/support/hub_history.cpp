#include <algorithm>

#include <brume/tests/support/hub_history.h>

namespace brume::test {

bool Story::possibly(Tick from, Tick to) const {
  return std::ranges::any_of(ins, [&](const Change& in) {
    return in.from <= to && std::ranges::none_of(outs, [&](const Change& out) {
             return out.sure && out.from >= in.to && out.to <= from;
           });
  });
}

bool Story::surely(Tick from, Tick to) const {
  return std::ranges::any_of(ins, [&](const Change& in) {
    return in.sure && in.to <= from &&
           std::ranges::all_of(outs, [&](const Change& out) { return out.to < in.from || out.from > to; });
  });
}

Tick HubHistory::next_quiet(Tick tick) const {
  const auto next = std::ranges::lower_bound(quiets_, tick);
  return next == quiets_.end() ? now_ : *next;
}

Tick HubHistory::last_quiet(Tick tick) const {
  const auto next = std::ranges::lower_bound(quiets_, tick);
  return next == quiets_.begin() ? 0 : *(next - 1);
}

// By when a call has acted.
Tick HubHistory::end_of(const HubCommand& command) const {
  return command.answered ? command.to : next_quiet(command.from);
}

std::set<std::string> HubHistory::ids_of(int person) const {
  std::set<std::string> ids;
  for (const auto& [key, story] : ids_)
    if (key.first == person && !story.ins.empty()) ids.insert(key.second);
  return ids;
}

bool HubHistory::holds_surely(const std::string& id, Tick from, Tick to) const {
  return std::ranges::any_of(
      ids_, [&](const auto& entry) { return entry.first.second == id && entry.second.surely(from, to); });
}

bool HubHistory::holds_possibly(const std::string& id, Tick from, Tick to) const {
  return std::ranges::any_of(
      ids_, [&](const auto& entry) { return entry.first.second == id && entry.second.possibly(from, to); });
}

// ---- what follows from the calls

// A call ended the registration of whoever held its id.
void HubHistory::add_out_of_holder(const HubCommand& command, bool sure) {
  const Change change{command.from, end_of(command), sure};
  for (auto& [key, story] : ids_) {
    if (key.second != command.id || key.first == command.person || story.ins.empty()) continue;
    story.outs.push_back(change);
    // It was the person's last registration: then it is in no rooms either.
    const HubCommand* last = nullptr;
    for (const HubCommand& other : commands)
      if (other.verb == Verb::register_as && other.person == key.first && other.from != 0 && other.from <= change.to)
        if (!last || other.from > last->from) last = &other;
    const bool all = sure && last && last->succeeded() && last->id == command.id && last->to <= command.from;
    rooms_[{key.first, ""}].outs.push_back({change.from, change.to, all});
  }
}

// Whoever has, or is about to have, an id that a newer one takes is closed.
void HubHistory::tell_closings() {
  if (!rules_.replaces) return;
  for (const HubCommand& newer : commands) {
    if (newer.verb != Verb::register_as || newer.from == 0) continue;
    // A call whose own connection ended meanwhile goes on, and may have taken the id.
    if (newer.answered && newer.error && *newer.error != Error::connection_closed) continue;
    for (const HubCommand& older : commands) {
      if (older.verb != Verb::register_as || older.id != newer.id || older.person == newer.person) continue;
      if (older.from == 0 || older.from > end_of(newer)) continue;
      Tick& closing = persons[static_cast<std::size_t>(older.person)].closing;
      closing = std::min(closing, newer.from);
    }
  }
}

void HubHistory::tell_ids() {
  ids_.clear();
  rooms_.clear();
  for (const HubCommand& command : commands) {
    if (command.from == 0 || command.verb != Verb::register_as) continue;
    Story& id = ids_[{command.person, command.id}];
    Story& registered = rooms_[{command.person, ""}];
    if (command.error == Error::connection_closed) {
      // It may have held the id until its connection's end was noticed, and all is over at the next quiet moment.
      id.ins.push_back({command.from, command.from, false});
      id.outs.push_back({command.from, next_quiet(command.to), true});
    } else if (!command.error) {
      const Change in{command.from, end_of(command), command.succeeded()};
      id.ins.push_back(in);
      registered.ins.push_back(in);
    }
  }
  for (const HubCommand& command : commands) {
    if (command.from == 0) continue;
    if (command.verb == Verb::end) {
      // The registration that a call under way gives is not there to be ended yet.
      const bool registering = std::ranges::any_of(commands, [&](const HubCommand& other) {
        return other.verb == Verb::register_as && other.person == command.person && other.from != 0 &&
               other.from < command.from && end_of(other) > command.from;
      });
      const Change out{command.from, command.to, !registering};
      for (auto& [key, story] : ids_)
        if (key.first == command.person) story.outs.push_back(out);
      rooms_[{command.person, ""}].outs.push_back(out);
    }
    const bool failed = command.answered && command.error;
    if (command.verb == Verb::unregister && !failed) {
      HubCommand anybody = command;
      anybody.person = -1;
      add_out_of_holder(anybody, command.answered);
    }
    if (command.verb == Verb::register_as && rules_.replaces && !failed) add_out_of_holder(command, command.answered);
  }
  for (std::size_t i = 0; i < persons.size(); i++) {
    const HubPerson& person = persons[i];
    std::vector<Change> outs;
    if (person.closing != kNever) outs.push_back({person.closing, kNever, false});
    if (person.gone_for_good != kNever) outs.push_back({person.gone, person.gone_for_good, true});
    if (person.unreliable && person.gone != kNever) outs.push_back({0, kNever, false});
    if (stop_ != kNever) outs.push_back({stop_, kNever, false});
    for (auto& [key, story] : ids_)
      if (key.first == static_cast<int>(i)) story.outs.insert(story.outs.end(), outs.begin(), outs.end());
    Story& registered = rooms_[{static_cast<int>(i), ""}];
    registered.outs.insert(registered.outs.end(), outs.begin(), outs.end());
  }
}

void HubHistory::tell_rooms() {
  names_.clear();
  for (const HubCommand& command : commands)
    if (!command.room.empty()) names_.insert(command.room);
  for (std::size_t i = 0; i < persons.size(); i++)
    for (const std::string& room : names_)
      rooms_[{static_cast<int>(i), room}].outs = rooms_[{static_cast<int>(i), ""}].outs;
  for (const HubCommand& command : commands) {
    if (command.from == 0 || (command.answered && command.error)) continue;
    Change change{command.from, end_of(command), command.answered};
    if (command.verb == Verb::join) rooms_[{command.person, command.room}].ins.push_back(change);
    if (command.verb == Verb::leave) rooms_[{command.person, command.room}].outs.push_back(change);
    if (command.verb != Verb::join_id && command.verb != Verb::leave_id) continue;
    std::vector<int> holders;
    for (auto& [key, story] : ids_)
      if (key.second == command.id && story.possibly(change.from, change.to)) holders.push_back(key.first);
    change.sure = change.sure && holders.size() == 1;
    for (const int holder : holders) {
      Story& story = rooms_[{holder, command.room}];
      (command.verb == Verb::join_id ? story.ins : story.outs).push_back(change);
    }
  }
}

// ---- what has to hold

void HubHistory::complain(std::size_t command, const std::string& text) {
  complaints_.push_back(describe(command) + ": " + text);
}

std::vector<std::string> HubHistory::judge(const Rules& rules) {
  rules_ = rules;
  complaints_.clear();
  exact_ = judged_ = missed_ = 0;
  tell_closings();
  tell_ids();
  tell_rooms();
  judge_receipts();
  judge_order();
  judge_questions();
  judge_answers();
  return complaints_;
}

// Guarantees 2, 3 and 4: who gets a broadcast, and how many it counts.
void HubHistory::judge_receipts() {
  std::vector<std::set<int>> receivers(commands.size());
  for (std::size_t p = 0; p < persons.size(); p++)
    for (const std::size_t message : persons[p].heard)
      if (!receivers[message].insert(static_cast<int>(p)).second)
        complain(message, "received twice by " + std::to_string(p));
  for (std::size_t i = 0; i < commands.size(); i++) {
    const HubCommand& message = commands[i];
    if (!message.is_broadcast() || message.from == 0) continue;
    const Tick until = message.verb == Verb::count && message.answered ? message.to : next_quiet(message.from);
    std::size_t sure = 0, possible = 0;
    bool lossy = false;
    for (int p = 0; p < static_cast<int>(persons.size()); p++) {
      const Story& member = story(p, message.room);
      const bool received = receivers[i].contains(p);
      const bool excepted = p == message.except;
      const bool surely = !excepted && !message.error && member.surely(message.from, until);
      // What was on its way when the hub went may have been delivered, and nobody counted it.
      const bool sent = !message.error || (message.verb == Verb::count && message.error == Error::stopping);
      const bool possibly = !excepted && sent && member.possibly(message.from, until);
      sure += surely;
      possible += possibly;
      lossy |= persons[static_cast<std::size_t>(p)].unreliable;
      judged_++;
      exact_ += surely == possibly;
      missed_ += surely && !received;
      if (received && !possibly) complain(i, "received by " + std::to_string(p) + ", who was no member");
      if (!received && surely && rules_.nothing_is_lost && !persons[static_cast<std::size_t>(p)].unreliable) {
        complain(i, "not received by " + std::to_string(p) + ", who was a member");
      }
    }
    if (message.verb != Verb::count || !message.succeeded()) continue;
    if (message.number < receivers[i].size() || message.number > possible)
      complain(i, "received by " + std::to_string(receivers[i].size()) + " of at most " + std::to_string(possible));
    if (rules_.counts_are_heard && !lossy && message.number != receivers[i].size())
      complain(i, "received by " + std::to_string(receivers[i].size()));
    if (rules_.nothing_is_lost && message.number < sure) complain(i, "but there were " + std::to_string(sure));
  }
}

// Guarantee 1: one order for all members and all publishers of a room.
void HubHistory::judge_order() {
  std::set<std::string> rooms = names_;
  rooms.insert("");
  for (const std::string& room : rooms) {
    std::map<std::size_t, std::set<std::size_t>> later;
    std::map<std::size_t, std::size_t> waiting;  // for so many
    const auto add = [&](std::size_t first, std::size_t second) {
      waiting.try_emplace(first, 0);
      waiting.try_emplace(second, 0);
      if (later[first].insert(second).second) waiting[second]++;
    };
    for (const HubPerson& person : persons) {
      std::optional<std::size_t> before;
      for (const std::size_t message : person.heard) {
        if (commands[message].room != room) continue;
        if (before) add(*before, message);
        before = message;
      }
    }
    std::map<const void*, std::vector<std::size_t>> published;
    for (std::size_t i = 0; i < commands.size(); i++)
      if (commands[i].is_broadcast() && commands[i].from != 0 && commands[i].room == room && !commands[i].error)
        published[commands[i].core].push_back(i);
    for (auto& [core, messages] : published) {
      std::ranges::sort(messages, {}, [&](std::size_t i) { return commands[i].from; });
      for (std::size_t i = 1; i < messages.size(); i++) add(messages[i - 1], messages[i]);
    }
    std::vector<std::size_t> ready;
    for (const auto& [message, count] : waiting)
      if (count == 0) ready.push_back(message);
    std::size_t ordered = 0;
    while (!ready.empty()) {
      const std::size_t message = ready.back();
      ready.pop_back();
      ordered++;
      for (const std::size_t next : later[message])
        if (--waiting[next] == 0) ready.push_back(next);
    }
    if (ordered == waiting.size()) continue;
    for (const auto& [message, count] : waiting)
      if (count != 0) complain(message, "out of the room's order");
  }
}

// Guarantees 5 and 6: counts and lists.
void HubHistory::judge_questions() {
  for (std::size_t i = 0; i < commands.size(); i++) {
    const HubCommand& asked = commands[i];
    if (asked.from == 0 || !asked.succeeded()) continue;
    if (asked.verb == Verb::rooms) {
      const std::set<std::string> named(asked.names.begin(), asked.names.end());
      if (named.size() != asked.names.size()) complain(i, "a room twice");
      for (const std::string& room : names_) {
        bool surely = false, possibly = false;
        for (int p = 0; p < static_cast<int>(persons.size()); p++) {
          surely |= story(p, room).surely(asked.from, asked.to);
          possibly |= story(p, room).possibly(last_quiet(asked.from), asked.to);
        }
        if (surely && !named.contains(room)) complain(i, room + " is missing");
        // A join on its way makes the room, whatever comes of it.
        for (const HubCommand& other : commands) {
          const bool joins = other.verb == Verb::join || other.verb == Verb::join_id;
          possibly |= joins && other.room == room && other.from != 0 && other.from <= asked.to &&
                      end_of(other) >= last_quiet(asked.from);
        }
        if (!possibly && named.contains(room)) complain(i, room + " is empty");
      }
    }
    if (asked.verb != Verb::members && asked.verb != Verb::who && asked.verb != Verb::connections) continue;
    std::size_t sure = 0, possible = 0;
    std::multiset<std::string> named(asked.names.begin(), asked.names.end());
    std::map<std::string, std::size_t> at_most;
    for (int p = 0; p < static_cast<int>(persons.size()); p++) {
      const Story& member = story(p, asked.room);
      const bool surely = member.surely(asked.from, asked.to);
      const bool possibly = member.possibly(asked.from, asked.to);
      sure += surely;
      possible += possibly;
      judged_++;
      exact_ += surely == possibly;
      const std::set<std::string> ids = ids_of(p);
      if (possibly)
        for (const std::string& id : ids) at_most[id]++;
      if (asked.verb == Verb::who && surely && ids.size() == 1 && !named.contains(*ids.begin()))
        complain(i, *ids.begin() + " is missing");
    }
    const std::size_t number = asked.verb == Verb::who ? named.size() : asked.number;
    if (number < sure || number > possible)
      complain(i, "but there were " + std::to_string(sure) + " to " + std::to_string(possible));
    for (const std::string& id : named)
      if (named.count(id) > at_most[id]) complain(i, id + " is no member");
  }
}

// Joins under way at some time of a call's, from `from` on; of one room, or of all where that is empty. A bound counts
// them as members until they are over, also those that come to nothing or ask for what is there already.
std::size_t HubHistory::other_joins(std::size_t command, Tick from, const std::string& room) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < commands.size(); i++) {
    const HubCommand& other = commands[i];
    const bool joins = other.verb == Verb::join || other.verb == Verb::join_id;
    count += i != command && joins && (room.empty() || other.room == room) && other.from != 0 &&
             other.from <= commands[command].to && end_of(other) >= from;
  }
  return count;
}

// Each answer is one the call could get.
void HubHistory::judge_answers() {
  for (std::size_t i = 0; i < commands.size(); i++) {
    const HubCommand& asked = commands[i];
    if (asked.from == 0 || !asked.answered) continue;
    const Tick from = asked.from, to = asked.to, before = last_quiet(from);
    const auto expect = [&](bool right, const char* why) {
      if (!right) complain(i, why);
    };
    const Story empty;
    const Story& registered = asked.person < 0 ? empty : story(asked.person, "");
    const Story& member = asked.person < 0 || asked.room.empty() ? empty : story(asked.person, asked.room);
    if (asked.error == Error::stopping) {
      expect(stop_ != kNever && to > stop_, "the server was not stopped");
      continue;
    }
    if (asked.error == Error::hub_overloaded) {
      expect(asked.is_broadcast(), "only broadcasts are refused");
      continue;
    }
    if (asked.error == Error::queue_full) {
      expect(asked.person < 0, "only a foreign thread hears of a full mailbox");
      continue;
    }
    if (!asked.error) {
      if (asked.verb == Verb::join) expect(registered.possibly(from, to), "was not registered");
      if (asked.verb == Verb::leave) expect(member.possibly(from, to), "was no member");
      if (asked.verb == Verb::find)
        expect(asked.number != 0 ? holds_possibly(asked.id, before, to) : !holds_surely(asked.id, from, to), "wrong");
      if (asked.verb == Verb::join_id || asked.verb == Verb::leave_id)
        expect(holds_possibly(asked.id, from, to), "nobody held it");
      if (asked.verb == Verb::unregister) expect(holds_possibly(asked.id, before, to), "nobody held it");
      if (asked.verb == Verb::register_as && !rules_.replaces) {
        for (const auto& [key, held] : ids_)
          if (key.second == asked.id && key.first != asked.person) expect(!held.surely(from, to), "it was taken");
      }
      continue;
    }
    switch (*asked.error) {
      case Error::unknown_connection:
        if (asked.verb == Verb::join || asked.verb == Verb::leave) {
          expect(!registered.surely(from, to), "was registered");
        } else {
          expect(!holds_surely(asked.id, from, to), "somebody held it");
        }
        break;
      case Error::not_a_member:
        if (asked.verb == Verb::leave) expect(!member.surely(from, to), "was a member");
        break;
      case Error::id_taken:
        expect(!rules_.replaces && holds_possibly(asked.id, before, to), "nobody held it");
        break;
      case Error::already_registered: {
        bool other = registered.possibly(from, to);
        for (std::size_t k = 0; k < commands.size(); k++)
          other |= k != i && commands[k].verb == Verb::register_as && commands[k].person == asked.person &&
                   commands[k].from != 0 && commands[k].from <= to && end_of(commands[k]) >= from;
        expect(other, "was not registered");
        break;
      }
      case Error::too_many_rooms: {
        std::size_t rooms = 0;
        for (const std::string& room : names_) rooms += story(asked.person, room).possibly(from, to);
        // A room this one is in already needs no second place.
        const std::size_t others = rooms + other_joins(i, from, {});
        expect(asked.verb != Verb::join || others >= rules_.max_rooms, "was in few rooms");
        break;
      }
      case Error::room_full: {
        std::size_t members = 0;
        for (int p = 0; p < static_cast<int>(persons.size()); p++) members += story(p, asked.room).possibly(before, to);
        const std::size_t others = members + other_joins(i, before, asked.room);
        expect(rules_.max_members != 0 && others >= rules_.max_members, "was not full");
        break;
      }
      case Error::connection_closed:
        expect(asked.verb == Verb::register_as, "it is registered already");
        expect(persons[static_cast<std::size_t>(asked.person)].closing <= to ||
                   persons[static_cast<std::size_t>(asked.person)].unreliable,
               "its connection was open");
        break;
      default:
        expect(false, "no error of this call");
    }
  }
}

std::string HubHistory::describe(std::size_t number) const {
  static constexpr const char* kVerbs[] = {"register",    "end",   "join",  "leave", "join_id", "leave_id",
                                           "unregister",  "find",  "post",  "count", "members", "who",
                                           "connections", "rooms", "close", "flood"};
  const HubCommand& command = commands[number];
  std::string text = "#" + std::to_string(number) + " by " + std::to_string(command.person) + " at " +
                     std::to_string(command.from) + ".." + (command.answered ? std::to_string(command.to) : "?") +
                     ": " + kVerbs[static_cast<std::size_t>(command.verb)];
  if (!command.room.empty()) text += " room " + command.room;
  if (!command.id.empty()) text += " id " + command.id;
  if (command.except >= 0) text += " except " + std::to_string(command.except);
  if (command.error) return text + " = " + std::string(to_string(*command.error));
  if (!command.answered) return text;
  text += " = " + std::to_string(command.number);
  for (const std::string& name : command.names) text += " " + name;
  return text;
}

}  // namespace brume::test
