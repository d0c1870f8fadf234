#include "support/pty.hpp"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace tasks::testing {
namespace {

/// A line that says what takes so long is there on a busy machine, and gone again: see base/progress.
std::string without_progress(std::string seen) {
  constexpr std::string_view begin = "\rlooking", end = "\r\033[K";
  for (auto at = seen.find(begin); at != seen.npos; at = seen.find(begin, at)) {
    const auto erased = seen.find(end, at);
    seen.erase(at, erased == seen.npos ? seen.npos : erased + end.size() - at);
  }
  return seen;
}

}  // namespace

outcome run_on_terminal(const std::vector<std::string>& argv, unsigned columns, const environment& env,
                        const std::function<void(const std::string&)>& on_more) {
  winsize size{};
  size.ws_row = 24;
  size.ws_col = static_cast<unsigned short>(columns);
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (pid < 0) throw std::runtime_error("no terminal to be had");
  if (pid == 0) {
    ::setenv("TASKS_CACHE", "off", 0);
    for (const auto& variable : env) {
      const auto equals = variable.find('=');
      if (equals == variable.npos) {
        ::unsetenv(variable.c_str());
      } else {
        ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
      }
    }
    std::vector<std::string> words = argv;
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    ::execvp(pointers[0], pointers.data());
    ::_exit(127);
  }
  outcome seen;
  char buffer[4096];
  for (;;) {
    pollfd waiting{terminal, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(guard).count())) <= 0) {
      ::kill(pid, SIGKILL);
      break;
    }
    const auto n = ::read(terminal, buffer, sizeof buffer);
    if (n <= 0) break;  // EIO: the other end is closed
    seen.out.append(buffer, static_cast<std::size_t>(n));
    if (on_more) on_more(seen.out);
  }
  ::close(terminal);
  int status = 0;
  ::waitpid(pid, &status, 0);
  seen.end.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  seen.end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  seen.out = without_progress(std::move(seen.out));
  for (auto at = seen.out.find("\r\n"); at != seen.out.npos; at = seen.out.find("\r\n", at)) seen.out.erase(at, 1);
  return seen;
}

}  // namespace tasks::testing
