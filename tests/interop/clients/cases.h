// cases.h: the cases (../frame/cases.py) for a client in C++, which brings how it connects.
//
// C++14, for the clients that need it. One thread. Whatever fails throws, and belongs to its case alone; a case that
// hangs ends the program (SIGALRM).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace interop {

struct Message {
  bool is_text = false;
  std::string data;
};

struct Close {
  int code = 0;
  std::string reason;
};

// "wss://localhost:8443/ws/echo" in parts.
struct Url {
  bool is_secure = false;
  std::string host;
  std::string port;
  std::string path;
};
Url parse_url(const std::string& url);

// The file of the authority to trust.
std::string ca_file();

class Connection {
 public:
  virtual ~Connection() = default;
  // Where the server closes meanwhile it returns, and closed() says how.
  virtual void send(const Message& message) = 0;
  // One message, a fragment for each part.
  virtual void send_fragments(bool is_text, const std::vector<std::string>& parts) = 0;
  virtual Message receive() = 0;
  // Returns once the pong with this payload is there.
  virtual void ping(const std::string& payload) = 0;
  virtual void close(int code, const std::string& reason) = 0;
  // Waits until the connection is closed: by which code and reason.
  virtual Close closed() = 0;
  virtual bool is_compressed() const = 0;
};

class Client {
 public:
  virtual ~Client() = default;
  virtual std::string version() const = 0;
  // Cases that it cannot do, each with the reason.
  virtual std::map<std::string, std::string> cannot() const { return {}; }
  // Cases of which it sees less than the case says, each with what is missing.
  virtual std::map<std::string, std::string> notes() const { return {}; }
  // Whether it takes messages as they are where permessage-deflate was agreed on (small ones, random ones).
  virtual bool takes_uncompressed() const { return true; }
  // `compressed`: permessage-deflate is offered.
  virtual std::unique_ptr<Connection> connect(const Url& url, bool compressed) = 0;
};

// Runs all cases against the address in argv[1], and says a line for each. Returns the program's exit status.
int run(Client& client, int argc, char** argv);

}  // namespace interop
