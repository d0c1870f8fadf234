#include "commands/run_program.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "commands/gather.hpp"
#include "commands/other_words.hpp"
#include "commands/report.hpp"
#include "linux/child_process.hpp"
#include "linux/proc.hpp"
#include "linux/watched_program.hpp"
#include "surveys/deaths.hpp"
#include "target/coroutine_files.hpp"
#include "target/roots.hpp"
#include "views/junit.hpp"

/// `tasks run`: a program to its end, and a report of the moment at which something goes wrong with it.

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// As timeout(1), LeakSanitizer and shells have them.
constexpr int out_of_time = 124, leaks_tasks = 23, by_signal = 128;
/// Of a time-out.
constexpr std::size_t most_reports = 20;

struct run_program_request {
  std::vector<std::string> words;
  std::optional<std::chrono::milliseconds> timeout;
  std::chrono::milliseconds kill_after{10'000};
  std::optional<std::string> file;
  bool leaks = false, every_failure = false, children = false;
  bool trace = true, hook = true;
};

std::string time_words(std::chrono::milliseconds time) {
  return time % 1s == 0ms ? fmt::format("{}s", time / 1s) : fmt::format("{}ms", time.count());
}

/// "%p" and "%n" are the process's id and name.
std::string file_name_of(std::string_view pattern, pid_t pid, const std::string& name) {
  std::string made;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const auto what = pattern.substr(i, 2);
    if (what == "%p" || what == "%n" || what == "%%") {
      made += what == "%p" ? std::to_string(pid) : what == "%n" ? name : "%";
      ++i;
    } else {
      made += pattern[i];
    }
  }
  return made;
}

/// "report.txt" of process 17: "report-17.txt".
std::string with_pid(const std::string& file, pid_t pid) {
  const auto name = file.rfind('/') == file.npos ? 0 : file.rfind('/') + 1;
  const auto dot = file.rfind('.');
  const auto at = dot == file.npos || dot <= name ? file.size() : dot;
  return fmt::format("{}-{}{}", file.substr(0, at), pid, file.substr(at));
}

/// As signal(7) has it: one that dumps core, as nobody ends a process with that has done what it was for.
bool is_crash(int signal) {
  constexpr int crashes[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGXCPU, SIGXFSZ};
  return std::find(std::begin(crashes), std::end(crashes), signal) != std::end(crashes);
}

class program_run {
 public:
  program_run(const run_program_request& asked, watched_program program)
      : asked_(asked), program_(std::move(program)), begin_(clock::now()) {
    if (asked_.timeout) until_ = begin_ + *asked_.timeout;
  }

  int to_the_end() {
    for (;;) {
      const auto event = program_.wait(until_);
      switch (event.happened) {
        case program_event::what::time_is_up:
          end_it();
          break;
        case program_event::what::dying:
          if (!is_out_of_time_ && (event.pid == program_.pid() || is_crash(event.number))) report_death(event);
          program_.go_on(event.pid);
          break;
        case program_event::what::exiting:
          if (!is_out_of_time_) report_exit(event);
          program_.go_on(event.pid);
          break;
        case program_event::what::ended:
          return finish(event.number);
      }
    }
  }

 private:
  /// First what it does, and then its end; the second time there is no asking.
  void end_it() {
    if (is_out_of_time_) {
      program_.send_to_tree(SIGKILL);
      until_.reset();
      return;
    }
    is_out_of_time_ = true;
    failure_ = fmt::format("still ran after {}", time_words(*asked_.timeout));
    for (const auto pid : whom_to_report()) report(pid, failure_);
    program_.send_to_tree(SIGTERM);
    until_ = clock::now() + asked_.kill_after;
  }

  /// Of the program and what it has started: those that have tasks, or may have. The program itself where none has.
  [[nodiscard]] std::vector<pid_t> whom_to_report() {
    std::vector<pid_t> found;
    for (const auto pid : program_.tree())
      if (may_have_tasks(pid)) found.push_back(pid);
    if (found.size() > most_reports) {
      say(fmt::format("{} processes have tasks; those of the first {} are reported", found.size(), most_reports));
      found.resize(most_reports);
    }
    if (found.empty()) found.push_back(program_.pid());
    return found;
  }

  [[nodiscard]] bool may_have_tasks(pid_t pid) {
    return roots_.find(pid).instrumented || files_.in(pid) != told_coroutines::none;
  }

  void report_death(const program_event& event) {
    auto why = signal_name(event.number);
    if (event.address) why += fmt::format(" at address {:#x}", *event.address);
    why = fmt::format("ended by {}, in thread {}", why, event.tid);
    if (event.pid == program_.pid()) failure_ = why;
    report(event.pid, why);
  }

