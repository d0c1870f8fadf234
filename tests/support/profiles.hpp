#pragma once

/// What tests of `tasks profile` share: profiles of programs, and what is in them.

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "linux/perf_sampler.hpp"
#include "support/program.hpp"

namespace tasks::testing {

using words = std::vector<std::string>;

inline outcome profile(words options) {
  options.insert(options.begin(), {tasks_executable(), "profile"});
  return run(options);
}

/// Does the kernel let us have perf events?
inline bool allows_events() {
  return cli::perf_sampler(::getpid(), std::chrono::milliseconds(10)).add(::getpid()).ok();
}

/// Polls. Throws std::runtime_error at the guard.
template <class Condition>
void wait_until(const Condition& condition) {
  using namespace std::chrono_literals;
  for (const auto deadline = std::chrono::steady_clock::now() + guard; !condition(); std::this_thread::sleep_for(5ms))
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("it does not come to that");
}

/// What a process has open: a profiler keeps files of each thread that it samples.
inline bool has_open(const program& of, std::string_view end_of_name) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  for (const auto& each : fs::directory_iterator("/proc/" + of.pid_text() + "/fd", ignored))
    if (fs::read_symlink(each, ignored).string().ends_with(end_of_name)) return true;
  return false;
}

/// One that would go on for a minute, and has begun.
inline program begin_profile(const program& of, words options) {
  options.insert(options.begin(), {tasks_executable(), "profile", of.pid_text(), "--for", "60s"});
  program profiler(program::unready(), options);
  wait_until([&] { return has_open(profiler, "/schedstat"); });
  return profiler;
}

/// The value of each folded stack.
using folded = std::map<std::string, std::uint64_t>;

inline folded read_folded(const std::string& text) {
  folded stacks;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.rfind(' ');
    if (space == line.npos) throw std::runtime_error("no folded stack: " + line);
    stacks[line.substr(0, space)] += std::stoull(line.substr(space + 1));
  }
  return stacks;
}

inline std::uint64_t time_with(const folded& stacks, std::string_view function) {
  std::uint64_t all = 0;
  for (const auto& [stack, value] : stacks)
    if (stack.find(function) != stack.npos) all += value;
  return all;
}

}  // namespace tasks::testing
