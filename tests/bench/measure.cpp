#include "measure.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

extern char** environ;

namespace tasks::bench {

measured measure(const std::vector<std::string>& command, const std::string& output) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  const auto start = std::chrono::steady_clock::now();
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) throw std::runtime_error("cannot start " + command[0]);
  int status = 0;
  rusage used{};
  wait4(pid, &status, 0, &used);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  if (status != 0) throw std::runtime_error(command[0] + " " + command[1] + " failed");
  return {took.count(), used.ru_maxrss};
}

measured median(const std::vector<std::string>& command, int times) {
  std::vector<measured> all;
  for (int i = 0; i < times; ++i) all.push_back(measure(command));
  std::ranges::sort(all, {}, &measured::ms);
  return all[all.size() / 2];
}

target_state ask(testing::program& target) {
  target.write("\n");
  target_state now;
  if (std::sscanf(target.read_line().c_str(), "%ld %ld", &now.rss_kib, &now.gap_us) != 2)
    throw std::runtime_error("target");
  return now;
}

}  // namespace tasks::bench