  /// Of what the program has started, leaks alone: that a grep(1) finds nothing is no failure of a script.
  void report_exit(const program_event& event) {
    const bool is_program = event.pid == program_.pid();
    const bool fails = is_program && asked_.every_failure && event.number != 0;
    if (!fails && (!asked_.leaks || !may_have_tasks(event.pid))) return;
    auto found = look_at(event.pid);
    if (!found) return say(message(found.why()));
    std::size_t leaked = 0;
    if (asked_.leaks && found->source) {
      if (found->proof && *found->proof)
        leaked = (*found->proof)->proven;
      else
        say(fmt::format("{}: whether it leaks tasks cannot be told: {}", subject_of(event.pid),
                        found->proof ? in_words(found->proof->why()) : "no proof was made"));
    }
    if (leaked != 0) leaks_ = true;
    if (!fails && leaked == 0) return;
    auto why = leaked == 0 ? "" : fmt::format("left {} leaked task{}", leaked, leaked == 1 ? "" : "s");
    if (fails) why = fmt::format("ended with exit code {}{}{}", event.number, why.empty() ? "" : ", and ", why);
    if (is_program || failure_.empty()) failure_ = why;
    keep(event.pid, why, *std::move(found));
  }

  [[nodiscard]] report_request options_of(pid_t pid) const {
    report_request of;
    of.target = std::to_string(pid);
    of.hook = asked_.hook;
    of.json = asked_.file && asked_.file->ends_with(".json");
    return of;
  }

  [[nodiscard]] result<evidence> look_at(pid_t pid) const {
    return gather(options_of(pid), pid, tell_on_standard_error, asked_.file && names_recording(*asked_.file));
  }

  void report(pid_t pid, const std::string& why) {
    auto found = look_at(pid);
    if (!found) return say(message(found.why()));
    keep(pid, why, *std::move(found));
  }

  void keep(pid_t pid, const std::string& why, evidence found) {
    const auto executable = executable_of(pid);
    const auto name = executable.empty() ? asked_.words.front() : executable;
    const auto subject = fmt::format("{} {}", clean(base_name(name)), pid);
    if (!asked_.file || asked_.file->ends_with(".xml")) {
      auto text = text_of(pid, why, std::move(found));
      if (asked_.file)
        texts_ += text + "\n";
      else
        std::fprintf(stderr, "tasks: %s %s\n%s", subject.c_str(), why.c_str(), text.c_str());
      return;
    }
    auto file = file_name_of(*asked_.file, pid, std::string(base_name(name)));
    if (!written_.insert(file).second) file = with_pid(file, pid);
    const auto done = names_recording(file) ? record_evidence(options_of(pid), std::move(found), file)
                                            : write_file(pid, why, std::move(found), file);
    if (done)
      say(fmt::format("{} {}: report in {}", subject, why, clean(file)));
    else
      say(fmt::format("{} {}: no report: {}", subject, why, message(done.why())));
  }

  [[nodiscard]] std::string text_of(pid_t pid, const std::string& why, evidence found) const {
    const auto made = open_nameless_file("tasks-report");
    if (!made) return message(made.why()) + "\n";
    const descriptor file(*made);
    output out(file.get());
    (void)write_report(options_of(pid), pid, std::move(found), {.why = why, .all = false, .leaks = asked_.leaks}, out);
    (void)out.finish();
    return read_whole(file.get());
  }

  [[nodiscard]] result<void> write_file(pid_t pid, const std::string& why, evidence found,
                                        const std::string& name) const {
    const auto failed = [&] { return error{error_code::system, "--report " + name, ::strerror(errno), ""}; };
    const descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return failed();
    output out(file.get());
    (void)write_report(options_of(pid), pid, std::move(found), {.why = why}, out);
    return out.finish();
  }

  /// `status` as of wait(2).
  int finish(int status) {
    end_the_rest();
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : by_signal + WTERMSIG(status);
    if (const auto why = program_.cannot_execute()) {
      say(fmt::format("{}: {}", clean(asked_.words.front()), ::strerror(*why)));
      failure_ = "it cannot be executed";
    } else if (is_out_of_time_) {
      code = out_of_time;
    } else {
      if (code == 0 && leaks_) code = leaks_tasks;
      tell_what_is_missing(status, code);
    }
    if (code != 0 && failure_.empty())
      failure_ = WIFEXITED(status) ? fmt::format("ended with exit code {}", code)
                                   : "ended by " + signal_name(WTERMSIG(status));
    write_junit();
    return code;
  }

