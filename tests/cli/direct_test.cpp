// A target's memory tells what its agent would, whether the target lives, hangs, is stopped, or never had an agent.

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "linux/right_to_look.hpp"
#include "sources/memory_source.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using namespace tasks::cli;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  return run(words);
}

/// Ages and times to expiry pass between two looks; an age below a second is `<1s`, and columns are as wide as what is
/// in them.
std::string without_times(const std::string& text) {
  static const std::regex times(R"(, (expires in |oldest )?<?([0-9]+[dhms])+ *)");
  return std::regex_replace(text, times, "");
}

/// The lab's tasks begin to wait after it has said `ready`.
void wait_until_blocked(const program& lab) {
  wait_until_shown({"stack", "--kind", "channel-receive", "--direct", "-p", lab.pid_text()}, "lab::worker");
}

class View : public ::testing::TestWithParam<std::vector<std::string>> {};
INSTANTIATE_TEST_SUITE_P(Of, View,
                         ::testing::Values(std::vector<std::string>{"vitals"}, std::vector<std::string>{"stack"},
                                           std::vector<std::string>{"stack", "--group"},
                                           std::vector<std::string>{"stack", "--all-frames", "--kind", "channel-send"},
                                           std::vector<std::string>{"tree"}));

TEST_P(View, IsTheSameFromTheAgentAndFromMemory) {
  program lab({program_path("lab"), "--leak", "send"});
  wait_until_blocked(lab);
  auto words = GetParam();
  words.insert(words.end(), {"-p", lab.pid_text()});
  const auto asked = tasks_command(words);
  words.emplace_back("--direct");
  const auto read = tasks_command(words);
  EXPECT_EQ(asked.end.code, 0) << asked.err;
  EXPECT_EQ(read.end.code, 0) << read.err;
  EXPECT_THAT(read.out, HasSubstr("lab::"));
  EXPECT_EQ(without_times(read.out), without_times(asked.out));
  EXPECT_EQ(read.err, "");
}

TEST(Vitals, CountTimersThatNeverExpireBesideTheChannels) {
  program lab({program_path("lab"), "--leak", "timer"});
  wait_until_blocked(lab);
  wait_until_shown({"stack", "-p", lab.pid_text()}, "never expires");
  for (const char* how : {"--details", "--direct"})
    EXPECT_THAT(
        tasks_command({"vitals", how, "-p", lab.pid_text()}).out,
        ContainsRegex("\nblocked on timers that never expire: 1\n  1 × timer, <?[0-9]+s +lab::leak_timer\\(\\) +"
                      "lab.cpp:[0-9]+\n"));
}

TEST(Stopped, ATargetIsReadFromItsMemoryWhichALineSays) {
  program lab({program_path("lab"), "--leak", "send"});
  wait_until_blocked(lab);
  lab.suspend();
  const auto seen = tasks_command({"stack", "-p", lab.pid_text()});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_EQ(seen.err, "tasks: pid " + lab.pid_text() + ": it is stopped by a signal; reading its memory instead\n");
  EXPECT_THAT(seen.out, HasSubstr("lab::worker"));
  const auto listed = tasks_command({"list", "--timeout", "30"});
  EXPECT_TRUE(std::regex_search(listed.out, std::regex("\n *" + lab.pid_text() + R"(! +[0-9]+ +[1-9][0-9]* )")))
      << listed.out;
  lab.send_signal(SIGCONT);
  EXPECT_EQ(lab.stop(), (ending{.code = 0}));
}

TEST(WithoutAgent, ATargetIsListedWithItsCountsAndTheReason) {
  program lab({program_path("lab")}, {"TASKS_AGENT=off"});
  wait_until_blocked(lab);
  const auto asked = tasks_command({"stack", "-p", lab.pid_text()});
  EXPECT_EQ(asked.end.code, 0);
  EXPECT_EQ(asked.err, "tasks: pid " + lab.pid_text() +
                           ": no agent is listening: TASKS_AGENT=off in its environment; reading its memory instead\n");
  EXPECT_THAT(asked.out, HasSubstr("lab::worker"));
  const auto listed = tasks_command({"list"});
  EXPECT_TRUE(std::regex_search(
      listed.out,
      std::regex("\n *" + lab.pid_text() + R"( +[0-9]+ +[1-9][0-9]* +[1-9][0-9]* .*no agent: TASKS_AGENT=off)")))
      << listed.out;
  const auto read = tasks_command({"stack", "--direct", "-p", lab.pid_text()});
  EXPECT_EQ(read.end.code, 0) << read.err;
  EXPECT_THAT(read.out, HasSubstr("lab::worker"));
  // Nobody advances its clock, and yet ages are no finer and no staler than the kernel's coarse clock.
  EXPECT_EQ(lab.stop(), (ending{.code = 0}));
}

