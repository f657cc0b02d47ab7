// hub_world.h: a simulated server with a hub whose clients ask it for random things; everything lands in a HubHistory.
//
// One seed each. Clients send the number of a command; the server's side carries it out, in a callback or a coroutine,
// and writes down when it was made and answered. The test's thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/reactor.h>
#include <brume/engine/sim/random.h>
#include <brume/engine/simulator.h>
#include <brume/hub/hub.h>
#include <brume/tests/support/hub_history.h>

namespace brume::test {

struct HubWorldOptions {
  std::uint32_t clients = 8;
  std::uint32_t steps = 12;
  bool calm = false;    // one call at a time
  bool losses = false;  // connections are cut
  bool closes = false;  // and closed
  bool floods = false;  // mailboxes run over
  bool stops = false;   // in the middle of it all
  bool pauses = false;  // clients stop reading
  HubConfig hub{};
  Config server{};
};

class HubWorld {
 public:
  HubWorld(const SimulatorOptions& simulator, const HubWorldOptions& options)
      : options_(options), random_(simulator.seed ^ 0x4B), world_(simulator), server_(world_, server_config()) {
    hub_.emplace(server_, options.hub);
    server_.get("/:person", websocket({.open = [this](Connection& c) { open(c); },
                                       .message = [this](Connection& c, const Message& m) { obey(c, m.text()); },
                                       .close = [this](Connection& c, const CloseInfo&) { closed(c); }}));
    const auto listening = server_.listen("127.0.0.1:0");
    EXPECT_TRUE(listening) << listening.error().text;
    EXPECT_TRUE(server_.start());
    history_.persons.resize(options.clients);
    served_.resize(options.clients);
    paused_.resize(options.clients);
  }

  // Everything from the first client to the last one's end.
  void run() {
    for (std::uint32_t i = 0; i < options_.clients; i++) {
      clients_.push_back(world_.connect(server_, "/" + std::to_string(i)));
      send(static_cast<int>(i), {.verb = Verb::register_as, .id = some_id(i)});
      if (options_.calm) settle();
    }
    for (std::uint32_t step = 0; step < options_.steps; step++) {
      for (std::uint32_t i = 0; i < options_.clients; i++) {
        act(static_cast<int>(i));
        if (options_.calm) settle();
      }
      if (options_.stops && step == options_.steps / 2) stop(std::chrono::milliseconds(300));
      if (random_.below(4) == 0) settle();
      if (!options_.calm) turn(std::chrono::microseconds(random_.below(3000)));
    }
    for (SimulatedClient& client : clients_) client.resume_reading();
    paused_.assign(options_.clients, false);
    settle();
    settle();
    if (!options_.stops) ask_what_is_left();
    if (!options_.stops) stop(std::chrono::seconds(2));
    server_.wait();
    history_.quiet();
    gather();
  }

  HubHistory& history() { return history_; }
  Simulator& world() { return world_; }
  Server& server() { return server_; }
  std::optional<Hub>& hub() { return hub_; }
  std::uint64_t overloaded() const { return overloaded_; }
  std::size_t unanswered() const { return under_way_; }

 private:
  using Error = brume::Error;
  struct Served {
    Connection* connection = nullptr;
    std::uint64_t id = 0;
    Registration me;
  };

  Config server_config() const {
    Config config = options_.server;
    config.control_rate = 0;
    config.ping_interval = std::chrono::seconds(0);
    config.read_timeout = std::chrono::seconds(60);
    config.write_timeout = std::chrono::seconds(60);
    config.close_timeout = std::chrono::milliseconds(500);
    config.cores = 0;
    if (std::getenv("BRUME_TRACE"))
      config.log = [](LogLevel, std::string_view line) {
        std::printf("log: %.*s\n", static_cast<int>(line.size()), line.data());
      };
    return config;
  }

  // ---- the clients' side

  std::string some_id(std::uint32_t person) {
    // Some share an id, so that they replace each other.
    return "id" + std::to_string(random_.below(5) == 0 ? random_.below(options_.clients) : person);
  }
  std::string some_room() { return std::string(1, "abc"[random_.below(3)]); }

