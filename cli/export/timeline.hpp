#pragma once

/// What each task did over some time, a track a task, as ui.perfetto.dev opens it.
///
///   look: task 7 waits for a timer since t1, version 12 ──> slice {t1 …
///   look: version 12 still                              ──>        … and on}
///   look: it runs on thread 4711 since t2               ──>        … t2}, slice {t2 …
///
/// Between two looks a task may have done more than is seen: then its slice ends where it was last seen, and one slice
/// more, up to the next, tells how often it was resumed meanwhile, and how long these runs took where they are timed.

#include <fmt/format.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

class timeline {
 public:
  /// `now_ms` is the clock that ages are told by, at this look.
  void begin_look(std::chrono::nanoseconds at) { at_ = at; }
  void see(const v1::Task& task, const resolved& meaning);
  /// The last look holds until then.
  void end(std::chrono::nanoseconds at);
  /// Slices for which there was no room.
  [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

  /// JSON of the Trace Event Format, which Perfetto and chrome://tracing read.
  void write(fmt::memory_buffer& out, pid_t pid, const std::string& process) const;

 private:
  struct slice {
    std::uint64_t task = 0;
    std::int64_t begin_us = 0, end_us = 0;
    std::uint32_t text = 0;     ///< what it waits for, or that it runs
    std::uint32_t place = 0;    ///< the innermost frame
    std::uint32_t thread = 0;   ///< that runs it; 0: it waits
    std::uint32_t runs = 0;     ///< so many, which nobody saw: it has no place
    std::int64_t busy_us = -1;  ///< that they took; -1: not known
  };
  struct track {
    std::uint64_t version = 0, resumes = 0;
    std::optional<std::uint64_t> busy_ns;  ///< nothing: its runs are not timed
    std::size_t last = 0;                  ///< its slice
    std::int64_t seen_us = 0;
    std::uint32_t name = 0;
    bool runs = false;
  };
  [[nodiscard]] std::uint32_t number(const std::string& text);
  void add_unseen_runs(const track& known, const v1::Task& task, std::int64_t until_us);

  std::chrono::nanoseconds at_{0};
  std::vector<slice> slices_;
  std::unordered_map<std::uint64_t, track> tracks_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::uint64_t left_out_ = 0;
};

}  // namespace tasks::cli
