// measurement.h: what every kind of traffic has: the tape it sends, the transport below it, and what comes of it.
//
// A base for one kind of traffic, which is the ring's handler. One thread; the connections outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <brume/bench/wsblast/dial.h>
#include <brume/bench/wsblast/frame_reader.h>
#include <brume/bench/wsblast/meter.h>
#include <brume/bench/wsblast/options.h>
#include <brume/bench/wsblast/tape.h>
#include <brume/bench/wsblast/transport.h>

namespace wsblast {

class Measurement {
 public:
  void begin_turn() { turn_ns_ = now_ns(); }

 protected:
  // Sends the hello on each connection. `longest_run`: frames sent at a time, at most.
  Measurement(const Options& options, std::vector<Socket>& connections, std::size_t longest_run)
      : options_(options), tape_(options, longest_run), transport_(connections), meter_(options.server_pid) {
    send_hello(options, connections);
  }

  // Of what was sent at `sent_ns` and has come back this turn.
  std::uint64_t age_ns(std::uint64_t sent_ns) const { return turn_ns_ > sent_ns ? turn_ns_ - sent_ns : 0; }

  // Turns the transport for the warm-up and the time that is measured, then sums up what the peers have read: each has
  // a `reader` and is `ended` or not.
  template <typename Handler, typename Peer>
  TrafficResult measure_all(Handler& handler, const std::vector<Peer>& peers) {
    measure(transport_, handler, meter_, result_, options_.warm_seconds, options_.seconds, peers.size());
    for (const Peer& peer : peers) {
      result_.verified += peer.reader.verified();
      result_.mismatches += peer.reader.mismatches();
      result_.read += peer.reader.messages();
      result_.compressed += peer.reader.compressed();
      if (peer.reader.close_seen() && !peer.ended) ++result_.ended;
    }
    result_.tls = transport_.tls();
    return result_;
  }

  const Options& options_;
  Tape tape_;
  Transport transport_;
  Meter meter_;
  TrafficResult result_;

 private:
  std::uint64_t turn_ns_ = 0;
};

}  // namespace wsblast
