// How the views scale: a million blocked tasks, a hundred agents. Prints a table; every figure is of this run.

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/program.hpp"

extern char** environ;

namespace {

using tasks::testing::program;

struct measured {
  double ms;
  long rss_kib;
};

/// Runs a command with its output to /dev/null.
measured measure(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  const auto start = std::chrono::steady_clock::now();
  pid_t pid = 0;
  if (posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ) != 0)
    throw std::runtime_error("cannot start " + command[0]);
  posix_spawn_file_actions_destroy(&files);
  int status = 0;
  rusage used{};
  wait4(pid, &status, 0, &used);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  if (status != 0) throw std::runtime_error(command[0] + " " + command[1] + " failed");
  return {took.count(), used.ru_maxrss};
}

/// The median of `times` runs.
measured median(const std::vector<std::string>& command, int times) {
  std::vector<measured> all;
  for (int i = 0; i < times; ++i) all.push_back(measure(command));
  std::ranges::sort(all, {}, &measured::ms);
  return all[all.size() / 2];
}

struct state {
  long rss_kib, gap_us;
};
state ask(program& target) {
  target.write("\n");
  state s{};
  if (std::sscanf(target.read_line().c_str(), "%ld %ld", &s.rss_kib, &s.gap_us) != 2)
    throw std::runtime_error("target");
  return s;
}

void view(program& target, const char* name, const std::vector<std::string>& command) {
  const auto before = ask(target);
  measure({"sleep", "1"});
  const auto idle = ask(target);
  const auto took = median(command, 3);
  const auto after = ask(target);
  std::printf("| %s | %.0f ms | %+.1f MiB | %.0f MiB | %.1f ms (idle %.1f ms) |\n", name, took.ms,
              static_cast<double>(after.rss_kib - before.rss_kib) / 1024, static_cast<double>(took.rss_kib) / 1024,
              static_cast<double>(after.gap_us) / 1000, static_cast<double>(idle.gap_us) / 1000);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string tasks = tasks::testing::tasks_executable();
  const std::string count = argc > 1 ? argv[1] : "1000000";
  {
    program target({TASKS_SCALE_TARGET, count, "probe"});
    std::printf("%s tasks of three frames blocked on a channel (median of 3):\n\n", count.c_str());
    std::puts("| view | to the last byte | target's RSS | CLI's RSS | longest gap in the target |");
    std::puts("| --- | --- | --- | --- | --- |");
    view(target, "`tasks stack --group`", {tasks, "stack", "--group", "-p", target.pid_text()});
    view(target, "`tasks stack`", {tasks, "stack", "-p", target.pid_text()});
    view(target, "`tasks vitals`", {tasks, "vitals", "-p", target.pid_text()});
  }
  std::puts("\nSmall targets (median of 21):\n");
  std::puts("| command | time |");
  std::puts("| --- | --- |");
  std::list<program> agents;
  for (int i = 0; i < 100; ++i) agents.emplace_back(std::vector<std::string>{TASKS_SCALE_TARGET, "10"});
  std::printf("| `true` (a process start) | %.1f ms |\n", median({"true", ""}, 21).ms);
  std::printf("| `tasks vitals`, 10 tasks | %.1f ms |\n",
              median({tasks, "vitals", "-p", agents.front().pid_text()}, 21).ms);
  std::printf("| `tasks list`, 100 agents | %.1f ms |\n", median({tasks, "list"}, 21).ms);
}
