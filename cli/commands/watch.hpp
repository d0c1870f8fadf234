#pragma once

/// A view that is printed again and again: on a terminal in place, with a clock and with what changed marked; else one
/// after the other.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/output.hpp"
#include "base/progress.hpp"
#include "commands/options.hpp"
#include "hookless/sightings.hpp"

namespace tasks::cli {

struct watch_options {
  std::optional<std::chrono::milliseconds> watch;  ///< nothing: once
};

/// Without its value: every second.
[[nodiscard]] option_of<watch_options> watch_option();

/// `print` is called for each picture. Until the reader is gone, or `print` fails.
[[nodiscard]] result<int> print_again_and_again(std::chrono::milliseconds interval,
                                                const std::function<result<int>(output&)>& print, output& out);

/// Nothing: it can be watched.
template <class Request>
[[nodiscard]] std::optional<error> why_not_watched(const Request& asked) {
  if (asked.from) return usage_error("--watch", "nothing changes in a recording", "--at shows another moment of it");
  if constexpr (requires { asked.core; })
    if (asked.core) return usage_error("--watch", "nothing changes in a core", "leave it out");
  if (asked.json) return usage_error("--watch", "not with --json, which is one document");
  return std::nullopt;
}

/// A command's run(): `Print` once, with a line on the terminal that says what takes so long, or again and again where
/// that was asked for.
template <auto Print, class Request>
result<int> watched(const Request& asked, output& out) {
  if (!asked.watch) {
    const progress_line line;
    return Print(asked, out);
  }
  if (auto why = why_not_watched(asked)) return *std::move(why);
  auto each_time = asked;
  if constexpr (requires { each_time.seen; }) each_time.seen = std::make_shared<sightings>();
  return print_again_and_again(
      *asked.watch, [&each_time](output& to) { return Print(each_time, to); }, out);
}

}  // namespace tasks::cli
