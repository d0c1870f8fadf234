#include "linux/watched_program.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>

#include "linux/kept_threads.hpp"
#include "linux/leak_sanitizer.hpp"
#include "linux/proc.hpp"
#include "linux/right_to_look.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

/// What somebody sends a process group comes to all of it within that.
constexpr auto for_the_group = 50ms;

error start_failure(const char* what) {
  return {error_code::system, "", fmt::format("cannot start a program: {}: {}", what, ::strerror(errno)), ""};
}

/// All that can be held off, but for what our own mistakes raise.
sigset_t passed_signals() {
  sigset_t all;
  ::sigfillset(&all);
  for (const int each : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) ::sigdelset(&all, each);
  return all;
}

bool is_stop_of_terminal(int signal) { return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU; }

/// Is this signal in a mask of /proc/TID/status?
bool is_in_mask(pid_t tid, std::string_view mask, int signal) {
  const auto text = status_line(tid, mask).value_or("");
  std::uint64_t bits = 0;
  std::from_chars(text.data(), text.data() + text.size(), bits, 16);
  return (bits >> (signal - 1) & 1) != 0;
}

/// As signal(7) has it.
bool would_end_it(pid_t tid, int signal) {
  for (const int harmless : {SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU})
    if (signal == harmless) return false;
  return !is_in_mask(tid, "SigIgn", signal) && !is_in_mask(tid, "SigCgt", signal);
}

/// The kernel gives a traced program no more rights than we have: sudo(8) would not work.
bool gains_rights(const std::string& word) {
  if (::geteuid() == 0) return false;
  const auto does = [](const std::string& file) {
    struct stat about {};
    if (::access(file.c_str(), X_OK) != 0 || ::stat(file.c_str(), &about) != 0) return std::optional<bool>();
    return std::optional((about.st_mode & (S_ISUID | S_ISGID)) != 0 ||
                         ::getxattr(file.c_str(), "security.capability", nullptr, 0) > 0);
  };
  if (word.find('/') != word.npos) return does(word).value_or(false);
  const char* const variable = std::getenv("PATH");
  const std::string_view path = variable != nullptr ? variable : "/usr/bin:/bin";
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    if (const auto found = does(fmt::format("{}/{}", path.substr(begin, end - begin), word))) return *found;
    begin = end + 1;
  }
  return false;
}

/// Pid and start time of what descends from us, parents first, without those that are told off and what descends from
/// them alone, and without those that are older than `since`.
std::vector<std::pair<pid_t, std::uint64_t>> descendants(const std::set<std::pair<pid_t, std::uint64_t>>& told_off,
                                                         std::uint64_t since) {
  std::multimap<pid_t, std::pair<pid_t, std::uint64_t>> children;
  for (const auto pid : all_pids()) {
    const auto stat = read_stat(pid);
    if (stat && !process_has_ended(*stat) && stat->start_time >= since && !told_off.contains({pid, stat->start_time}))
      children.emplace(stat->ppid, std::pair(pid, stat->start_time));
  }
  std::vector<std::pair<pid_t, std::uint64_t>> found{{::getpid(), 0}};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, past] = children.equal_range(found[i].first);
    for (auto at = first; at != past; ++at) found.push_back(at->second);
  }
  found.erase(found.begin());
  return found;
}

/// The system call that a thread of a stop is in; -1: none, or it is not known.
long call_of(pid_t pid, pid_t tid) {
  const auto text = read_file(fmt::format("/proc/{}/task/{}/syscall", pid, tid).c_str()).value_or("");
  long call = -1;
  std::from_chars(text.data(), text.data() + text.size(), call);
  return call;
}

pid_t process_of(pid_t tid) {
  const auto text = status_line(tid, "Tgid").value_or("");
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return pid;
}

unsigned long message_of(pid_t tid) {
  unsigned long message = 0;
  ::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message);
  return message;
}

struct two_ends {
  detail::descriptor read, write;
};

result<two_ends> open_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return start_failure("pipe");
  return two_ends{detail::descriptor(ends[0]), detail::descriptor(ends[1])};
}

/// In the child: waits until it is seized, and becomes the program.
[[noreturn]] void become_program(char* const* words, int go, int failure, const sigset_t& mask,
                                 const struct sigaction& of_children) {
  char word = 0;
  if (::read(go, &word, 1) != 1) ::_exit(127);
  ::sigaction(SIGCHLD, &of_children, nullptr);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execvp(words[0], words);
  const int number = errno;
  (void)!::write(failure, &number, sizeof number);
  ::_exit(number == ENOENT ? 127 : 126);
}

}  // namespace

