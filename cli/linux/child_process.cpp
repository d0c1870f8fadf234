#include "linux/child_process.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int given_as = 3;
constexpr auto grace = 2s;

error failure(const char* what) {
  return {error_code::system, "", std::string("cannot start a process: ") + what + ": " + ::strerror(errno), ""};
}

/// As exec takes them. Valid as long as they are.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Only what fork(2) leaves to a process with threads: no allocation, no lock.
[[noreturn]] void become(char* const* words, char* const* variables, int given, int in, int out, int err,
                         std::uint64_t most_bytes) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const rlimit bytes{most_bytes, most_bytes};
  ::setrlimit(RLIMIT_FSIZE, &bytes);
  if (const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); score >= 0) {
    if (::write(score, "1000", 4) != 4) ::close(score);
  }
  if (::dup2(in, STDIN_FILENO) < 0 || ::dup2(out, STDOUT_FILENO) < 0 || ::dup2(err, STDERR_FILENO) < 0) ::_exit(127);
  // What has that number already would stay closed at exec.
  if (given == given_as)
    ::fcntl(given, F_SETFD, 0);
  else if (given >= 0 && ::dup2(given, given_as) < 0)
    ::_exit(127);
  ::execve("/proc/self/exe", words, variables);
  ::_exit(127);
}

/// Waits for the end of a child of ours, and reaps it.
class awaited_child {
 public:
  awaited_child(pid_t pid, const child_order& order)
      : pid_(pid), order_(order), watched_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

  child_end wait() {
    child_end end;
    const auto deadline = clock::now() + order_.patience;
    while (!is_over(100ms)) {
      if (order_.is_unwanted && order_.is_unwanted())
        end.ended = child_end::how::unwanted;
      else if (clock::now() >= deadline)
        end.ended = child_end::how::out_of_time;
      else
        continue;
      stop();
      break;
    }
    const int status = reap();
    if (end.ended != child_end::how::exited) return end;
    if (WIFEXITED(status))
      end.code = WEXITSTATUS(status);
    else
      end.ended = WTERMSIG(status) == SIGXFSZ ? child_end::how::too_much : child_end::how::killed;
    return end;
  }

 private:
  [[nodiscard]] bool is_over(std::chrono::milliseconds within) const {
    pollfd end{watched_.get(), POLLIN, 0};
    if (watched_) return ::poll(&end, 1, static_cast<int>(within.count())) > 0;
    siginfo_t about{};
    ::poll(nullptr, 0, 20);
    return ::waitid(P_PID, static_cast<id_t>(pid_), &about, WEXITED | WNOHANG | WNOWAIT) == 0 && about.si_pid == pid_;
  }

  /// It may hold a target's threads, which it lets go of when it is asked to end.
  void stop() const {
    ::kill(pid_, SIGTERM);
    for (const auto until = clock::now() + grace; clock::now() < until;)
      if (is_over(50ms)) return;
    ::kill(pid_, SIGKILL);
  }

  [[nodiscard]] int reap() const {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  pid_t pid_;
  const child_order& order_;
  descriptor watched_;
};

}  // namespace

result<int> open_nameless_file(const char* name) {
  const int file = ::memfd_create(name, MFD_CLOEXEC);
  if (file < 0) return failure("memfd_create");
  return file;
}

std::string read_whole(int file) {
  const auto end = ::lseek(file, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::max<off_t>(end, 0)), '\0');
  for (std::size_t got = 0; got < text.size();) {
    const auto more = ::pread(file, text.data() + got, text.size() - got, static_cast<off_t>(got));
    if (more <= 0) {
      text.resize(got);
      break;
    }
    got += static_cast<std::size_t>(more);
  }
  return text;
}

result<child_end> run_this_program(const child_order& order) {
  const auto out_file = open_nameless_file("tasks-output"), err_file = open_nameless_file("tasks-errors");
  const descriptor out(out_file ? *out_file : -1), err(err_file ? *err_file : -1);
  const descriptor in(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!out || !err) return out_file ? err_file.why() : out_file.why();
  if (!in) return failure("/dev/null");

  auto words = order.words;
  words.insert(words.begin(), "tasks");
  auto variables = order.variables;
  for (char** each = ::environ; *each != nullptr; ++each) variables.emplace_back(*each);
  const auto word_pointers = pointers_to(words), variable_pointers = pointers_to(variables);
  const pid_t pid = ::fork();
  if (pid < 0) return failure("fork");
  if (pid == 0)
    become(word_pointers.data(), variable_pointers.data(), order.given, in.get(), out.get(), err.get(),
           order.most_bytes);

  auto end = awaited_child(pid, order).wait();
  end.out = read_whole(out.get());
  end.err = read_whole(err.get());
  return end;
}

}  // namespace tasks::cli
