#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tasks::cli {

/// How often a profile by perf events looks at what threads do. A state of a task that lasts for less need not be seen
/// before it is sampled, and such a sample has no task: often enough that few are without, and no more often, as each
/// look takes a CPU from somebody where all are busy. 1 to 8 ms.
class mark_interval {
 public:
  [[nodiscard]] std::chrono::milliseconds now() const noexcept { return now_; }

  /// Of all samples so far, how many have no task and should.
  void learn(std::uint64_t taken, std::uint64_t untold) noexcept {
    if (taken - taken_ < enough) return;
    const auto missed = untold - untold_;
    taken_ = taken;
    untold_ = untold;
    if (missed >= many) {
      longest_ = std::max(now_ / 2, shortest);
      now_ = shortest;
    } else if (missed == 0) {
      now_ = std::min(now_ * 2, longest_);
    }
  }

 private:
  static constexpr std::chrono::milliseconds shortest{1};
  static constexpr std::uint64_t enough = 32, many = 2;

  std::chrono::milliseconds now_ = shortest;
  std::chrono::milliseconds longest_{8};  ///< that is not known to be too long
  std::uint64_t taken_ = 0, untold_ = 0;
};

}  // namespace tasks::cli
