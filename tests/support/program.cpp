#include "support/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <utility>

extern char** environ;

namespace tasks::testing {
namespace {

using clock = std::chrono::steady_clock;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

/// A file descriptor that is closed at the end of its scope.
class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  ~descriptor() { reset(); }
  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
  descriptor& operator=(descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

struct pipe_ends {
  descriptor read;
  descriptor write;
};

pipe_ends make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) fail(errno, "pipe2");
  return {descriptor(fds[0]), descriptor(fds[1])};
}

std::vector<std::string> merged_environment(const environment& changes) {
  std::vector<std::string> result;
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    // What is printed into a pipe is not to depend on how wide somebody's terminal is.
    if (name_of(*entry) == "COLUMNS") continue;
    const bool changed = std::any_of(changes.begin(), changes.end(),
                                     [&](const std::string& change) { return name_of(change) == name_of(*entry); });
    if (!changed) result.emplace_back(*entry);
  }
  std::copy_if(changes.begin(), changes.end(), std::back_inserter(result),
               [](const std::string& change) { return change.find('=') != std::string::npos; });
  // A test leaves nothing in its user's home; one of the cache says where that is, and so may who runs them all.
  if (std::getenv("TASKS_CACHE") == nullptr && std::none_of(changes.begin(), changes.end(), [&](const auto& change) {
        return name_of(change) == "TASKS_CACHE";
      }))
    result.emplace_back("TASKS_CACHE=off");
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

/// Starts argv with these descriptors as 0, 1 and (unless it is -1) 2, no signal blocked and none ignored.
pid_t spawn(std::vector<std::string> argv, const environment& env, int in, int out, int err) {
  std::vector<std::string> variables = merged_environment(env);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  if (err >= 0) posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, argv.at(0).c_str(), &actions, &attributes, pointers(argv).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail(error, "cannot start " + argv[0]);
  return pid;
}

/// Milliseconds left, for poll(); 0 when there are none.
int left(clock::time_point deadline) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
  return static_cast<int>(std::max<decltype(ms)>(ms, 0));
}

/// Waits until `pid` has ended; true when it has, before the deadline.
bool ended(pid_t pid, clock::time_point deadline) {
  const descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (handle.get() < 0) fail(errno, "pidfd_open");
  pollfd waited{handle.get(), POLLIN, 0};
  int count = 0;
  do {
    count = ::poll(&waited, 1, left(deadline));
  } while (count < 0 && errno == EINTR);
  return count > 0;
}

ending reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) fail(errno, "waitpid");
  }
  return WIFEXITED(status) ? ending{WEXITSTATUS(status), 0} : ending{-1, WTERMSIG(status)};
}

/// Appends what can be read now. False at the end of the stream.
bool read_some(int fd, std::string& into) {
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0) {
    if (errno == EINTR || errno == EAGAIN) return true;
    fail(errno, "read");
  }
  into.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

/// A pipe's reader may go before everything is written; that must not end the test.
void ignore_broken_pipes() {
  static const auto previous = ::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(previous);
}

/// 60, unless the environment says otherwise.
std::chrono::seconds chosen_guard() {
  const char* other = std::getenv("TASKS_TEST_GUARD");
  const std::chrono::seconds chosen(other == nullptr ? 60 : std::atoi(other));
  if (chosen.count() <= 0) throw std::invalid_argument("TASKS_TEST_GUARD is no number of seconds");
  return chosen;
}

}  // namespace

// Before whatever a test's own initialization runs, for which it would be none.
[[gnu::init_priority(101)]] const std::chrono::seconds guard = chosen_guard();

