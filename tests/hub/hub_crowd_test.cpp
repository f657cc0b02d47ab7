// Many clients at once on the machine's own I/O with two cores: they register, replace each other, join, leave,
// broadcast both ways, close and are reset, and every guarantee is judged by what they heard and were answered.
//
// Two seconds of it in `make test`; `make crowd TIME=60` runs a minute under ThreadSanitizer.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/reactor.h>
#include <brume/hub/hub.h>
#include <brume/tests/support/blocking_client.h>
#include <brume/tests/support/hub_history.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::BlockingClient;
using test::HubCommand;
using test::HubHistory;
using test::HubPerson;
using test::Verb;

constexpr int kThreads = 4;
constexpr int kClientsEach = 50;
constexpr int kCommandsEach = 3;  // of a client, in one round
constexpr int kRooms = 20;
constexpr auto kRoundsOfOneHistory = 5;  // the judge's work grows with its square

std::size_t number_in(std::string_view text) {
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// One server and what its connections were told to do. A command is made by a client's thread, carried out on a core,
// and read again when all is over.
class Crowd {
 public:
  struct Served {
    Connection* connection = nullptr;
    std::atomic<std::uint64_t> id{0};
    Registration me;
  };

  Crowd(io::Backend backend, SameId on_same_id) {
    Config config;
    config.cores = 2;
    config.io = backend;
    config.message_buffer_size = 1U << 20;  // nothing is dropped here: the model test does that
    config.max_buffered_size = 64U << 20;
    server.emplace(config);
    HubConfig hub_config;
    hub_config.on_same_id = on_same_id;
    hub.emplace(*server, hub_config);
    server->get("/:person", websocket({.open = [this](Connection& c) { open(c); },
                                       .message = [this](Connection& c, const Message& m) { obey(c, m.text()); },
                                       .close = [this](Connection& c, const CloseInfo&) { closed(c); }}));
  }

  // The test's side: a person of their own for each connection.
  int new_person() {
    const std::lock_guard lock(mutex_);
    served_.emplace_back();
    persons.emplace_back();
    return static_cast<int>(persons.size() - 1);
  }
  HubPerson& person(int number) {
    const std::lock_guard lock(mutex_);
    return persons[static_cast<std::size_t>(number)];
  }
  std::size_t note(HubCommand command) {
    const std::lock_guard lock(mutex_);
    commands.push_back(std::move(command));
    return commands.size() - 1;
  }
  test::Tick tick() { return now_.fetch_add(1) + 1; }

  std::optional<Server> server;
  std::optional<Hub> hub;
  std::deque<HubCommand> commands;
  std::deque<HubPerson> persons;

 private:
  HubCommand& command(std::size_t number) {
    const std::lock_guard lock(mutex_);
    return commands[number];
  }
  Served& served(std::size_t person) {
    const std::lock_guard lock(mutex_);
    return served_[person];
  }

  void open(Connection& connection) {
    const std::size_t person = number_in(connection.request().parameter("person"));
    connection.set_user_value("person", person);
    Served& mine = served(person);
    mine.connection = &connection;
    mine.id.store(connection.id());
  }
  void closed(Connection& connection) {
    const std::size_t person = *connection.user_value<std::size_t>("person");
    served(person).connection = nullptr;
    HubPerson& story = this->person(static_cast<int>(person));
    story.gone = tick();
  }

  void obey(Connection& connection, std::string_view text) {
    const std::size_t number = number_in(text);
    HubCommand& asked = command(number);
    const auto person = static_cast<std::size_t>(asked.person);
    if (asked.except >= 0 && served(static_cast<std::size_t>(asked.except)).id.load() == 0) asked.except = -1;
    asked.from = tick();
    asked.core = core::Reactor::current();
    Registration& me = served(person).me;
    const std::string body = std::to_string(number);
    BroadcastOptions options;
    if (asked.except >= 0) options.except = served(static_cast<std::size_t>(asked.except)).id.load();
    const auto wait = [&](auto call) {
      std::move(call).then([this, number, person](auto result) { answer(number, person, std::move(result)); });
    };
    switch (asked.verb) {
      case Verb::register_as:
        return wait(hub->register_connection(asked.id, connection));
      case Verb::end:
        me.end();
        return answer(number, person, std::expected<void, Error>{});
      case Verb::join:
        return wait(me.join(asked.room));
      case Verb::leave:
        return wait(me.leave(asked.room));
      case Verb::join_id:
        return wait(hub->join_room(asked.room, asked.id));
      case Verb::leave_id:
        return wait(hub->leave_room(asked.room, asked.id));
      case Verb::unregister:
        return wait(hub->unregister_connection(asked.id));
      case Verb::find:
        return wait(hub->find_connection(asked.id));
      case Verb::members:
        return wait(hub->room_connection_count(asked.room));
      case Verb::who:
        return wait(hub->room_connections(asked.room));
      case Verb::connections:
        return wait(hub->connection_count());
      case Verb::rooms:
        return wait(hub->rooms());
      case Verb::post:
        return answer(number, person,
                      asked.room.empty() ? hub->broadcast_text(body, options)
                                         : hub->broadcast_text_to_room(asked.room, body, options));
      case Verb::count:
        return wait(asked.room.empty() ? hub->broadcast_text(body, options, counted)
                                       : hub->broadcast_text_to_room(asked.room, body, options, counted));
      case Verb::close:
      case Verb::flood:
        FAIL() << "not a command of this test";
    }
  }

  template <class T>
  void answer(std::size_t number, std::size_t person, std::expected<T, Error> result) {
    HubCommand& asked = command(number);
    Served& mine = served(person);
    asked.to = tick();
    asked.answered = true;
    if (!result) asked.error = result.error();
    if constexpr (std::is_same_v<T, std::size_t>) asked.number = result.value_or(0);
    if constexpr (std::is_same_v<T, std::vector<std::string>>)
      if (result) asked.names = *std::move(result);
    if constexpr (std::is_same_v<T, std::optional<ConnectionHandle>>) asked.number = result && *result;
    if constexpr (std::is_same_v<T, Registration>)
      if (result) mine.me = *std::move(result);
    if (mine.connection) (void)mine.connection->send_text("= " + std::to_string(number));
  }

  std::mutex mutex_;  // the lists; what is in them is one thread's at a time
  std::deque<Served> served_;
  std::atomic<test::Tick> now_{0};
};

// A thread with its share of the clients.
class Part {
 public:
  Part(Crowd& crowd, std::uint64_t seed, int first) : crowd_(crowd), random_(seed), first_(first) {
    for (Client& client : clients_) connect(client);
  }

  // Random commands, and the answers to all of them.
  void act() {
    for (int i = 0; i < kClientsEach; i++) {
      Client& client = clients_[static_cast<std::size_t>(i)];
      if (!client.socket->open()) connect(client);
      if (client.fresh) send(client, {.verb = Verb::register_as, .id = some_id(first_ + i)});
      client.fresh = false;
      for (int k = 0; k < kCommandsEach; k++) send(client, some_command());
    }
    hear_answers();
  }
  // Whatever was posted has been delivered once each connection has heard from all cores, twice: first of what its own
  // core sent to homes, then of what those passed on.
  void settle() {
    for (Client& client : clients_)
      if (client.socket->open()) send(client, {.verb = Verb::connections});
    hear_answers();
  }
  // Some end, this way or that; after settle(), so that nothing is under way.
  void part_with_some() {
    for (Client& client : clients_) {
      if (!client.socket->open() || below(12) != 0) continue;
      HubPerson& story = crowd_.person(client.person);
      story.closing = std::min(story.closing, crowd_.tick());
      if (below(3) == 0) {
        story.unreliable = true;
        client.socket.reset();  // with what it has not read: the connection is reset, or ends without a Close
        client.socket = std::make_unique<BlockingClient>(std::uint16_t{1}, "/");  // nobody listens there: not open
      } else {
        client.socket->send_bytes(std::string("\x88\x80\0\0\0\0", 6));
        while (client.socket->open()) hear(client);
      }
    }
  }
  void end() {
    for (Client& client : clients_) {
      HubPerson& story = crowd_.person(client.person);
      story.closing = std::min(story.closing, crowd_.tick());
      if (client.socket->open()) client.socket->send_bytes(std::string("\x88\x80\0\0\0\0", 6));
      while (client.socket->open()) hear(client);
    }
  }

 private:
  struct Client {
    std::unique_ptr<BlockingClient> socket;
    int person = -1;
    bool fresh = true;
    std::size_t unanswered = 0;
  };

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  std::string some_id(int client) {
    // Some share an id, so that they replace each other.
    return "id" + std::to_string(below(8) == 0 ? static_cast<int>(below(kThreads * kClientsEach)) : client);
  }
  std::string some_room() { return "room" + std::to_string(below(kRooms)); }

  HubCommand some_command() {
    const std::uint32_t choice = below(100);
    const std::string somebody = "id" + std::to_string(below(kThreads * kClientsEach));
    if (choice < 3) return {.verb = Verb::register_as, .id = somebody};
    if (choice < 5) return {.verb = Verb::end};
    if (choice < 27) return {.verb = Verb::join, .room = some_room()};
    if (choice < 40) return {.verb = Verb::leave, .room = some_room()};
    if (choice < 44) return {.verb = Verb::join_id, .room = some_room(), .id = somebody};
    if (choice < 47) return {.verb = Verb::leave_id, .room = some_room(), .id = somebody};
    if (choice < 49) return {.verb = Verb::unregister, .id = somebody};
    if (choice < 53) return {.verb = Verb::find, .id = somebody};
    if (choice < 54) return {.verb = Verb::rooms};
    if (choice < 59) return {.verb = Verb::members, .room = some_room()};
    if (choice < 63) return {.verb = Verb::who, .room = some_room()};
    HubCommand broadcast{.verb = below(2) == 0 ? Verb::post : Verb::count};
    if (below(20) != 0) broadcast.room = some_room();
    return broadcast;
  }

  void connect(Client& client) {
    client.person = crowd_.new_person();
    client.socket =
        std::make_unique<BlockingClient>(crowd_.server->address().port, "/" + std::to_string(client.person));
    EXPECT_TRUE(client.socket->open());
    client.fresh = true;
    client.unanswered = 0;
  }
  void send(Client& client, HubCommand command) {
    command.person = client.person;
    const std::size_t number = crowd_.note(std::move(command));
    client.unanswered++;
    client.socket->send_text(std::to_string(number));
  }
  void hear_answers() {
    for (Client& client : clients_)
      while (client.socket->open() && client.unanswered != 0) hear(client);
  }
  void hear(Client& client) {
    const std::string text = client.socket->receive();
    if (!client.socket->open()) return;
    if (text.starts_with("= ")) {
      client.unanswered--;
    } else {
      crowd_.person(client.person).heard.push_back(number_in(text));
    }
  }

  Crowd& crowd_;
  std::mt19937_64 random_;
  int first_;
  std::array<Client, kClientsEach> clients_;
};

class HubCrowd : public testing::TestWithParam<io::Backend> {};

// One history: some rounds, each of which ends in a quiet moment.
void run_history(io::Backend backend, std::uint64_t seed, bool replaces) {
  Crowd crowd(backend, replaces ? SameId::replace : SameId::reject);
  ASSERT_TRUE(crowd.server->listen("127.0.0.1:0"));
  const auto started = crowd.server->start();
  if (!started) {
    ASSERT_EQ(started.error().kind, SystemError::Kind::io_unavailable);
    GTEST_SKIP() << started.error().text;
  }
  std::vector<test::Tick> quiets;
  // Who has ended by a quiet moment is gone for good at it.
  const auto quiet = [&]() noexcept {
    quiets.push_back(crowd.tick());
    for (HubPerson& person : crowd.persons)
      if (person.gone != test::kNever && person.gone_for_good == test::kNever) person.gone_for_good = quiets.back();
  };
  std::barrier<> meet(kThreads);
  std::barrier<decltype(quiet)> meet_quietly(kThreads, quiet);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      Part part(crowd, seed * kThreads + static_cast<std::uint64_t>(t), t * kClientsEach);
      for (int round = 0; round < kRoundsOfOneHistory; round++) {
        part.act();
        meet.arrive_and_wait();
        for (int twice = 0; twice < 2; twice++) {
          part.settle();
          meet.arrive_and_wait();
        }
        meet_quietly.arrive_and_wait();
        part.part_with_some();
      }
      part.end();
    });
  }
  for (std::thread& thread : threads) thread.join();
  crowd.server->stop();
  crowd.server->wait();
  EXPECT_EQ(crowd.server->stats().sockets, 0u);
  crowd.hub.reset();

  quiet();
  HubHistory history;
  while (history.now() < quiets.back()) history.tick();
  for (const test::Tick when : quiets) history.quiet(when);
  history.commands.assign(crowd.commands.begin(), crowd.commands.end());
  history.persons.assign(crowd.persons.begin(), crowd.persons.end());
  for (const std::string& complaint : history.judge({.replaces = replaces})) ADD_FAILURE() << complaint;
  std::size_t answers = 0, heard = 0;
  for (const HubCommand& command : history.commands) answers += command.answered;
  for (const HubPerson& person : history.persons) heard += person.heard.size();
  std::printf("note: %zu connections, %zu answers, %zu messages heard; %llu of %llu verdicts exact\n",
              history.persons.size(), answers, heard, static_cast<unsigned long long>(history.exact()),
              static_cast<unsigned long long>(history.judged()));
  EXPECT_GT(history.exact() * 100, history.judged() * 50) << "a judge that knows nothing finds nothing";
}

TEST_P(HubCrowd, KeepsEveryGuarantee) {
  const char* given = std::getenv("BRUME_SECONDS");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(given ? std::atoi(given) : 2);
  std::uint64_t seed = 0;
  do {
    run_history(GetParam(), seed, seed % 2 == 0);
    seed++;
  } while (std::chrono::steady_clock::now() < until && !testing::Test::IsSkipped() && !testing::Test::HasFailure());
}

INSTANTIATE_TEST_SUITE_P(Backends, HubCrowd, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& backend) {
                           return backend.param == io::Backend::io_uring ? "io_uring" : "epoll";
                         });

}  // namespace
}  // namespace brume
