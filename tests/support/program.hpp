#pragma once

/// Programs under test, and commands that look at them.
///
///   program lab({program_path("lab"), "--leak", "send"});   started, and has printed `ready`
///   const outcome seen = run({tasks_executable(), "vitals", lab.pid_text()});
///   lab.stop();                                             closes its standard input and reaps it
///
/// Everything here has a deadline, and only as a guard: passing it fails the test that waited. Nothing sleeps.

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::testing {

/// Long enough for a sanitized build on a loaded machine; reached only by what hangs. Where all takes longer, as on a
/// machine that is emulated, TASKS_TEST_GUARD is another number of seconds.
extern const std::chrono::seconds guard;

/// "NAME=value" is set, "NAME" alone is removed; all else is inherited.
using environment = std::vector<std::string>;

/// How a process ended.
struct ending {
  int code = -1;   ///< of exit(); -1 when a signal ended it
  int signal = 0;  ///< that ended it; 0 when it exited
  bool operator==(const ending&) const = default;
};

/// What a command said.
struct outcome {
  ending end;
  std::string out;
  std::string err;
};

/// Runs a command to its end, `input` as its standard input. Throws std::runtime_error when it cannot be started, or
/// does not end before the guard (it is killed then). argv[0] is looked up in PATH.
[[nodiscard]] outcome run(const std::vector<std::string>& argv, const environment& env = {},
                          std::string_view input = {});

/// A program that prints `ready` on a line of its own and then works until its standard input closes.
class program {
 public:
  /// Starts it and waits for `ready`. Throws std::runtime_error, with what it said, when that does not come.
  explicit program(const std::vector<std::string>& argv, const environment& env = {});

  /// Starts it and waits for nothing: for programs that do not print `ready`.
  struct unready {};
  program(unready, const std::vector<std::string>& argv, const environment& env = {});

  /// Kills it if it was not stopped.
  ~program();
  program(program&&) noexcept;
  program& operator=(program&&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] std::string pid_text() const { return std::to_string(pid_); }

  /// Its next line on standard output, without the newline. Throws std::runtime_error at its end or the guard.
  [[nodiscard]] std::string read_line();
  /// Reads lines up to and including one that begins with `prefix`; returns the rest of that line.
  std::string read_until(std::string_view prefix);
  /// What it printed before `ready` as `NAME VALUE`: the value. Throws std::runtime_error when there is none.
  [[nodiscard]] std::string value(std::string_view name) const;

  /// Writes to its standard input.
  void write(std::string_view text);
  /// Closes its standard input, which asks it to end, and does not wait.
  void close_input() noexcept;
  void send_signal(int signal) const noexcept;
  /// Sends SIGSTOP and waits until all its threads have stopped. SIGCONT lets it go on.
  void suspend() const noexcept;
  /// Waits for its end. Throws std::runtime_error at the guard. Only once.
  ending wait();
  /// close_input() and wait().
  ending stop();

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string unread_;
  std::vector<std::string> greeting_;
};

/// Waits until `tasks WORDS` prints `text`: what a program has begun goes on after it has said `ready`. Throws
/// std::runtime_error at the guard.
void wait_until_shown(std::vector<std::string> words, std::string_view text);

/// Path of a program of tests/programs in this build.
[[nodiscard]] std::string program_path(std::string_view name);
/// Path of the `tasks` executable of this build.
[[nodiscard]] std::string tasks_executable();

}  // namespace tasks::testing
