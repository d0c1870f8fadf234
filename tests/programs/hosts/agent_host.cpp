// A process with an agent and tasks as many and as deep as asked for, which does what its standard input says, a word
// a line, and answers each with a line. Ends when its input does.
//
//   agent_host [--no-agent] [--tasks N] [--depth D] [--churn]

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/fake_task.hpp"
#include "tasks/agent.hpp"
#include "tasks/this_task.hpp"

namespace {

using tasks::testing::fake_task;

struct options {
  bool agent = true;
  bool churn = false;
  unsigned long tasks = 0;
  unsigned long depth = 3;
};

options parse(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--no-agent") o.agent = false;
    if (word == "--churn") o.churn = true;
    if (word == "--tasks" && i + 1 < argc) o.tasks = std::strtoul(argv[++i], nullptr, 10);
    if (word == "--depth" && i + 1 < argc) o.depth = std::strtoul(argv[++i], nullptr, 10);
  }
  return o;
}

fake_task receiver(unsigned long depth) {
  fake_task task;
  task.run();
  for (unsigned long i = 1; i < depth; ++i) task.enter();
  task.wait(tasks::layout::wait_kind::channel_receive, 0x5000, tasks::layout::detail_kind::capacity, 8);
  return task;
}

/// Begins, switches and ends tasks without pause.
void churn(const std::atomic<bool>& done) {
  while (!done) {
    fake_task task;
    for (int i = 0; i < 4 && !done; ++i) {
      task.run().enter().enter().wait(tasks::layout::wait_kind::timer);
      task.leave().leave();
    }
  }
}

std::string describe_agent() {
  const auto report = tasks::agent::status();
  return std::to_string(static_cast<unsigned>(report.code)) + " " + std::to_string(report.error) + " " + report.path;
}

/// As programs do that become daemons.
int close_all() {
  for (int fd = STDERR_FILENO + 1; fd < 256; ++fd) close(fd);
  return 0;
}

/// Pipes, at the numbers that are free; see spoiled_pipes().
std::vector<std::array<int, 2>> pipes;
std::size_t take_numbers() {
  for (std::array<int, 2> ends{}; pipes.size() < 32 && pipe2(ends.data(), O_NONBLOCK) == 0;) pipes.push_back(ends);
  return pipes.size();
}

/// How many of them are closed, or have something in them that nobody here has written.
long spoiled_pipes() {
  return std::count_if(pipes.begin(), pipes.end(), [](const auto& ends) {
    char byte = 0;
    return read(ends[0], &byte, 1) != -1 || errno != EAGAIN || write(ends[1], "x", 1) != 1 ||
           read(ends[0], &byte, 1) != 1 || byte != 'x';
  });
}

/// Forks. The child says what became of its agent, does as `how` says, and stays until its parent ends.
std::string fork_child(const std::string& how) {
  static int lifetime[2] = {-1, -1};
  if (lifetime[0] < 0 && pipe(lifetime) != 0) return "failed";
  int says[2];
  if (pipe(says) != 0) return "failed";
  const pid_t child = fork();
  if (child == 0) {
    static std::optional<tasks::agent> own;
    if (how == "fork_agent") own.emplace();
    const auto text = how == "fork_spoiled" ? std::to_string(spoiled_pipes()) + "\n"
                                            : std::to_string(getpid()) + " " + describe_agent() + "\n";
    if (write(says[1], text.data(), text.size()) < 0) std::_Exit(1);
    if (how == "fork_exit" || how == "fork_spoiled") std::exit(0);
    close(lifetime[1]);
    dup2(lifetime[0], STDIN_FILENO);  // the commands are the parent's
    if (how == "fork_exec") execl("/bin/cat", "cat", nullptr);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    std::exit(0);
  }
  close(says[1]);
  std::string text;
  char byte;
  while (read(says[0], &byte, 1) == 1 && byte != '\n') text += byte;
  close(says[0]);
  if (how == "fork_exit" || how == "fork_spoiled") waitpid(child, nullptr, 0);
  return text;
}

/// Until no number is left.
int fill() {
  rlimit few{};
  getrlimit(RLIMIT_NOFILE, &few);
  few.rlim_cur = 64;
  setrlimit(RLIMIT_NOFILE, &few);
  while (dup(STDIN_FILENO) >= 0) continue;
  return errno;
}

/// Descriptors of the program's.
long count_descriptors() {
  const auto all = std::filesystem::directory_iterator("/proc/self/fd");
  return std::distance(begin(all), end(all)) - 1;  // the iterator's own
}

}  // namespace

int main(int argc, char** argv) {
  const auto o = parse(argc, argv);
  static std::optional<tasks::agent> agent;  // static: it is destroyed by exit(), in a forked child as well
  static std::optional<tasks::agent> second;
  if (o.agent) agent.emplace();
  std::deque<fake_task> tasks;
  for (unsigned long i = 0; i < o.tasks; ++i) tasks.push_back(receiver(o.depth));
  std::atomic<bool> done{false};
  std::thread churner;
  if (o.churn) churner = std::thread([&done] { churn(done); });
  std::cout << "ready" << std::endl;

  std::string word;
  while (std::cin >> word) {
    if (word == "status") std::cout << describe_agent() << std::endl;
    if (word == "annotate") {  // a task that runs, and one of two descriptors
      tasks.front().wake();
      tasks::this_task::set_name("conn 42");
      tasks::this_task::set_label("user", "ann");
      tasks::this_task::set_label("role", "\xff");
      tasks.back().wake().wait(tasks::layout::wait_kind::socket_read, 0x6000, tasks::layout::detail_kind::none, 0, 9);
      std::cout << gettid() << std::endl;
    }
    if (word == "count") std::cout << tasks::count() << std::endl;
    if (word == "stop") agent.reset(), std::cout << describe_agent() << std::endl;
    if (word == "start") agent.emplace(), std::cout << describe_agent() << std::endl;
    if (word == "start_second") second.emplace(), std::cout << describe_agent() << std::endl;
    if (word == "stop_second") second.reset(), std::cout << describe_agent() << std::endl;
    if (word == "drop_privileges") std::cout << setresuid(65534, 65534, 65534) << std::endl;
    if (word == "descriptors") std::cout << count_descriptors() << std::endl;
    if (word == "close_all") std::cout << close_all() << std::endl;
    if (word == "take_numbers") std::cout << take_numbers() << std::endl;
    if (word == "spoiled") std::cout << spoiled_pipes() << std::endl;
    if (word == "fill") std::cout << fill() << std::endl;
    if (word == "close_output") close(STDOUT_FILENO);
    if (word == "exec") execl("/proc/self/exe", "agent_host", "--tasks", "2", nullptr);
    if (word.starts_with("fork")) std::cout << fork_child(word) << std::endl;
    if (word == "end_tasks") tasks.clear(), std::cout << tasks::count() << std::endl;
  }
  done = true;
  if (churner.joinable()) churner.join();
}
