// A million tasks need no more memory than ten.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "support/lab_script.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

struct usage {
  int status = -1;
  long max_rss_kib = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
};

/// Runs `tasks` and counts what it prints.
usage count_output(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  int out[2];
  EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::dup2(out[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(out[1]);
  usage seen;
  std::vector<char> buffer(1 << 20);
  for (ssize_t n; (n = ::read(out[0], buffer.data(), buffer.size())) > 0;) {
    seen.bytes += static_cast<std::uint64_t>(n);
    seen.lines += static_cast<std::uint64_t>(std::count(buffer.begin(), buffer.begin() + n, '\n'));
  }
  ::close(out[0]);
  rusage used{};
  ::wait4(pid, &seen.status, 0, &used);
  seen.max_rss_kib = used.ru_maxrss;
  return seen;
}

fake_agent::script many(std::uint64_t tasks) {
  auto script = small_script();
  script.generated_tasks = tasks;
  script.trailer.set_matched(tasks);
  script.trailer.set_shown(tasks);
  script.trailer.set_total(tasks);
  return script;
}

#if defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define SANITIZED
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SANITIZED)
constexpr bool memory_counts = false;  // a sanitizer's own
constexpr std::uint64_t crowd = 100'000;
#else
constexpr bool memory_counts = true;
constexpr std::uint64_t crowd = 1'000'000;
#endif
constexpr long limit_kib = 64 * 1024;

TEST(ACrowdOfTasks, IsAllPrintedWithinTheMemoryBound) {
  const fake_agent target(many(crowd));
  const auto seen = count_output({"stack", target.pid_text(), "--timeout", "60"});
  EXPECT_EQ(seen.status, 0);
  // A header, three frames of two lines, who spawned it, and an empty line between two tasks.
  EXPECT_EQ(seen.lines, crowd * 9 - 1);
  EXPECT_TRUE(!memory_counts || seen.max_rss_kib < limit_kib) << seen.max_rss_kib;
}

TEST(ManyTasks, AreJsonWithinTheMemoryBound) {
  const fake_agent few(many(10)), target(many(100'000));
  const auto small = count_output({"stack", few.pid_text(), "--json", "--timeout", "60"});
  const auto large = count_output({"stack", target.pid_text(), "--json", "--timeout", "60"});
  EXPECT_EQ(large.status, 0);
  EXPECT_GT(large.bytes, 40'000'000u);
  EXPECT_TRUE(!memory_counts || large.max_rss_kib < small.max_rss_kib + 8 * 1024) << large.max_rss_kib;
}

}  // namespace
}  // namespace tasks::testing
