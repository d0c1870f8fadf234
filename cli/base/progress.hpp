#pragma once

/// What a command that takes long is busy with, on the last line of a terminal:
///
///   whoever does it ──busy_with──> one note for the process ──> a thread of progress_line's ──> "looking: read 412,000
///   of 1,000,000 tasks, 3 s"
///
/// The terminal is written to through a description of its own that does not block: where it takes nothing (Ctrl-S, a
/// full pseudoterminal), the line is not shown, and neither the command nor a target that stands still waits for it.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace tasks::cli {

/// As long as it lives, this is what the process is busy with. Within one another, by one thread at a time.
class busy_with {
 public:
  /// Literals: `what` as in "read", `counted` as in "tasks"; empty: nothing is counted. `total`: 0: not known.
  explicit busy_with(const char* what, const char* counted = "", std::uint64_t total = 0);
  ~busy_with();
  busy_with(const busy_with&) = delete;
  busy_with& operator=(const busy_with&) = delete;

  /// So many more of them are done. By whoever does it, on any thread.
  static void advance(std::uint64_t more) noexcept;

 private:
  struct {
    const char *what, *counted;
    std::uint64_t total, done;
  } before_;
};

/// What this process is busy with, and for how long: "looking: read 412,000 of 1,000,000 tasks, 3 s".
[[nodiscard]] std::string progress_words(std::chrono::seconds since);

/// One at a time in a process; others that are made meanwhile show nothing.
class progress_line {
 public:
  static constexpr std::chrono::milliseconds first_shown{1000}, shown_every{250};

  /// On standard error. Nothing is ever shown, and there is no thread, where that is no terminal, or one that cannot
  /// erase a line.
  progress_line();
  /// `terminal`: any descriptor of it; -1: none. `first`: the line is shown when so much time has passed.
  progress_line(int terminal, std::chrono::milliseconds first);
  ~progress_line();
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;

  static constexpr std::string_view eraser = "\r\033[K";

  /// Erases the line of the process's, if there is one, for good: what comes now is output. False: the terminal takes
  /// nothing, and the line is still there.
  static bool end();

  /// As long as it lives, there is no line: something else is written to the terminal.
  class pause {
   public:
    pause();

   private:
    std::unique_lock<std::mutex> lock_;
  };

 private:
  using clock = std::chrono::steady_clock;

  void show(std::chrono::milliseconds first);
  void draw();
  void erase();
  bool finish();
  /// How much of it the terminal took.
  std::size_t write(std::string_view text) const;

  int terminal_ = -1;  ///< a description of our own
  std::string shown_;  ///< empty: nothing
  bool ends_ = false;
  clock::time_point since_ = clock::now();
  std::condition_variable wakes_;
  std::thread thread_;
};

}  // namespace tasks::cli
