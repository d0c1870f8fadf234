#include "linux/piped_child.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>
#include <utility>

namespace tasks::cli {
namespace {

using detail::descriptor;

error cannot_start(const std::string& program, int number) {
  return {error_code::system, program, std::string("cannot be started: ") + ::strerror(number), ""};
}

struct both_ends {
  descriptor read, write;
};

result<both_ends> make_pipe(const std::string& program) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot_start(program, errno);
  return both_ends{descriptor(ends[0]), descriptor(ends[1])};
}

void make_nonblocking(const descriptor& fd) {
  if (fd) ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
}

/// In the child: becomes the program. Its descriptors are ours but for those of `streams` that are not -1.
[[noreturn]] void become(std::vector<char*>& argv, std::initializer_list<int> streams, bool ignores_interrupts,
                         int failure) {
  int stream = 0;
  for (const int fd : streams) {
    if (fd >= 0) ::dup2(fd, stream);
    ++stream;
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int each : {SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGHUP, SIGCHLD}) ::signal(each, SIG_DFL);
  if (ignores_interrupts) ::signal(SIGINT, SIG_IGN);
  ::execvp(argv[0], argv.data());
  const int number = errno;
  (void)!::write(failure, &number, sizeof number);
  ::_exit(127);
}

/// Its pid, once it is the program.
result<pid_t> fork_and_become(const std::vector<std::string>& argv, std::initializer_list<int> streams,
                              bool ignores_interrupts) {
  auto words = argv;
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  auto failure = make_pipe(argv.front());
  if (!failure) return failure.why();
  const pid_t pid = ::fork();
  if (pid < 0) return cannot_start(argv.front(), errno);
  if (pid == 0) become(pointers, streams, ignores_interrupts, failure->write.get());
  failure->write = descriptor();
  int number = 0;
  if (::read(failure->read.get(), &number, sizeof number) != static_cast<ssize_t>(sizeof number)) return pid;
  ::waitpid(pid, nullptr, 0);
  return cannot_start(argv.front(), number);
}

}  // namespace

result<piped_child> piped_child::start(const std::vector<std::string>& argv, pipes which) {
  auto in = make_pipe(argv.front()), out = make_pipe(argv.front());
  if (!in) return in.why();
  if (!out) return out.why();
  both_ends err;
  if (which.error) {
    auto made = make_pipe(argv.front());
    if (!made) return made.why();
    err = *std::move(made);
  }
  const auto pid = fork_and_become(argv, {in->read.get(), out->write.get(), which.error ? err.write.get() : -1}, true);
  if (!pid) return pid.why();
  piped_child child(*pid);
  child.input = std::move(in->write);
  child.output = std::move(out->read);
  child.error = std::move(err.read);
  for (const auto* each : {&child.input, &child.output, &child.error}) make_nonblocking(*each);
  return child;
}

piped_child::piped_child(piped_child&& other) noexcept
    : input(std::move(other.input)),
      output(std::move(other.output)),
      error(std::move(other.error)),
      pid_(std::exchange(other.pid_, -1)),
      status_(other.status_) {}

piped_child::~piped_child() {
  if (pid_ < 0 || status()) return;
  send_signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::optional<int> piped_child::status() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

void piped_child::send_signal(int signal) const noexcept {
  if (pid_ > 0 && !status_) ::kill(pid_, signal);
}

result<int> run_on_our_terminal(const std::vector<std::string>& argv) {
  struct sigaction ignore {
  }, interrupt, quit;
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGINT, &ignore, &interrupt);
  ::sigaction(SIGQUIT, &ignore, &quit);
  const auto pid = fork_and_become(argv, {}, false);
  int status = 0;
  while (pid && ::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  ::sigaction(SIGINT, &interrupt, nullptr);
  ::sigaction(SIGQUIT, &quit, nullptr);
  if (!pid) return pid.why();
  return status;
}

}  // namespace tasks::cli
