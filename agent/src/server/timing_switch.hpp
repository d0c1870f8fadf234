#pragma once

/// Has this process's tasks timed, while somebody wants it.

#include "registry/timing.hpp"

namespace tasks::detail {

class timing_switch {
 public:
  timing_switch() = default;
  ~timing_switch() { turn_off(); }
  timing_switch(const timing_switch&) = delete;
  timing_switch& operator=(const timing_switch&) = delete;

  [[nodiscard]] bool is_on() const noexcept { return on_; }
  /// Is enough known of the time-stamp counter to say how fast it runs? It takes `calibration_ns` from the start.
  [[nodiscard]] bool is_calibrated() const noexcept;
  /// Begins anew, unless it is on. False: no memory.
  [[nodiscard]] bool turn_on() noexcept;
  void turn_off() noexcept;
  /// What advances while it is on instead of the roots' ticks.
  void advance(std::uint64_t tick) noexcept;
  /// Null: off.
  [[nodiscard]] const layout::timing_area* area() const noexcept { return on_ ? area_ : nullptr; }
  /// How long it has been on, in nanoseconds.
  [[nodiscard]] std::uint64_t on_for() const noexcept;

  static constexpr std::uint64_t calibration_ns = 20'000'000;

 private:
  struct moment {
    std::uint64_t counter;
    std::uint64_t ns;
  };
  [[nodiscard]] static moment now() noexcept;

  bool on_ = false;
  const bool has_counter_ = counter_is_steady();
  const moment first_ = now();
  layout::timing_area* area_ = nullptr;  ///< mapped at the first use, never unmapped: a thread may be about to use it
};

}  // namespace tasks::detail