result<watched_program> watched_program::start(const watch_order& order) {
  auto go = open_pipe(), failure = open_pipe();
  if (!go) return go.why();
  if (!failure) return failure.why();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto words = order.words;
  std::vector<char*> pointers;
  for (auto& each : words) pointers.push_back(each.data());
  pointers.push_back(nullptr);
  const auto all = passed_signals();
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &all, &before);
  struct sigaction of_children {
  }, usual{};
  usual.sa_handler = SIG_DFL;  // where it is ignored there is nothing to wait for
  ::sigaction(SIGCHLD, &usual, &of_children);
  // Who called exec(2) to become us may have had children: they are ours now.
  const auto had = descendants({}, 0);
  const pid_t pid = ::fork();
  if (pid < 0) return start_failure("fork");
  if (pid == 0) {
    go->write.reset();
    become_program(pointers.data(), go->read.get(), failure->write.get(), before, of_children);
  }
  watched_program made(order, pid);
  made.strangers_.insert(had.begin(), had.end());
  if (const auto stat = read_stat(pid)) made.born_ = stat->start_time;
  made.failure_ = std::move(failure->read);
  made.seize();
  (void)!::write(go->write.get(), "x", 1);
  return made;
}

/// The kernel lets go of all that we trace when we end, but without the signal of a stop that was waited for.
watched_program::~watched_program() {
  for (const auto& [tid, process] : processes_) {
    const auto held = held_.find(tid);
    const auto status = kept_threads()[tid].status.value_or(0);
    const bool is_of_signal = WIFSTOPPED(status) && status >> 16 == 0;
    const int signal = held != held_.end() ? held->second : is_of_signal ? WSTOPSIG(status) : 0;
    if (signal != 0) ::ptrace(PTRACE_CONT, tid, nullptr, static_cast<std::intptr_t>(signal));
    kept_threads().erase(tid);
  }
}

void watched_program::seize() {
  if (!order_.trace) {
    why_not_traced_ = "it is not traced (--no-trace)";
    return;
  }
  if (gains_rights(order_.words.front())) {
    why_not_traced_ = "it is set-user-ID, or has capabilities, which it would lose if it were traced";
    return;
  }
  std::uintptr_t options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
  if (order_.children) options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
  if (order_.exits) options |= PTRACE_O_TRACEEXIT;
  if (::ptrace(PTRACE_SEIZE, main_, nullptr, options) == 0) {
    kept_threads()[main_];
    processes_[main_] = main_;
  } else {
    why_not_traced_ = "it cannot be traced: " + (errno == EPERM ? trace_refusal(main_, main_).fact : ::strerror(errno));
  }
}

std::optional<int> watched_program::cannot_execute() const {
  ::fcntl(failure_.get(), F_SETFL, O_NONBLOCK);
  int number = 0;
  if (::read(failure_.get(), &number, sizeof number) != static_cast<ssize_t>(sizeof number)) return std::nullopt;
  return number;
}

bool watched_program::is_traced(pid_t pid) const {
  return std::any_of(processes_.begin(), processes_.end(), [pid](const auto& each) { return each.second == pid; });
}

std::vector<pid_t> watched_program::threads_of(pid_t pid) const {
  std::vector<pid_t> found;
  for (const auto& [tid, process] : processes_)
    if (process == pid) found.push_back(tid);
  return found;
}

std::vector<pid_t> watched_program::tree() const {
  std::vector<pid_t> found;
  for (const auto& [pid, start_time] : descendants(strangers_, born_)) found.push_back(pid);
  return found;
}

void watched_program::send_to_tree(int signal) const {
  for (const auto pid : tree()) {
    ::kill(pid, signal);
    ::kill(pid, SIGCONT);
  }
}

program_event watched_program::wait(std::optional<clock::time_point> until) {
  const auto all = passed_signals();
  for (;;) {
    look_at_all();
    if (!events_.empty()) {
      const auto next = events_.front();
      events_.pop_front();
      return next;
    }
    // Last, as nobody asks any more after that: what came together with it is told first.
    if (ended_) return {program_event::what::ended, main_, *std::exchange(ended_, std::nullopt), main_, {}};
    pass_on_what_is_due();
    const auto now = clock::now();
    if (until && now >= *until) return {};
    const auto turn = std::min(until.value_or(now + 1h), next_turn());
    const auto left = std::max(turn - now, clock::duration(0));
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec time{whole.count(), static_cast<long>((left - whole) / 1ns)}, none{};
    siginfo_t about{};
    int signal = ::sigtimedwait(&all, &about, &none);
    if (signal <= 0) {
      all_own_are_taken();
      signal = ::sigtimedwait(&all, &about, &time);
    }
    if (signal > 0 && signal != SIGCHLD) take_own(about);
  }
}

watched_program::clock::time_point watched_program::next_turn() const {
  auto turn = clock::now() + 1h;
  for (const auto& each : owed_) turn = std::min(turn, each.until);
  for (const auto& [tid, until] : unclear_) turn = std::min(turn, until);
  return turn;
}

