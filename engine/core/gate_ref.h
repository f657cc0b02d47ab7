// gate_ref.h: a counted reference to a core's gate (gate.h). Any thread; cheap to copy; outlives its core.
#pragma once

#include <utility>

namespace brume::core {

class Gate;

class GateRef {
 public:
  GateRef() = default;
  // Shares `gate`, which counts this reference.
  explicit GateRef(Gate& gate);
  GateRef(const GateRef& other);
  GateRef(GateRef&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
  GateRef& operator=(GateRef other) noexcept {
    std::swap(gate_, other.gate_);
    return *this;
  }
  ~GateRef();

  Gate* get() const { return gate_; }
  explicit operator bool() const { return gate_ != nullptr; }

 private:
  Gate* gate_ = nullptr;
};

}  // namespace brume::core