  std::size_t note(HubCommand command, int person) {
    command.person = person;
    command.way = static_cast<int>(random_.below(3));
    history_.commands.push_back(std::move(command));
    return history_.commands.size() - 1;
  }
  void send(int person, HubCommand command) {
    clients_[static_cast<std::size_t>(person)].send_text(std::to_string(note(std::move(command), person)));
  }

  void act(int person) {
    const auto index = static_cast<std::size_t>(person);
    SimulatedClient& client = clients_[index];
    HubPerson& story = history_.persons[index];
    const std::uint32_t choice = random_.below(100);
    if (options_.losses && choice < 2) {
      story.unreliable = true;
      story.closing = std::min(story.closing, history_.tick());
      if (random_.below(3) == 0) return client.vanish();
      return client.abort();
    }
    if (options_.closes && choice == 2) {
      story.closing = std::min(story.closing, history_.tick());
      return client.close(1000, "done");
    }
    if (options_.pauses && choice < 12) {
      paused_[index] = random_.below(2) == 0;
      return paused_[index] ? client.pause_reading() : client.resume_reading();
    }
    if (choice == 13) {  // from no core
      const std::size_t number = note({.verb = Verb::post, .room = random_.below(4) == 0 ? "" : some_room()}, -1);
      return publish(number);
    }
    send(person, some_command(person));
  }

  HubCommand some_command(int person) {
    const auto self = static_cast<std::uint32_t>(person);
    const std::uint32_t choice = random_.below(100);
    const auto somebody = [&] { return "id" + std::to_string(random_.below(options_.clients)); };
    if (choice < 3) return {.verb = Verb::register_as, .id = some_id(self)};
    if (choice < 5) return {.verb = Verb::end};
    if (choice < 22) return {.verb = Verb::join, .room = some_room()};
    if (choice < 32) return {.verb = Verb::leave, .room = some_room()};
    if (choice < 36) return {.verb = Verb::join_id, .room = some_room(), .id = somebody()};
    if (choice < 39) return {.verb = Verb::leave_id, .room = some_room(), .id = somebody()};
    if (choice < 41) return {.verb = Verb::unregister, .id = somebody()};
    if (choice < 44) return {.verb = Verb::find, .id = somebody()};
    if (choice < 46) return {.verb = Verb::connections};
    if (choice < 49) return {.verb = Verb::rooms};
    if (choice < 55) return {.verb = Verb::members, .room = some_room()};
    if (choice < 61) return {.verb = Verb::who, .room = some_room()};
    if (choice < 62 && options_.closes) return {.verb = Verb::close};
    if (choice < 65 && options_.floods) return {.verb = Verb::flood};
    HubCommand broadcast{.verb = random_.below(2) == 0 ? Verb::post : Verb::count};
    if (random_.below(5) != 0) broadcast.room = some_room();
    if (random_.below(5) == 0) broadcast.except = static_cast<int>(random_.below(options_.clients));
    return broadcast;
  }

  // ---- turning the world

