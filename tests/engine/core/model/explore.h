// explore.h: visits every state a model can reach, and shows the shortest way to a fault.
//
// Breadth first with a set of the states seen, so that loops end and a fault is found with the fewest steps. A model
// has
//   State                               trivially copyable, without padding: compared and hashed by its bytes
//   State initial() const
//   void steps(const State&, emit)      calls emit(State next, const char* what) for each step that is possible
//   const char* fault(const State&)     null where all is well
//   const char* end_fault(const State&) the same for a state without any step
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

namespace brume::core::model {

struct Exploration {
  std::size_t states = 0;
  std::size_t ends = 0;            // states without any step
  const char* fault = nullptr;     // the first one met; null where there is none
  std::vector<const char*> steps;  // the way to it

  std::string story() const {
    std::string text = fault ? std::string(fault) + ", by:" : "no fault";
    for (const char* step : steps) text += "\n  " + std::string(step);
    return text;
  }
};

template <class Model>
class Explorer {
 public:
  using State = typename Model::State;
  static_assert(std::has_unique_object_representations_v<State>);

  explicit Explorer(const Model& model) : model_(model), known_(kFirstBuckets, Hash{this}, Equal{this}) {}

  Exploration run() {
    Exploration result;
    visit(model_.initial(), 0, "start");
    for (std::uint32_t next = 0; next < nodes_.size(); next++) {
      const State state = nodes_[next].state;
      const char* fault = model_.fault(state);
      bool stands_still = true;
      if (!fault) {
        model_.steps(state, [&](const State& after, const char* what) {
          stands_still = false;
          visit(after, next, what);
        });
        if (stands_still) {
          result.ends++;
          fault = model_.end_fault(state);
        }
      }
      if (fault) {
        result.fault = fault;
        for (std::uint32_t at = next; at != 0; at = nodes_[at].from)
          result.steps.insert(result.steps.begin(), nodes_[at].what);
        break;
      }
    }
    result.states = nodes_.size();
    return result;
  }

 private:
  static constexpr std::size_t kFirstBuckets = std::size_t{1} << 16;

  struct Node {
    State state;
    std::uint32_t from;
    const char* what;
  };
  struct Hash {
    const Explorer* explorer;
    std::size_t operator()(std::uint32_t node) const {
      std::array<std::uint64_t, (sizeof(State) + 7) / 8> words{};
      std::memcpy(words.data(), &explorer->nodes_[node].state, sizeof(State));
      std::uint64_t hash = 0;
      for (const std::uint64_t word : words) {
        hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
        hash ^= hash >> 32;
      }
      return hash;
    }
  };
  struct Equal {
    const Explorer* explorer;
    bool operator()(std::uint32_t a, std::uint32_t b) const {
      return std::memcmp(&explorer->nodes_[a].state, &explorer->nodes_[b].state, sizeof(State)) == 0;
    }
  };

  void visit(const State& state, std::uint32_t from, const char* what) {
    nodes_.push_back({state, from, what});
    if (!known_.insert(static_cast<std::uint32_t>(nodes_.size() - 1)).second) nodes_.pop_back();
  }

  const Model& model_;
  std::deque<Node> nodes_;
  std::unordered_set<std::uint32_t, Hash, Equal> known_;
};

template <class Model>
Exploration explore(const Model& model) {
  return Explorer<Model>(model).run();
}

}  // namespace brume::core::model