/// As one whose handlers of pthread_atfork(3) have not run yet.
TEST(Fork, AChildThatWasNotToldOfItIsOneToo) {
  program parent({program_path("forked"), "unsaid"});
  const auto child = parent.read_line();
  const auto seen = tasks_command({"stack", child});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_THAT(seen.err, HasSubstr("the process is a fork, and its parent had the agent"));
  EXPECT_THAT(seen.out, HasSubstr("[ran in the parent when it forked, "));
  EXPECT_TRUE(std::regex_search(seen.out, std::regex("\\[timer, [^\\]]+\\]:\nforked::waits\\(\\)"))) << seen.out;
  EXPECT_EQ(parent.stop(), (ending{.code = 0}));
}

TEST(Fork, TheChildIsReadFromItsMemoryAndNoTaskRunsThere) {
  program parent({program_path("forked")});
  const auto child = parent.read_line();
  const auto seen = tasks_command({"stack", child});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_EQ(seen.err, "tasks: pid " + child +
                          ": no agent is listening: the process is a fork, and its parent had the agent; reading its "
                          "memory instead\n");
  EXPECT_TRUE(std::regex_search(seen.out, std::regex("task [0-9]+ \\[ran in the parent when it forked, [^\\]]+\\]:\n"
                                                     "forked::computes\\(\\)")))
      << seen.out;
  EXPECT_TRUE(std::regex_search(seen.out, std::regex("\\[timer, [^\\]]+\\]:\nforked::waits\\(\\)"))) << seen.out;
  EXPECT_THAT(tasks_command({"stack", parent.pid_text()}).out, HasSubstr("[running on thread"));
  const std::regex blocked(
      "! stalled: worker [0-9]+ has run task [0-9]+ for [^ ,]+, blocked in pthread_mutex_lock, locked by thread "
      "[0-9]+, "
      "which does not exist  forked::writes\\(\\)  forked.cpp:[0-9]+\n");
  const auto deadline = std::chrono::steady_clock::now() + guard;
  std::string vitals;
  while (!std::regex_search(vitals, blocked) && std::chrono::steady_clock::now() < deadline)
    vitals = tasks_command({"vitals", child, "--stalled-after", "0.01"}).out;
  EXPECT_TRUE(std::regex_search(vitals, blocked)) << vitals;
  EXPECT_EQ(parent.stop(), (ending{.code = 0}));
}

/// Without section headers, as `sstrip` leaves an ELF file: everything after the last segment is cut off.
void cut_section_headers(const fs::path& file) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  const char zeros[8] = {};
  f.seekp(0x28).write(zeros, 8);  // e_shoff
  f.seekp(0x3c).write(zeros, 4);  // e_shnum, e_shstrndx
}

TEST(Executable, MayBeStrippedDeletedOrReplaced) {
  const auto copy = fs::temp_directory_path() / ("tasks-test-lab-" + std::to_string(::getpid()));
  ASSERT_EQ(run({"strip", "-o", copy.string(), program_path("lab")}).end.code, 0);
  cut_section_headers(copy);
  {
    program lab({copy.string()}, {"TASKS_AGENT=off"});
    wait_until_blocked(lab);
    EXPECT_THAT(tasks_command({"stack", "--direct", "-p", lab.pid_text()}).out, HasSubstr("lab::worker"));
    fs::remove(copy);
    EXPECT_THAT(tasks_command({"stack", "--direct", "-p", lab.pid_text()}).out, HasSubstr("lab::worker"));
    std::ofstream(copy) << "something else\n";
    EXPECT_THAT(tasks_command({"stack", "--direct", "-p", lab.pid_text()}).out, HasSubstr("lab::worker"));
  }
  fs::remove(copy);
}

