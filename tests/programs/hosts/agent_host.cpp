// A process with an agent and tasks as many and as deep as asked for, which does what its standard input says, a word
// a line, and answers each with a line. Ends when its input does.
//
//   agent_host [--no-agent] [--tasks N] [--depth D] [--churn] [--user ID] [--no-unshare]

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
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
  unsigned user = 0;
  bool unshare = true;
};

options parse(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--no-agent") o.agent = false;
    if (word == "--churn") o.churn = true;
    if (word == "--no-unshare") o.unshare = false;
    if (word == "--user" && i + 1 < argc) o.user = static_cast<unsigned>(std::strtoul(argv[++i], nullptr, 10));
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

/// As services do that begin as root.
void become(unsigned user) {
  if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) std::exit(1);
  prctl(PR_SET_DUMPABLE, 1);
}

/// As a sandbox does that ends a thread for what it must not ask.
int forbid(unsigned call) {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(rules)), rules};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
}

/// No more than is mapped now, or as much as there is.
int limit_memory(bool limited) {
  rlimit most{};
  getrlimit(RLIMIT_AS, &most);
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  most.rlim_cur = limited ? pages * static_cast<rlim_t>(getpagesize()) : most.rlim_max;
  return setrlimit(RLIMIT_AS, &most);
}

/// The main thread ends, another goes on until the input ends.
[[noreturn]] void leave_main() {
  std::thread([] {
    for (char byte; read(STDIN_FILENO, &byte, 1) > 0;) continue;
  }).detach();
  std::cout << "left" << std::endl;
  pthread_exit(nullptr);
}

int count_open() {
  int count = 0;
  for (int fd = STDERR_FILENO + 1; fd < 64; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

/// Forks while another thread starts and stops an agent. How many of the children have a descriptor of their parent's
/// agent.
int fork_while_starting() {
  const int before = count_open();
  std::atomic<bool> done{false};
  std::atomic<int> forks{0};
  std::thread starter([&done, &forks] {
    for (int seen = 0; !done;) {
      if (forks == seen) {
        std::this_thread::yield();
        continue;
      }
      seen = forks;  // one for each: a fork waits for it, and might never have a turn else
      const tasks::agent each;
    }
  });
  int wrong = 0;
  for (int i = 0; i < 300; ++i) {
    ++forks;
    const pid_t child = fork();
    if (child == 0) _exit(count_open() == before ? 0 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) ++wrong;
  }
  done = true;
  starter.join();
  return wrong;
}

std::atomic<int> forks_in_handler{0};

void fork_in_handler(int) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  ++forks_in_handler;
}

/// Has a handler fork, again and again, while its thread asks how the agent is, and begins and ends another user of it.
int fork_in_handlers() {
  struct sigaction action {};
  action.sa_handler = fork_in_handler;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval often{.it_interval = {0, 500}, .it_value = {0, 500}};
  setitimer(ITIMER_REAL, &often, nullptr);
  while (forks_in_handler < 500) {
    const tasks::agent another;
    static_cast<void>(tasks::agent::status());
  }
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  return 0;
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
  if (o.user != 0) become(o.user);
  if (!o.unshare && forbid(SYS_unshare) != 0) return 1;
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
    if (word == "single_threaded") std::cout << static_cast<int>(__libc_single_threaded) << std::endl;
    if (word == "limit_memory") std::cout << limit_memory(true) << std::endl;
    if (word == "free_memory") std::cout << limit_memory(false) << std::endl;
    if (word == "forbid_poll") std::cout << forbid(SYS_ppoll) << std::endl;
    if (word == "leave_main") leave_main();
    if (word == "exec") execl("/proc/self/exe", "agent_host", "--tasks", "2", nullptr);
    if (word == "fork_while_starting")
      std::cout << fork_while_starting() << std::endl;
    else if (word == "fork_in_handlers")
      std::cout << fork_in_handlers() << std::endl;
    else if (word.starts_with("fork"))
      std::cout << fork_child(word) << std::endl;
    if (word == "end_tasks") tasks.clear(), std::cout << tasks::count() << std::endl;
  }
  done = true;
  if (churner.joinable()) churner.join();
}
