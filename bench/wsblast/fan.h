// fan.h: broadcasts over open connections for a time: in each room one member publishes and all receive, the publisher
// too; it keeps `window` messages in flight, and publishes the next once a message has reached every member.
//
// One thread, one ring. What is counted begins after the warm-up. Connection i is in room i modulo the rooms, of which
// the connections below that number are the publishers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <brume/bench/wsblast/measurement.h>

namespace wsblast {

class Fan : public Measurement {
 public:
  Fan(const Options& options, std::vector<Socket>& connections);

  TrafficResult run();

  // Called by the transport.
  void received(std::uint32_t index, std::span<const std::byte> bytes);
  void sent(std::uint32_t index, int result);
  void ended(std::uint32_t index);

 private:
  struct Room {
    std::size_t cursor = 0;       // the tape's next frame
    std::uint64_t published = 0;  // messages
    std::uint64_t complete = 0;   // of them, those that have reached every member
    bool sending = false;
    std::vector<std::uint32_t> members_at;    // members that have received n messages, by n modulo its size
    std::vector<std::uint64_t> published_ns;  // of message n, by n modulo its size
  };
  struct Member {
    FrameReader reader;
    std::uint64_t received = 0;  // messages
    bool sampled = false;
    bool ended = false;
  };

  bool publishes(std::uint32_t index) const { return index < rooms_.size(); }
  void publish(std::uint32_t room);
  void record_latency(const Room& room, const Member& member, std::uint64_t messages, Histogram& histogram);

  const std::uint32_t window_;
  std::vector<Room> rooms_;
  std::vector<Member> members_;
};

}  // namespace wsblast