TEST(Registry, OfASharedLibraryIsRead) {
#if !defined(TASKS_TEST_BOOST)
  GTEST_SKIP() << "the program has a part that needs Boost";
#endif
  program host({program_path("host_libraries")}, {"TASKS_AGENT=off"});
  const auto seen = tasks_command({"stack", "--direct", "-p", host.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("task "));
}

/// The functions of a task that churns, outermost first, joined.
const std::set<std::string> churning = {
    "forever",
    "forever round",
    "forever round step",
    "forever round step leap",
    "forever round leap",
    "round",
    "round step",
    "round step leap",
    "round leap",
    "",
};

TEST(Churn, NoTaskIsShownTornWhileTasksBeginAndEnd) {
  program target({program_path("churn")}, {"TASKS_AGENT=off"});
  auto opened = open_direct(live_target(target.pid()));
  ASSERT_TRUE(opened) << opened.why().fact;
  auto& source = **opened;
  std::uint64_t seen = 0, last_id = 0;
  for (int look = 0; look < 1000 || last_id < 100'000; ++look) {
    std::vector<std::string> names(1);
    std::set<std::uint64_t> ids;
    const auto end = source.stacks({}, [&](const v1::Chunk& chunk) {
      for (const auto& l : chunk.locations()) {
        std::string name = "?";
        for (const char* known : {"forever", "round", "step", "leap"})
          if (l.function().find(std::string("churn::") + known) != std::string::npos) name = known;
        names.push_back(name);
      }
      for (const auto& task : chunk.tasks()) {
        ++seen;
        EXPECT_TRUE(ids.insert(task.id()).second) << "twice in one look";
        last_id = std::max(last_id, task.id());
        std::string chain;
        for (int i = task.frames_size(); i-- > 0;) {
          // A frame that has not awaited is known by its code's address alone; Asio's own are of no interest.
          const auto& name = names.at(task.frames(i));
          if (name != "?" && !name.empty()) chain += (chain.empty() ? "" : " ") + name;
        }
        EXPECT_TRUE(churning.contains(chain)) << chain;
      }
      return true;
    });
    ASSERT_TRUE(end) << end.why().fact;
    EXPECT_EQ(end->shown() + end->torn(), end->total());
  }
  EXPECT_GT(seen, 1000u);
  EXPECT_EQ(target.stop(), (ending{.code = 0}));
}

TEST(Permission, EachReasonHasItsMessageAndItsNextStep) {
  struct sample {
    access_facts facts;
    const char* fact;
    const char* next_step;
  };
  const sample samples[] = {
      {{.same_user = true, .ptrace_scope = 1}, "ptrace_scope is 1", "as root"},
      {{.same_user = true, .ptrace_scope = 2}, "ptrace_scope is 2", "as root"},
      {{.root = true, .ptrace_scope = 3}, "ptrace_scope is 3", "without --direct"},
      {{.same_user = false}, "belongs to another user", "as its owner"},
      {{.same_user = true, .other_user_namespace = true}, "another user namespace", "inside the container"},
      {{.same_user = true, .dumpable = false}, "not dumpable", "run as root"},
      {{.root = true}, "root may not", "CAP_SYS_PTRACE"},
      {{.same_user = true}, "security module", "run as root"},
  };
  for (const auto& s : samples) {
    const auto e = permission_error("pid 1", s.facts);
    EXPECT_EQ(e.code, error_code::permission_denied);
    EXPECT_THAT(e.fact, HasSubstr(s.fact));
    EXPECT_THAT(e.next_step, HasSubstr(s.next_step));
  }
}

TEST(Permission, AnotherUsersProcessIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  program lab({program_path("lab")}, {"TASKS_AGENT=off"});
  wait_until_blocked(lab);
  const auto seen = run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", tasks_executable(), "stack",
                         "--direct", "-p", lab.pid_text()});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_EQ(seen.err, "tasks: pid " + lab.pid_text() +
                          ": permission denied: the process belongs to another user (run as its owner, or as root)\n");
}

TEST(PtraceScope, IsReadFromItsFile) {
  const auto file = fs::temp_directory_path() / ("tasks-test-scope-" + std::to_string(::getpid()));
  std::ofstream(file) << "2\n";
  EXPECT_EQ(read_ptrace_scope(file.string()), 2);
  fs::remove(file);
  EXPECT_EQ(read_ptrace_scope(file.string()), 0);
}

TEST(Maps, AreReadAsTheKernelPrintsThem) {
  const auto regions = parse_maps(
      "55d0-56e0 rw-s 00002000 08:01 131 /usr/bin/a b (deleted)\n"
      "7ffc000-7ffd000 ---p 00000000 00:00 0 \n"
      "rubbish\n"
      "7ffe000-7fff000 r-xp 00000000 00:00 0                                  [vdso]\n");
  ASSERT_EQ(regions.size(), 3u);
  EXPECT_EQ(regions[0].begin, 0x55d0u);
  EXPECT_EQ(regions[0].end, 0x56e0u);
  EXPECT_TRUE(regions[0].readable && regions[0].writable && !regions[0].executable && regions[0].shared);
  EXPECT_EQ(regions[0].offset, 0x2000u);
  EXPECT_EQ(regions[0].inode, 131u);
  EXPECT_EQ(regions[0].path, "/usr/bin/a b (deleted)");
  EXPECT_FALSE(regions[1].readable);
  EXPECT_EQ(regions[1].path, "");
  EXPECT_TRUE(regions[2].executable);
  EXPECT_EQ(regions[2].path, "[vdso]");
}

}  // namespace
}  // namespace tasks::testing
