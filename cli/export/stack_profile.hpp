#pragma once

/// Tasks as a profile: how many are in each stack, and for how long they have been. For tools that draw stacks.
///
///   task ──resolver──> frames, spawn site ──> sample {places, labels, tasks, waited}

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
  std::vector<std::pair<std::string, std::string>> labels;  ///< "state", "wait", "name", and those of the tasks
  std::uint64_t tasks = 0;
  std::uint64_t waited_ms = 0;  ///< of all of them together
};

class stack_profile {
 public:
  /// Native frames of a running task lie on top of its chain of awaits, where it was spawned below it.
  void add(const v1::Task& task, const resolved& meaning);
  [[nodiscard]] const std::vector<profiled_place>& places() const noexcept { return places_; }
  /// In the order in which they were first seen.
  [[nodiscard]] const std::vector<profiled_stack>& stacks() const noexcept { return stacks_; }

 private:
  [[nodiscard]] std::uint32_t number(profiled_place place);

  std::vector<profiled_place> places_;
  std::map<profiled_place, std::uint32_t> numbers_;
  std::vector<profiled_stack> stacks_;
  std::map<std::pair<std::vector<std::uint32_t>, std::vector<std::pair<std::string, std::string>>>, std::size_t> known_;
};

}  // namespace tasks::cli