void watched_program::look_at_all() {
  // What was seen of them while others stopped them.
  std::vector<std::pair<pid_t, int>> seen;
  for (auto& [tid, kept] : kept_threads())
    if (kept.status) seen.emplace_back(tid, *std::exchange(kept.status, std::nullopt));
  for (const auto& [tid, status] : seen) look_at(tid, status);
  for (;;) {
    int status = 0;
    const auto tid = ::waitpid(-1, &status, __WALL | WNOHANG | WUNTRACED | WCONTINUED);
    if (tid < 0 && errno == EINTR) continue;
    if (tid <= 0) break;
    look_at(tid, status);
  }
  std::vector<pid_t> clear;
  for (const auto& [tid, until] : unclear_)
    if (clock::now() >= until) clear.push_back(tid);
  for (const auto tid : clear) let(tid);
}

void watched_program::look_at(pid_t tid, int status) {
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    forget(tid);
    if (tid != main_) return;
    has_ended_ = true;
    ended_ = status;
    return;
  }
  if (WIFCONTINUED(status)) {
    if (tid == main_) is_stopped_ = false;
    return;
  }
  const int event = status >> 16, signal = WSTOPSIG(status);
  if (!processes_.contains(tid)) {
    if (event == 0 && tracer_of(tid) != ::getpid()) {
      if (tid == main_) program_has_stopped();
      return;
    }
    if (!adopt(tid)) return;
  }
  switch (event) {
    case 0:
      return take_signal(tid, signal);
    case PTRACE_EVENT_EXEC:
      return take_exec(tid);
    case PTRACE_EVENT_EXIT:
      return take_exit(tid);
    case PTRACE_EVENT_STOP:
      if (signal == SIGTRAP) break;
      kept_threads()[tid].stopped = false;
      ::ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);
      if (tid == main_) program_has_stopped();
      return;
    default:
      break;
  }
  if (tid == main_) is_stopped_ = false;
  let(tid);
}

/// One that the kernel has us trace because it was made by one that we trace. False: it is none of ours, and was let
/// go.
bool watched_program::adopt(pid_t tid) {
  const auto pid = process_of(tid);
  if (order_.children || is_traced(pid)) {
    processes_[tid] = pid;
    kept_threads()[tid];
    return true;
  }
  ::ptrace(PTRACE_DETACH, tid, nullptr, nullptr);
  return false;
}

void watched_program::let(pid_t tid, int signal) {
  kept_threads()[tid].stopped = false;
  unclear_.erase(tid);
  held_.erase(tid);
  ::ptrace(PTRACE_CONT, tid, nullptr, static_cast<std::intptr_t>(signal));
}

void watched_program::hold(pid_t tid, int signal) {
  kept_threads()[tid].stopped = true;
  held_[tid] = signal;
}

/// Is a thread of it held at a signal? Another one that goes on by a signal would end that one before its report.
bool watched_program::waits_for_report(pid_t pid) const {
  const auto threads = threads_of(pid);
  return std::any_of(threads.begin(), threads.end(), [this](pid_t each) {
    const auto held = held_.find(each);
    return held != held_.end() && held->second != 0;
  });
}

void watched_program::forget(pid_t tid) {
  processes_.erase(tid);
  kept_threads().erase(tid);
  held_.erase(tid);
  unclear_.erase(tid);
}

void watched_program::go_on(pid_t pid) {
  for (const auto tid : threads_of(pid))
    if (const auto held = held_.find(tid); held != held_.end()) let(tid, held->second);
}

void watched_program::take_signal(pid_t tid, int signal) {
  const auto pid = processes_[tid];
  if (pid == main_) note_delivery(tid, signal);
  if (!would_end_it(tid, signal) || !is_program(pid)) return let(tid, signal);
  if (!told_.insert(pid).second) return waits_for_report(pid) ? hold(tid, signal) : let(tid, signal);
  hold(tid, signal);
  program_event dying{program_event::what::dying, pid, signal, tid, {}};
  siginfo_t about{};
  const bool is_of_memory = signal == SIGSEGV || signal == SIGBUS;
  if (is_of_memory && ::ptrace(PTRACE_GETSIGINFO, tid, nullptr, &about) == 0 && about.si_code > 0)
    dying.address = reinterpret_cast<std::uintptr_t>(about.si_addr);
  events_.push_back(dying);
}

void watched_program::take_exec(pid_t tid) {
  const auto pid = process_of(tid);
  for (const auto other : threads_of(pid))
    if (other != tid) forget(other);
  if (const auto former = static_cast<pid_t>(message_of(tid)); former != tid) forget(former);
  told_.erase(pid);
  if (pid == main_) has_executed_ = true;
  if (!has_leak_sanitizer(pid)) return let(tid);
  let_go_of_process(pid, tid);
  if (pid == main_) why_not_traced_ = "it is not traced: LeakSanitizer, which it has, fails whoever is";
}

