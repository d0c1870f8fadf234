#pragma once

/// Tasks as a profile: what each stack has of two values, such as how many are in it and for how long they have been.
/// For tools that draw stacks.
///
///   task ──resolver──> frames, spawn site ──> sample {places, labels, count, amount}

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

struct profiled_place {
  std::string function;  ///< "<unknown>" where it is not known
  std::string file;      ///< empty: not known
  unsigned line = 0;
  auto operator<=>(const profiled_place&) const = default;
};

struct profiled_stack {
  std::vector<std::uint32_t> places;                        ///< innermost first; numbers of stack_profile::places()
  std::vector<std::pair<std::string, std::string>> labels;  ///< sorted: "state", "wait", "name", and those of the tasks
  std::uint64_t count = 0;                                  ///< of tasks, or of samples
  std::uint64_t amount = 0;  ///< of all of them together: milliseconds waited, nanoseconds of CPU or of wall time
};

using profile_labels = std::vector<std::pair<std::string, std::string>>;

class stack_profile {
 public:
  /// Native frames of a running task lie on top of its chain of awaits, where it was spawned below it. Returns the
  /// place of its stack in stacks(), with whose values nothing is done. `more`: labels besides its own.
  std::size_t find(const v1::Task& task, const resolved& meaning, profile_labels more = {});
  /// Of a thread that runs no task.
  std::size_t find(const std::vector<native_frame>& frames, profile_labels labels);
  void add(std::size_t stack, std::uint64_t count, std::uint64_t amount) noexcept {
    stacks_[stack].count += count;
    stacks_[stack].amount += amount;
  }
  /// A task, and the milliseconds that it has been in its state; 0: not known.
  void add(const v1::Task& task, const resolved& meaning) {
    add(find(task, meaning), 1, task.age_unknown() ? 0 : task.age_ms());
  }
  [[nodiscard]] const std::vector<profiled_place>& places() const noexcept { return places_; }
  /// In the order in which they were first seen.
  [[nodiscard]] const std::vector<profiled_stack>& stacks() const noexcept { return stacks_; }

 private:
  [[nodiscard]] std::uint32_t number(profiled_place place);
  [[nodiscard]] std::uint32_t number(const native_frame& native);
  [[nodiscard]] std::size_t find(std::vector<std::uint32_t> places, profile_labels labels);

  std::vector<profiled_place> places_;
  std::map<profiled_place, std::uint32_t> numbers_;
  std::vector<profiled_stack> stacks_;
  std::map<std::pair<std::vector<std::uint32_t>, profile_labels>, std::size_t> known_;
};

}  // namespace tasks::cli
