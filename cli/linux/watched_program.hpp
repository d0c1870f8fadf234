#pragma once

/// A program that is run and watched to its end, and held just before that, while its memory and its threads are there.
///
///   fork ──> seize ──> exec ──> … ──> a signal that ends it, or exit_group(2): held ──go_on()──> ended
///
/// It has our standard streams, our process group and so our terminal: what is typed there (^C, ^Z) reaches it from
/// there, once. Signals that are sent to us are passed on; one that was sent to the whole process group is not sent
/// again where the program is traced. It is stopped with us and we with it, as job control has it.
///
/// Tracing is ptrace(2) with SEIZE: each signal, each new thread and each exec stops a thread for some microseconds.
/// Who dies, by SIGKILL too, leaves nobody stopped: the kernel lets go. Only one thread may use an object, the one that
/// has started it; kept_threads() are those that it traces.

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "descriptor.hpp"

namespace tasks::cli {

struct watch_order {
  std::vector<std::string> words;  ///< the program, looked up in PATH, and its arguments
  bool trace = true;               ///< false: it is not held, and only its end is told
  bool children = false;           ///< trace what it starts, too
  bool exits = false;              ///< hold it before it exits, not only before a signal ends it
};

struct program_event {
  enum class what {
    time_is_up,
    dying,    ///< held: this signal will end it
    exiting,  ///< held: it ends with this code
    ended     ///< the program itself; as of wait(2); nothing that was seen before is told after it
  };
  what happened = what::time_is_up;
  pid_t pid = 0;
  int number = 0;
  pid_t tid = 0;                           ///< of one that dies: the thread that got the signal
  std::optional<std::uint64_t> address{};  ///< of SIGSEGV and SIGBUS: that could not be accessed
};

class watched_program {
 public:
  using clock = std::chrono::steady_clock;

  /// Holds off all signals, from here on. Fails where there can be no process; that it cannot be executed is told at
  /// its end, by cannot_execute().
  [[nodiscard]] static result<watched_program> start(const watch_order& order);
  watched_program(watched_program&&) = default;
  watched_program& operator=(watched_program&&) = delete;
  /// Who is held goes on, by the signal that it was held at.
  ~watched_program();

  [[nodiscard]] pid_t pid() const noexcept { return main_; }
  /// Sleeps until something happens; nothing: for as long as it takes. `ended` comes once.
  [[nodiscard]] program_event wait(std::optional<clock::time_point> until);
  /// One that is held.
  void go_on(pid_t pid);
  /// Why it is not held before it ends; empty: it is.
  [[nodiscard]] const std::string& why_not_traced() const noexcept { return why_not_traced_; }
  /// Once it has ended: errno of an exec(2) that failed.
  [[nodiscard]] std::optional<int> cannot_execute() const;
  /// The program and what was started by it, as far as it runs, parents first. Whose parent has ended is our child, and
  /// taken for one of these unless it is older than the program, or has a parent that is.
  [[nodiscard]] std::vector<pid_t> tree() const;
  /// To all of these. They go on if they were stopped.
  void send_to_tree(int signal) const;

 private:
  using millis = std::chrono::milliseconds;
  struct sent_signal {
    int number;
    pid_t sender;
    clock::time_point
        until;  ///< of one that we owe: when it is passed on; of one that it has got: how long that counts
  };

  watched_program(const watch_order& order, pid_t pid) : order_(order), main_(pid) {}
  void seize();
  void look_at_all();
  void look_at(pid_t tid, int status);
  [[nodiscard]] bool adopt(pid_t tid);
  void take_signal(pid_t tid, int signal);
  void take_exec(pid_t tid);
  void take_exit(pid_t tid);
  void gather_exits(pid_t pid);
  void let(pid_t tid, int signal = 0);
  void hold(pid_t tid, int signal);
  [[nodiscard]] bool waits_for_report(pid_t pid) const;
  void forget(pid_t tid);
  void let_go_of_process(pid_t pid, pid_t tid);
  [[nodiscard]] std::vector<pid_t> threads_of(pid_t pid) const;
  void note_delivery(pid_t tid, int signal);
  void all_own_are_taken();
  void take_own(const siginfo_t& about);
  void pass_on_what_is_due();
  void program_has_stopped();
  void stop_with_it();
  [[nodiscard]] bool is_traced(pid_t pid) const;
  /// Not until exec(2): before, the child that is to become the program is a copy of us, of which there is no report.
  [[nodiscard]] bool is_program(pid_t pid) const noexcept { return pid != main_ || has_executed_; }
  [[nodiscard]] clock::time_point next_turn() const;

  watch_order order_;
  pid_t main_;
  std::set<std::pair<pid_t, std::uint64_t>> strangers_;  ///< pid and start time of our descendants before the program
  std::uint64_t born_ = 0;                               ///< start time of the program; 0: not known
  detail::descriptor failure_;                           ///< what exec(2) said
  std::string why_not_traced_;
  std::map<pid_t, pid_t> processes_;            ///< of each thread that is traced
  std::map<pid_t, int> held_;                   ///< threads, and which signal they go on with
  std::set<pid_t> told_;                        ///< processes whose end was told before it came
  std::map<pid_t, clock::time_point> unclear_;  ///< threads that end: with their process, or is that an exec?
  std::deque<program_event> events_;
  std::vector<sent_signal> owed_, delivered_;
  std::optional<int> ended_;  ///< as of wait(2), until that is told
  bool has_executed_ = false, has_ended_ = false, is_stopped_ = false;
  std::optional<clock::time_point> stop_until_;  ///< we are to be stopped with it, if it is by then
};

}  // namespace tasks::cli
