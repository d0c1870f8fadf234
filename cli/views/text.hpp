#pragma once

/// What the texts of all views have in common: states in words, where something is, and what to type next.

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "base/output.hpp"
#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// What the text of one answer needs to know throughout.
struct render_context {
  text_style style;
  std::uint32_t resolution_ms = 1000;  ///< how old an age may be
  pid_t pid = 0;                       ///< for the commands that are suggested, …
  std::string core = {};               ///< … unless this file was read, …
  std::string recording = {};          ///< … or this one
  std::uint64_t timed_for_ns = 0;      ///< how long runs were timed; 0: they were not
};

inline constexpr std::string_view bold = "\033[1m", dim = "\033[2m", yellow = "\033[33m", plain = "\033[0m";

/// Colored where the style is, and plain again behind it.
void append_colored(fmt::memory_buffer& out, std::string_view color, std::string_view text, const text_style& style);

/// "pool.cpp:31"; empty: not known.
[[nodiscard]] std::string place(const frame& f);
/// "run(const options&) lab.cpp:278"
/// What stands behind "fd 9": " 127.0.0.1:41822", " udp at 127.0.0.1:53", " eventfd"; empty where nothing is known.
[[nodiscard]] std::string endpoint_words(const endpoint& fd);
/// "-p 4131", "--core FILE", "--from FILE": the option that names the target.
[[nodiscard]] std::string target_words(const render_context& context);
/// In tenths; nothing: no time has passed.
[[nodiscard]] std::optional<double> growth_per_minute(std::int64_t growth, double seconds);
/// ", +120.4/min"; nothing where it has not grown.
[[nodiscard]] std::string growth_words(std::int64_t growth, double seconds);
/// " at session(int) relay.cpp:36", " in session(int), after relay.cpp:31", or nothing where neither is known.
[[nodiscard]] std::string spawn_words(const resolved& meaning);
/// "ran 1.2s (60 %) in 340 runs, half of them ≤ 2.0ms, 99 % ≤ 66ms, longest 82ms; late by 31µs, at most 2.1ms".
/// Measured over so many nanoseconds.
[[nodiscard]] std::string timing_words(const v1::Timing& timing, std::uint64_t over_ns);
/// A task's name and its labels, each behind a blank.
void append_annotations(fmt::memory_buffer& out, const v1::Task& task);
/// `tasks 3 "conn 42" user=ann, 7, 9, …`: whom a group names. `named`: those of them that have a name or labels.
[[nodiscard]] std::string ids_words(const v1::Group& group, std::span<const v1::Task> named);

/// "tasks why -p 4131 7"
[[nodiscard]] std::string why_line(std::uint64_t task, const render_context& context);
/// "tasks stack -p 4131 --task 7"
[[nodiscard]] std::string stack_line(std::uint64_t task, const render_context& context);

/// ", 3m12s"; ", seen for 3m12s" where the age is not known; nothing where that is not known either.
[[nodiscard]] std::string age_words(const v1::Task& task, const render_context& context);
/// ", oldest 3m12s", ", 3m12s", ", one seen for 3m12s".
[[nodiscard]] std::string age_words(const v1::Group& group, const render_context& context);
/// "channel receive, 3m12s", "socket read, 12s, fd 9 127.0.0.1:41822", "running on thread 77, 2s", "ready".
[[nodiscard]] std::string describe_state(const v1::Task& task, const resolved& meaning, const render_context& context);
/// "channel send, oldest 3m12s", "socket read, 12s".
[[nodiscard]] std::string describe_state(const v1::Group& group, const resolved& meaning,
                                         const render_context& context);

}  // namespace tasks::cli