  void turn(io::Time time) {
    world_.run_until(
        [this] {
          finish_ends();
          return false;
        },
        time);
    finish_ends();
  }
  // Until whatever was asked has been answered and has acted.
  void settle() {
    for (int i = 0; i < 600 && (i == 0 || under_way_ != 0 || sending()); i++) turn(std::chrono::milliseconds(100));
    turn(std::chrono::milliseconds(100));
    // Where the cores have ended, the hub's end answers.
    EXPECT_TRUE(options_.stops || under_way_ == 0) << "a call was not answered";
    history_.quiet();
  }
  // Whether a command is on its way to the server still. One of who does not read may stay there, as nothing is read of
  // whose outbox is more than half full: waiting for it would end in the time-outs.
  bool sending() const {
    return std::ranges::any_of(history_.commands, [this](const HubCommand& command) {
      if (command.from != 0 || command.person < 0) return false;
      if (static_cast<std::size_t>(command.person) < paused_.size() &&
          paused_[static_cast<std::size_t>(command.person)])
        return false;
      const SimulatedClient& client = clients_[static_cast<std::size_t>(command.person)];
      const bool may_arrive = !client.is_over() && (client.status() == 0 || client.is_open());
      return may_arrive && !history_.persons[static_cast<std::size_t>(command.person)].unreliable;
    });
  }
  void finish_ends() {
    for (const std::size_t person : ending_) history_.persons[person].gone_for_good = history_.tick();
    ending_.clear();
  }
  void stop(io::Time deadline) {
    history_.stopped();
    for (HubPerson& person : history_.persons) person.closing = std::min(person.closing, history_.now());
    server_.stop(std::chrono::duration_cast<std::chrono::milliseconds>(deadline), std::chrono::milliseconds(0));
  }
  // Guarantee 7, but for the stop: when everybody has gone nothing is left.
  void ask_what_is_left() {
    for (std::size_t i = 0; i < clients_.size(); i++) {
      history_.persons[i].closing = std::min(history_.persons[i].closing, history_.tick());
      clients_[i].close(1000, "bye");
    }
    turn(std::chrono::seconds(3));
    for (SimulatedClient& client : clients_) client.abort();
    turn(std::chrono::seconds(70));  // whose cable was pulled are timed out
    history_.quiet();
    clients_.push_back(world_.connect(server_, "/" + std::to_string(options_.clients)));
    history_.persons.emplace_back();
    served_.emplace_back();
    const int last = static_cast<int>(options_.clients);
    const std::size_t first = history_.commands.size();
    send(last, {.verb = Verb::connections});
    send(last, {.verb = Verb::rooms});
    for (const char* room : {"a", "b", "c"}) send(last, {.verb = Verb::members, .room = room});
    for (std::uint32_t i = 0; i < options_.clients; i++)
      send(last, {.verb = Verb::find, .id = "id" + std::to_string(i)});
    settle();
    for (std::size_t i = first; i < history_.commands.size(); i++) {
      const HubCommand& command = history_.commands[i];
      if (options_.losses && !command.answered) continue;
      EXPECT_TRUE(command.succeeded()) << history_.describe(i);
      EXPECT_EQ(command.number, 0u) << history_.describe(i);
      EXPECT_TRUE(command.names.empty()) << history_.describe(i);
    }
  }
  void gather() {
    for (std::size_t i = 0; i < clients_.size(); i++) {
      EXPECT_FALSE(clients_[i].violation()) << i;
      for (const ReceivedMessage& message : clients_[i].messages())
        history_.persons[i].heard.push_back(number_in(message.data));
    }
  }
  static std::size_t number_in(std::string_view text) {
    std::size_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }

  // ---- the server's side

  std::size_t person_of(const Connection& connection) const {
    std::size_t i = 0;
    while (served_[i].connection != &connection) i++;
    return i;
  }
  void open(Connection& connection) {
    const std::size_t person = number_in(connection.request().parameter("person"));
    served_[person].connection = &connection;
    served_[person].id = connection.id();
  }
  void closed(Connection& connection) {
    const std::size_t person = person_of(connection);
    served_[person].connection = nullptr;
    HubPerson& story = history_.persons[person];
    if (story.closing == kNever && !replaced(person)) story.unreliable = true;
    story.gone = history_.tick();
    ending_.push_back(person);
    if (random_.below(3) == 0) publish(note({.verb = Verb::post, .room = some_room()}, static_cast<int>(person)));
  }
  bool replaced(std::size_t person) const { return clients_[person].close_code() == 4000 || !options_.losses; }