outcome run(const std::vector<std::string>& argv, const environment& env, std::string_view input) {
  ignore_broken_pipes();
  pipe_ends in = make_pipe();
  pipe_ends out = make_pipe();
  pipe_ends err = make_pipe();
  const pid_t pid = spawn(argv, env, in.read.get(), out.write.get(), err.write.get());
  in.read.reset();
  out.write.reset();
  err.write.reset();
  if (::fcntl(in.write.get(), F_SETFL, O_NONBLOCK) != 0) fail(errno, "fcntl");

  outcome result;
  const auto deadline = clock::now() + guard;
  while (out.read.get() >= 0 || err.read.get() >= 0) {
    if (input.empty()) in.write.reset();
    std::array<pollfd, 3> waited{pollfd{out.read.get(), POLLIN, 0}, pollfd{err.read.get(), POLLIN, 0},
                                 pollfd{in.write.get(), POLLOUT, 0}};
    if (::poll(waited.data(), waited.size(), left(deadline)) == 0) {
      ::kill(pid, SIGKILL);
      reap(pid);
      throw std::runtime_error(argv[0] + " did not end; it said: " + result.out + result.err);
    }
    if (waited[0].revents != 0 && !read_some(out.read.get(), result.out)) out.read.reset();
    if (waited[1].revents != 0 && !read_some(err.read.get(), result.err)) err.read.reset();
    if (waited[2].revents != 0) {
      const ssize_t count = ::write(in.write.get(), input.data(), input.size());
      input.remove_prefix(count < 0 ? input.size() : static_cast<std::size_t>(count));
    }
  }
  if (!ended(pid, deadline)) ::kill(pid, SIGKILL);
  result.end = reap(pid);
  return result;
}

program::program(unready, const std::vector<std::string>& argv, const environment& env) {
  ignore_broken_pipes();
  pipe_ends in = make_pipe();
  pipe_ends out = make_pipe();
  pid_ = spawn(argv, env, in.read.get(), out.write.get(), -1);
  input_ = in.write.release();
  output_ = out.read.release();
}

program::program(const std::vector<std::string>& argv, const environment& env) : program(unready{}, argv, env) {
  std::string line;
  while ((line = read_line()) != "ready") greeting_.push_back(line);
}

program::program(program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, -1)),
      unread_(std::move(other.unread_)),
      greeting_(std::move(other.greeting_)) {}

program::~program() {
  close_input();
  if (output_ >= 0) ::close(output_);
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string program::read_line() {
  const auto deadline = clock::now() + guard;
  for (;;) {
    if (const auto newline = unread_.find('\n'); newline != std::string::npos) {
      std::string line = unread_.substr(0, newline);
      unread_.erase(0, newline + 1);
      return line;
    }
    pollfd waited{output_, POLLIN, 0};
    if (::poll(&waited, 1, left(deadline)) == 0) throw std::runtime_error("no line came; so far: " + unread_);
    if (!read_some(output_, unread_)) throw std::runtime_error("the program's output ended; so far: " + unread_);
  }
}

std::string program::read_until(std::string_view prefix) {
  for (;;) {
    const std::string line = read_line();
    if (line.starts_with(prefix)) return line.substr(prefix.size());
  }
}

std::string program::value(std::string_view name) const {
  const std::string prefix = std::string(name) + ' ';
  for (const std::string& line : greeting_) {
    if (line.starts_with(prefix)) return line.substr(prefix.size());
  }
  throw std::runtime_error("the program did not say its " + std::string(name));
}

void program::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(input_, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno, "write to the program");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void program::close_input() noexcept {
  if (input_ >= 0) ::close(std::exchange(input_, -1));
}

void program::send_signal(int signal) const noexcept {
  if (pid_ > 0) ::kill(pid_, signal);
}

void program::suspend() const noexcept {
  send_signal(SIGSTOP);
  while (::waitpid(pid_, nullptr, WUNTRACED) < 0 && errno == EINTR) {
  }
}

ending program::wait() {
  if (!ended(pid_, clock::now() + guard)) throw std::runtime_error("process " + pid_text() + " did not end");
  return reap(std::exchange(pid_, -1));
}

ending program::stop() {
  close_input();
  return wait();
}

void wait_until_shown(std::vector<std::string> words, std::string_view text) {
  words.insert(words.begin(), tasks_executable());
  const auto deadline = clock::now() + guard;
  while (run(words).out.find(text) == std::string::npos) {
    if (clock::now() > deadline) throw std::runtime_error("`tasks` does not show " + std::string(text));
  }
}

std::string program_path(std::string_view name) { return TASKS_TEST_PROGRAMS "/" + std::string(name); }

std::string tasks_executable() {
  const char* other = std::getenv("TASKS_TEST_EXECUTABLE");
  return other != nullptr ? other : TASKS_TEST_EXECUTABLE;
}

}  // namespace tasks::testing
