#pragma once

/// Profiles as others read them.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/output.hpp"
#include "export/stack_profile.hpp"

namespace tasks::cli {

/// goroutine_counts and goroutines are of tasks alone, see export/go_profile; perfetto of a timeline, see
/// export/timeline.
enum class profile_format { pprof, folded, speedscope, goroutine_counts, goroutines, perfetto };
/// Of stacks, as options take them.
[[nodiscard]] std::vector<std::string> stack_format_words();
/// Of stacks of tasks: those too that only tasks have.
[[nodiscard]] std::vector<std::string> task_format_words();
[[nodiscard]] std::optional<profile_format> parse_stack_format(std::string_view word);
[[nodiscard]] std::optional<profile_format> parse_task_format(std::string_view word);

/// What the two values of each stack are.
struct profile_values {
  std::string count = "tasks";
  std::string amount = "waited", unit = "milliseconds";
  bool shows_amount = false;     ///< where a tool shows one value: the amount, and not the count
  bool shows_state = true;       ///< what a task waits for is the innermost of a folded stack
  std::int64_t period = 1;       ///< of what is sampled, in units of it
  std::int64_t duration_ns = 0;  ///< 0: of one moment
  std::vector<std::string> remarks{};
};
/// Of stack_profile::add() with CPU or wall time.
[[nodiscard]] profile_values values_of_time(const char* what, std::chrono::nanoseconds period);

struct profile_title {
  std::string subject;           ///< "pid 4131"
  std::string executable;        ///< empty: not known
  std::int64_t taken_at_ns = 0;  ///< since the epoch
  profile_values values{};
};

/// A line a stack, the outermost function first, and how many tasks, or microseconds: what flamegraph.pl takes.
void write_folded(fmt::memory_buffer& out, const stack_profile& profile, const profile_values& values = {});
/// https://www.speedscope.app/file-format-schema.json
void write_speedscope(fmt::memory_buffer& out, const stack_profile& profile, const profile_title& title);
/// profile.proto, compressed by gzip.
void write_pprof(fmt::memory_buffer& out, const stack_profile& profile, const profile_title& title);
/// In one of these forms, but for goroutines and perfetto, which are made of more than stacks.
void write_stacks(fmt::memory_buffer& out, profile_format format, const stack_profile& profile,
                  const profile_title& title);

}  // namespace tasks::cli