void watched_program::let_go_of_process(pid_t pid, pid_t tid) {
  for (const auto other : threads_of(pid)) forget(other);
  ::ptrace(PTRACE_DETACH, tid, nullptr, nullptr);
}

/// Threads end by themselves (exit), with their process (exit_group, or a signal), or because one of them executes
/// another program. Only the second is an end that is told.
void watched_program::take_exit(pid_t tid) {
  const auto pid = processes_[tid];
  if (!is_program(pid)) return let(tid);
  if (told_.contains(pid)) {
    if (!held_.contains(tid)) let(tid);
    return;
  }
  const auto status = static_cast<int>(message_of(tid));
  const auto call = call_of(pid, tid);
  const auto all = all_tids(pid);
  const bool is_last =
      std::all_of(all.begin(), all.end(), [&](pid_t each) { return each == tid || has_ended(pid, each); });
  if (!WIFSIGNALED(status) && call != SYS_exit_group && !is_last) {
    if (call == SYS_exit) return let(tid);
    hold(tid, 0);
    unclear_[tid] = clock::now() + 100ms;
    return;
  }
  told_.insert(pid);
  hold(tid, 0);
  gather_exits(pid);
  if (WIFSIGNALED(status))
    events_.push_back({program_event::what::dying, pid, WTERMSIG(status), tid, {}});
  else
    events_.push_back({program_event::what::exiting, pid, WEXITSTATUS(status), tid, {}});
}

/// The other threads of a process that ends are there for a moment more: they stop where they do so, and their stacks
/// can be told.
void watched_program::gather_exits(pid_t pid) {
  for (const auto until = clock::now() + 300ms; clock::now() < until;) {
    bool is_complete = true;
    for (const auto tid : threads_of(pid)) {
      unclear_.erase(tid);
      if (held_.contains(tid)) continue;
      int status = 0;
      const auto seen = ::waitpid(tid, &status, __WALL | WNOHANG);
      if (seen > 0 && WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_EXIT)
        hold(tid, 0);
      else if (seen > 0)
        look_at(tid, status);
      else if (!has_ended(pid, tid))
        is_complete = false;
    }
    if (is_complete) return;
    std::this_thread::sleep_for(1ms);
  }
}

void watched_program::note_delivery(pid_t tid, int signal) {
  siginfo_t about{};
  if (::ptrace(PTRACE_GETSIGINFO, tid, nullptr, &about) != 0 || about.si_code > 0) return;
  const auto same = [&](const sent_signal& each) { return each.number == signal && each.sender == about.si_pid; };
  const auto now = clock::now();
  std::erase_if(delivered_, [now](const sent_signal& each) { return each.until < now; });
  if (std::erase_if(owed_, same) == 0) delivered_.push_back({signal, about.si_pid, clock::time_point::max()});
}

/// What the program has got of a group's signal came to us with it, however late we look: one that comes after this was
/// sent to us alone.
void watched_program::all_own_are_taken() {
  const auto until = clock::now() + for_the_group;
  for (auto& each : delivered_) each.until = std::min(each.until, until);
}

/// A signal that came to us, not to the program. What the terminal sends it has sent to both.
void watched_program::take_own(const siginfo_t& about) {
  if (is_stop_of_terminal(about.si_signo)) {
    stop_until_ = clock::now() + 2s;
    if (about.si_code > 0 && is_stopped_) return stop_with_it();
  }
  if (about.si_code > 0 || about.si_pid == ::getpid() || about.si_pid == main_) return;
  const auto now = clock::now();
  std::erase_if(delivered_, [now](const sent_signal& each) { return each.until < now; });
  const auto same = [&](const sent_signal& each) {
    return each.number == about.si_signo && each.sender == about.si_pid;
  };
  if (const auto got = std::find_if(delivered_.begin(), delivered_.end(), same); got != delivered_.end()) {
    delivered_.erase(got);
    return;
  }
  owed_.push_back({about.si_signo, about.si_pid, is_traced(main_) ? now + for_the_group : now});
}

void watched_program::pass_on_what_is_due() {
  const auto now = clock::now();
  std::erase_if(owed_, [&](const sent_signal& each) {
    if (each.until > now) return false;
    if (!has_ended_) ::kill(main_, each.number);
    return true;
  });
}

void watched_program::program_has_stopped() {
  is_stopped_ = true;
  if (stop_until_ && clock::now() < *stop_until_) stop_with_it();
}

/// So that the shell has its terminal again. Whoever lets us go on lets the program, which is in our process group.
void watched_program::stop_with_it() {
  stop_until_.reset();
  ::raise(SIGSTOP);
}

}  // namespace tasks::cli
