#pragma once

/// Text of `tasks profile`: the functions and the chains of awaits that had most of the time.

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/output.hpp"
#include "surveys/cpu_profile.hpp"
#include "surveys/resolver.hpp"
#include "surveys/wall_profile.hpp"

namespace tasks::cli {

struct profiled_function {
  std::string function;
  std::string place;           ///< "lab.cpp:82", where it was most often; empty: not known
  std::uint64_t self_ns = 0;   ///< while it was the innermost
  std::uint64_t total_ns = 0;  ///< while it was on the stack
};

struct profiled_chain {
  std::string text;  ///< "lab::session() › lab::read() lab.cpp:109, spawned at lab::run() lab.cpp:278"
  std::string wait;  ///< "timer", "running"
  std::uint64_t ns = 0;
};

struct profile_page {
  bool wall = false;
  std::uint64_t length_ns = 0, all_ns = 0;  ///< the latter: of all stacks together
  std::vector<profiled_function> functions;
  std::vector<profiled_chain> chains;
};

/// "lab::session() › lab::read() lab.cpp:109, spawned at …", of a task's awaits, outermost first.
[[nodiscard]] std::string chain_words(const resolved& meaning);

/// What was sampled, and what was not: a line each.
[[nodiscard]] std::vector<std::string> summary_of(const cpu_profile& profile, const std::string& subject);
[[nodiscard]] std::vector<std::string> summary_of(const wall_summary& profile, const std::string& subject);

/// Those with most time first, a screen of them.
void render_profile(fmt::memory_buffer& out, profile_page page, const text_style& style);

}  // namespace tasks::cli