  void obey(Connection& connection, std::string_view text) {
    const std::size_t number = number_in(text);
    const auto person = static_cast<std::size_t>(history_.commands[number].person);
    begin(number);
    const HubCommand command = history_.commands[number];  // a copy: the list grows
    Served& served = served_[person];
    const auto ask = [&](auto make) { wait_for(connection, number, std::move(make)); };
    switch (command.verb) {
      case Verb::register_as:
        return ask([this, command, &connection] { return hub_->register_connection(command.id, connection); });
      case Verb::end:
        served.me.end();
        return answer(number, std::expected<void, Error>{});
      case Verb::join:
        return ask([this, person, command] { return served_[person].me.join(command.room); });
      case Verb::leave:
        return ask([this, person, command] { return served_[person].me.leave(command.room); });
      case Verb::join_id:
        return ask([this, command] { return hub_->join_room(command.room, command.id); });
      case Verb::leave_id:
        return ask([this, command] { return hub_->leave_room(command.room, command.id); });
      case Verb::unregister:
        return ask([this, command] { return hub_->unregister_connection(command.id); });
      case Verb::find:
        return ask([this, command] { return hub_->find_connection(command.id); });
      case Verb::members:
        return ask([this, command] { return hub_->room_connection_count(command.room); });
      case Verb::who:
        return ask([this, command] { return hub_->room_connections(command.room); });
      case Verb::connections:
        return ask([this] { return hub_->connection_count(); });
      case Verb::rooms:
        return ask([this] { return hub_->rooms(); });
      case Verb::post:
        under_way_--;
        return publish(number);
      case Verb::count:
        return ask([this, command, number] {
          const std::string body = std::to_string(number);
          const BroadcastOptions options = options_of(command);
          return command.room.empty() ? hub_->broadcast_text(body, options, counted)
                                      : hub_->broadcast_text_to_room(command.room, body, options, counted);
        });
      case Verb::close:
        history_.persons[person].closing = std::min(history_.persons[person].closing, history_.now());
        (void)connection.close(4001, "asked for");
        return answer(number, std::expected<void, Error>{});
      case Verb::flood:
        for (int i = 0; i < kFlood; i++) (void)hub_->connection_count();
        return answer(number, std::expected<void, Error>{});
    }
  }
  BroadcastOptions options_of(const HubCommand& command) const {
    BroadcastOptions options;
    if (command.except >= 0) options.except = served_[static_cast<std::size_t>(command.except)].id;
    return options;
  }
  void begin(std::size_t number) {
    int& except = history_.commands[number].except;
    if (except >= 0 && served_[static_cast<std::size_t>(except)].id == 0) except = -1;  // not connected yet
    history_.commands[number].from = history_.tick();
    history_.commands[number].core = core::Reactor::current();
    under_way_++;
  }
  void publish(std::size_t number) {
    begin(number);
    const HubCommand command = history_.commands[number];
    const std::string body = std::to_string(number);
    answer(number, command.room.empty() ? hub_->broadcast_text(body, options_of(command))
                                        : hub_->broadcast_text_to_room(command.room, body, options_of(command)));
  }

  // Waits for a call in one of the ways there are.
  template <class Make>
  void wait_for(Connection& connection, std::size_t number, Make make) {
    switch (history_.commands[number].way) {
      case 0:
        return make().then([this, number](auto result) { answer(number, std::move(result)); });
      case 1:
        return connection.spawn(await_in_place(number, std::move(make)));
      default:
        return connection.spawn(await_variable(number, std::move(make)));
    }
  }
  template <class Make>
  Task<> await_in_place(std::size_t number, Make make) {
    auto result = co_await make();
    answer(number, std::move(result));
  }
  template <class Make>
  Task<> await_variable(std::size_t number, Make make) {
    auto call = make();
    auto result = co_await call;
    answer(number, std::move(result));
  }

  template <class T>
  void answer(std::size_t number, std::expected<T, Error> result) {
    HubCommand& command = history_.commands[number];
    EXPECT_FALSE(command.answered) << history_.describe(number);
    under_way_--;
    const bool cut = !result && result.error() == Error::connection_closed;
    if (cut && command.way != 0) return;  // the handler has ended, and the call goes on
    command.to = history_.tick();
    command.answered = true;
    if (!result) {
      command.error = result.error();
      overloaded_ += command.error == Error::hub_overloaded;
      return;
    }
    if constexpr (std::is_same_v<T, std::size_t>) {
      command.number = *result;
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      command.names = *std::move(result);
    } else if constexpr (std::is_same_v<T, std::optional<ConnectionHandle>>) {
      command.number = result->has_value();
    } else if constexpr (std::is_same_v<T, Registration>) {
      served_[static_cast<std::size_t>(command.person)].me = *std::move(result);
    }
  }
  static constexpr int kFlood = 5000;  // above Reactor::Options::mailbox_slots

  HubWorldOptions options_;
  sim::Random random_;
  HubHistory history_;
  std::vector<Served> served_;
  std::vector<SimulatedClient> clients_;
  std::vector<bool> paused_;  // by client, but for the last one, who asks what is left
  std::vector<std::size_t> ending_;
  std::size_t under_way_ = 0;
  std::uint64_t overloaded_ = 0;
  Simulator world_;
  Server server_;
  std::optional<Hub> hub_;
};

}  // namespace brume::test