  /// Where there should be a report, and is none.
  void tell_what_is_missing(int status, int code) const {
    const auto& why = program_.why_not_traced();
    const bool is_missed = WIFSIGNALED(status) || asked_.leaks || (asked_.every_failure && code != 0);
    if (!why.empty() && is_missed)
      say(fmt::format("{} {}: no report of its end: {}", clean(asked_.words.front()), program_.pid(), why));
    else if (WIFSIGNALED(status) && failure_.empty())
      say(fmt::format("{} {}: no report of its end: {} leaves no time for one", clean(asked_.words.front()),
                      program_.pid(), signal_name(WTERMSIG(status))));
  }

  /// After a time-out what the program has started may still run, and keep pipes open.
  void end_the_rest() {
    if (!is_out_of_time_) return;
    const auto wait_for_moment = [this](clock::time_point end) {
      const auto event = program_.wait(end);
      if (event.happened != program_event::what::time_is_up) program_.go_on(event.pid);
    };
    const auto wait_until = [&](clock::time_point end) {
      while (!program_.tree().empty() && clock::now() < end) wait_for_moment(std::min(end, clock::now() + 100ms));
      wait_for_moment(clock::now());  // those whose parents have ended are ours to reap
    };
    wait_until(until_.value_or(clock::now()));
    program_.send_to_tree(SIGKILL);
    wait_until(clock::now() + 5s);
  }

  void write_junit() const {
    if (!asked_.file || !asked_.file->ends_with(".xml")) return;
    const auto name = file_name_of(*asked_.file, program_.pid(), std::string(base_name(asked_.words.front())));
    const descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return say(fmt::format("--report {}: {}", clean(name), ::strerror(errno)));
    output out(file.get());
    render_junit(out.text(), {.name = fmt::format("{}", fmt::join(asked_.words, " ")),
                              .failure = failure_,
                              .text = texts_,
                              .seconds = std::chrono::duration<double>(clock::now() - begin_).count()});
    if (const auto done = out.finish(); !done) say(message(done.why()));
  }

  static void say(const std::string& line) {
    tell_on_standard_error(line.starts_with("tasks: ") ? line : "tasks: " + line);
  }

  const run_program_request& asked_;
  watched_program program_;
  clock::time_point begin_;
  std::optional<clock::time_point> until_;
  bool is_out_of_time_ = false, leaks_ = false;
  std::string failure_, texts_;
  std::set<std::string> written_;
  root_finder roots_;
  coroutine_files files_;
};

result<int> run_program(const run_program_request& asked, output&) {
  if (asked.words.empty()) return usage_error("", "which program?", "tasks run -- PROGRAM ARGUMENTS");
  auto program = watched_program::start({.words = asked.words,
                                         .trace = asked.trace,
                                         .children = asked.children,
                                         .exits = asked.leaks || asked.every_failure});
  if (!program) return program.why();
  return program_run(asked, *std::move(program)).to_the_end();
}

}  // namespace

command run_program_command() {
  option_of<run_program_request> program{{"PROGRAM", other_words, "what to run, and its arguments, behind --"},
                                         [](run_program_request& to, const std::string& typed) -> result<void> {
                                           to.words.push_back(typed);
                                           return {};
                                         }};
  program.repeats = true;
  return make_command<run_program_request>(
      "run",
      "a program, such as a test, to its end, and a report when it hangs, a signal ends it, or it leaks tasks; exit "
      "code "
      "is the program's, 128 and the signal's number, 124 after --timeout, 23 of --leaks, 126 or 127 where it cannot "
      "be "
      "executed",
      {program},
      {{{"--timeout", "TIME",
         "end it when it still runs after that, such as 60s, and report what all its processes do"},
        [](run_program_request& to, const std::string& typed) -> result<void> {
          const auto time = read_duration("--timeout", typed, 1ms);
          if (!time) return time.why();
          to.timeout = *time;
          return {};
        }},
       duration("--kill-after", "TIME", "SIGKILL when SIGTERM has not ended it after so long (default 10)",
                &run_program_request::kill_after, 1ms),
       flag("--leaks", "look for tasks that will never wake at its end, too, and prove it: its memory is copied then",
            &run_program_request::leaks),
       flag("--every-failure", "report, too, when its exit code is not 0", &run_program_request::every_failure),
       text("--report", "FILE",
            "where to write it, instead of a short one on standard error; %p and %n are the process's id and name; "
            "NAME.tasks: a recording, NAME.json: JSON, NAME.xml: a result for JUnit, of passed ones too",
            &run_program_request::file),
       flag("--children", "trace the programs that it starts, too: theirs must not gain rights (sudo), or trace others",
            &run_program_request::children),
       flag("--no-trace", "do not trace it: there are reports of a time-out alone", &run_program_request::trace, false),
       flag("--no-hook", "find the tasks as in a program that was built without the hook", &run_program_request::hook,
            false)},
      run_program);
}

}  // namespace tasks::cli
