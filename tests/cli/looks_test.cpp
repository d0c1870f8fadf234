// Looks under conditions that are not good: thousands of threads, another who looks, a debugger, limits of ours, and a
// target that becomes another program meanwhile. Each is right or says why it is not, and the target goes on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <stdexcept>

#include "support/program.hpp"
#include "support/threads_of.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using words = std::vector<std::string>;

outcome tasks_command(words of, const environment& env = {}) {
  of.insert(of.begin(), tasks_executable());
  return run(of, env);
}

void expect_that_it_goes_on(const program& target) {
  const auto seen = states_of(target.pid());
  EXPECT_EQ(seen.letters.find_first_of("tT"), std::string::npos) << seen.letters;
  EXPECT_FALSE(seen.is_traced);
}

TEST(LookAtThousandsOfThreads, CountsAllOfThem) {
  program target({program_path("many_threads"), "5000"});
  const auto all = static_cast<int>(states_of(target.pid()).letters.size());
  if (std::stoi(target.value("threads")) != 5000) GTEST_SKIP() << "this machine allows for " << all << " threads";
  EXPECT_THAT(tasks_command({"vitals", target.pid_text()}).out, HasSubstr(std::to_string(all)));
  const auto threads = view<v1::ThreadsView>({"threads", target.pid_text()});
  EXPECT_EQ(threads.threads_size(), all);
  const auto without_hook = view<v1::StackView>({"stack", "--no-hook", target.pid_text()});
  EXPECT_EQ(without_hook.tasks_size(), 3);
  const auto leaks = tasks_command({"leaks", target.pid_text()});
  EXPECT_EQ(leaks.end.code, 3) << leaks.err;
  EXPECT_THAT(leaks.out, HasSubstr("1 proven, 2 held"));
  expect_that_it_goes_on(target);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

/// The first one holds the target, and stands still until the other is refused for that.
TEST(TwoLooksAtATime, AreBothRight) {
  program target({program_path("interruptions")});
  const auto preload = "LD_PRELOAD=" TASKS_SENT_AT_CALL;
  program first(program::unready{}, {tasks_executable(), "leaks", target.pid_text()},
                {preload, "TASKS_TEST_WHEN_SEIZED=" + std::to_string(SIGSTOP)});
  wait_for("the first to hold it", [&] { return states_of(target.pid()).is_traced && is_stopped(first.pid()); });
  const auto second =
      tasks_command({"leaks", target.pid_text()}, {preload, "TASKS_TEST_WHEN_REFUSED=" + std::to_string(first.pid())});
  EXPECT_EQ(second.end.code, 3) << second.err;
  EXPECT_THAT(second.out, HasSubstr(": 1 proven, "));
  EXPECT_THAT(first.read_until("2 of 2 tasks wait "), HasSubstr(": 1 proven, "));
  EXPECT_EQ(first.wait(), (ending{3, 0}));
  expect_that_it_goes_on(target);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

/// As gdb has one that it let go on.
class tracer {
 public:
  explicit tracer(pid_t pid) {
    for (const auto& each : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task"))
      if (::ptrace(PTRACE_SEIZE, std::stoi(each.path().filename()), nullptr, nullptr) != 0)
        throw std::runtime_error("a thread cannot be traced");
  }
};

TEST(LookAtOneThatIsTraced, SaysSoOrDoesWithoutAStop) {
  program target({program_path("interruptions"), "spin"});
  // Whoever traces is a thread that ends, at which the kernel lets go.
  std::promise<void> done;
  std::promise<void> traced;
  std::thread by([&] {
    const tracer its(target.pid());
    traced.set_value();
    done.get_future().wait();
  });
  traced.get_future().wait();
  for (const words& each : {words{"vitals"}, {"stack"}, {"tree"}, {"list"}}) {
    auto command = each;
    if (each.front() != "list") command.push_back(target.pid_text());
    const auto seen = tasks_command(command);
    EXPECT_EQ(seen.end.code, 0) << each.front() << seen.err;
  }
  const std::string why = "traces it already (detach it there (gdb: detach)";
  EXPECT_THAT(tasks_command({"threads", target.pid_text()}).out, HasSubstr("traces it already"));
  const auto leaks = tasks_command({"leaks", target.pid_text()});
  EXPECT_EQ(leaks.end.code, 4) << leaks.out << leaks.err;
  EXPECT_THAT(leaks.out, HasSubstr(why));
  const auto no_hook = tasks_command({"stack", "--no-hook", target.pid_text()});
  EXPECT_EQ(no_hook.end.code, 1) << no_hook.out;
  EXPECT_THAT(no_hook.err, HasSubstr(why));
  EXPECT_EQ(tasks_command({"stack", "--no-hook", "--no-stop", target.pid_text()}).end.code, 0);
  done.set_value();
  by.join();
  EXPECT_EQ(tasks_command({"leaks", target.pid_text()}).end.code, 3);
  expect_that_it_goes_on(target);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

class LookWithALimit : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of, LookWithALimit,
                         ::testing::Values("vitals", "threads", "leaks", "stack --no-hook", "report"),
                         [](const auto& of) {
                           const std::string line = of.param;
                           return line.substr(0, line.find(' '));
                         });

outcome limited(const std::string& limit, const std::string& line, const program& target) {
  return run({"sh", "-c", "ulimit " + limit + " && exec " + tasks_executable() + " " + line + " " + target.pid_text()});
}

/// From what the executable alone takes to enough.
TEST_P(LookWithALimit, OfAddressSpaceIsRightOrSaysWhatIsMissing) {
  program target({program_path("interruptions")});
  for (int mib = 80; mib <= 1024; mib = mib * 4 / 3) {
    const auto seen = limited("-v " + std::to_string(mib << 10), GetParam(), target);
    EXPECT_TRUE(seen.end.signal == 0 && (seen.end.code == 0 || !seen.out.empty() || !seen.err.empty()))
        << mib << " MiB: " << seen.end.signal << ' ' << seen.err;
    expect_that_it_goes_on(target);
  }
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

TEST_P(LookWithALimit, OfDescriptorsSaysWhatIsMissing) {
  program target({program_path("interruptions")});
  const auto seen = limited("-n 16", GetParam(), target);
  EXPECT_EQ(seen.end.code, 1) << seen.out;
  EXPECT_EQ(seen.err,
            "tasks: 16 files may be open at a time, 64 are needed (raise the limit of tasks itself: ulimit -n 64)\n");
  EXPECT_THAT(limited("-n 64", GetParam(), target).end.code, AnyOf(0, 3)) << seen.err;
  expect_that_it_goes_on(target);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

/// At SIGUSR1 it becomes another, ends, or waits for a child that has its memory.
class LookAtOneThat : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(When, LookAtOneThat, ::testing::Values("executes", "ends", "vforks"),
                         [](const auto& how) { return std::string(how.param); });

TEST_P(LookAtOneThat, IsOfTheOneThatItWasOrFails) {
  for (const words& look : {words{"leaks"}, {"stack", "--direct"}, {"stack", "--no-hook"}, {"threads"}, {"report"}}) {
    for (const int at : {1, 20, 40, 80, 160, 320}) {
      program target({program_path("interruptions"), GetParam()});
      auto command = look;
      command.push_back(target.pid_text());
      const auto seen =
          tasks_command(command, {"LD_PRELOAD=" TASKS_SENT_AT_CALL, "TASKS_TEST_AT=" + std::to_string(at),
                                  "TASKS_TEST_SEND=" + std::to_string(SIGUSR1), "TASKS_TEST_TO=" + target.pid_text()});
      EXPECT_EQ(seen.end.signal, 0);
      if (seen.end.code == 1) {
        EXPECT_THAT(seen.err, HasSubstr("tasks: ")) << look.front();
      }
      // What it became has a task of another name.
      EXPECT_FALSE(seen.out.find("wait_for_nobody") != std::string::npos &&
                   seen.out.find("wait_for_another") != std::string::npos)
          << seen.out;
    }
  }
}

}  // namespace
}  // namespace tasks::testing
