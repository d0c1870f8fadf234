// A program that was never built with tasks, in each view.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  return run(words);
}

/// The lab, which knows nothing of tasks, with all its tasks at rest.
class LabWithoutHook : public ::testing::Test {
 protected:
  explicit LabWithoutHook(std::vector<std::string> arguments = {})
      : lab_([&] {
          arguments.insert(arguments.begin(), program_path("lab_plain"));
          return arguments;
        }()) {
    static_cast<void>(stacks_at_rest(lab_, leaks(arguments) ? 12 : 9));
    wait_until_shown({"vitals", pid()}, "workers: 2\n");  // whoever comes last into run() may not have yet
  }
  static bool leaks(const std::vector<std::string>& arguments) { return arguments.size() > 1; }

  [[nodiscard]] std::string pid() const { return lab_.pid_text(); }

  program lab_;
};

class LeakingLabWithoutHook : public LabWithoutHook {
 protected:
  LeakingLabWithoutHook() : LabWithoutHook({"--leak", "receive"}) {}
};

TEST_F(LabWithoutHook, IsListedWithTheReason) {
  const auto list = view<v1::ListView>({"list"});
  const auto its = std::find_if(list.processes().begin(), list.processes().end(),
                                [&](const auto& each) { return std::to_string(each.pid()) == pid(); });
  ASSERT_NE(its, list.processes().end());
  EXPECT_EQ(its->agent(), v1::ProcessView::ABSENT);
  EXPECT_EQ(its->reason(), "no hook, debug information");
  EXPECT_FALSE(its->has_tasks());
}

TEST_F(LabWithoutHook, HasVitals) {
  const auto seen = view<v1::VitalsView>({"vitals", pid()});
  EXPECT_EQ(seen.tasks(), 9U);
  EXPECT_EQ(seen.blocked(), 9U);
  EXPECT_EQ(seen.blocked_on_channels(), 4U);
  EXPECT_EQ(seen.workers(), 2U);
}

TEST_F(LabWithoutHook, SaysWhatIsNotKnownOnStandardErrorOnce) {
  const auto seen = tasks_command({"stack", pid()});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_EQ(seen.err,
            "tasks: pid " + pid() +
                ": no hook: tasks are found by its symbols and debug information; ages, names and spawn sites "
                "are not known\n");
}

TEST_F(LabWithoutHook, HasStacksWithoutAges) {
  const auto seen = view<v1::StackView>({"stack", pid()});
  const auto workers = tasks_in(seen, "next_job");
  ASSERT_EQ(workers.size(), 4U);
  for (const auto& each : workers) {
    EXPECT_EQ(each.wait().kind(), v1::Wait::CHANNEL_RECEIVE);
    EXPECT_FALSE(each.has_age_seconds());
    EXPECT_FALSE(each.has_resumes());
    EXPECT_THAT(places(each).front(), StartsWith("next_job lab.cpp:"));
  }
  EXPECT_THAT(text({"stack", pid()}), AllOf(HasSubstr(" [channel receive]:\n"), Not(HasSubstr("<1s"))));
  EXPECT_THAT(text({"stack", pid(), "--group"}), HasSubstr("4 tasks [channel receive]:\n"));
}

/// The first look knows nothing of the kind.
TEST_F(LabWithoutHook, IsWatchedByHowLongItsTasksAreSeen) {
  const auto watched = [&](const std::string& command) {
    return run(
        {"bash", "-c",
         tasks_executable() + " " + command + " " + pid() + " --watch 0.02 2>/dev/null | grep -m 1 -B 100 'seen for'"});
  };
  EXPECT_THAT(watched("stack").out, AllOf(HasSubstr(" [channel receive]:\n"),
                                          ContainsRegex(" \\[channel receive, seen for <?[0-9]+s\\]:\n")));
  EXPECT_THAT(watched("stack --group").out,
              ContainsRegex("\n4 tasks \\[channel receive, one seen for <?[0-9]+s\\]:\n"));
  EXPECT_THAT(watched("channels").out, ContainsRegex("4 receivers, one seen for <?[0-9]+s\n"));
  EXPECT_THAT(watched("tree").out, ContainsRegex(" \\[channel receive, one seen for <?[0-9]+s\\]  "));
  EXPECT_THAT(tasks_command({"stack", pid()}).out, Not(HasSubstr("seen")));
}

TEST_F(LabWithoutHook, SaysOnceWhatIsNotKnownHoweverOftenItIsPrinted) {
  const auto seen =
      run({"bash", "-c", tasks_executable() + " vitals " + pid() + " --watch 0.02 2>&1 | grep -m 3 '^tasks: '"});
  EXPECT_THAT(seen.out, AllOf(StartsWith("tasks: pid " + pid() + ": no hook: "), EndsWith("\ntasks: 9\ntasks: 9\n")));
}

/// A recording of some snapshots, for which a process is looked at every 50 ms.
class SnapshotsWithoutHook : public ::testing::Test {
 protected:
  static constexpr int count = 6;
  static constexpr double every = 0.05;

  ~SnapshotsWithoutHook() override { std::filesystem::remove(file_); }
  void record(const program& target) {
    file_ = std::filesystem::temp_directory_path() / ("tasks-seen-" + target.pid_text() + ".tasks");
    program recorder(program::unready{}, {tasks_executable(), "record", target.pid_text(), "--no-hook", "--every",
                                          std::to_string(every), "-o", file_.string()});
    wait_until_shown({"stack", "--from", file_.string(), "--at", std::to_string(count)}, "\ntask ");
    recorder.send_signal(SIGINT);
    EXPECT_EQ(recorder.wait(), (ending{0, 0}));
  }
  /// From 1.
  [[nodiscard]] v1::StackView stacks(int snapshot, std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"stack", "--from", file_.string(), "--at", std::to_string(snapshot)};
    words.insert(words.end(), more.begin(), more.end());
    return view<v1::StackView>(words);
  }

 private:
  std::filesystem::path file_;
};

TEST_F(SnapshotsWithoutHook, TellHowLongTasksAreSeen) {
  const program lab({program_path("lab_plain")});
  static_cast<void>(stacks_at_rest(lab, 9));
  record(lab);
  const auto first = stacks(1);
  ASSERT_EQ(first.tasks_size(), 9);
  for (const auto& each : first.tasks()) EXPECT_FALSE(each.has_seen_seconds());
  const auto last = stacks(count);
  ASSERT_EQ(last.tasks_size(), 9);
  for (const auto& each : last.tasks()) {
    EXPECT_FALSE(each.has_age_seconds());
    EXPECT_GE(each.seen_seconds(), every * (count - 2)) << "looks are not nearer to each other";
  }
  EXPECT_EQ(stacks(count, {"--older-than", "100ms"}).tasks_size(), 9);
  EXPECT_EQ(stacks(1, {"--older-than", "100ms"}).tasks_size(), 0);
  const auto groups = stacks(count, {"--group"});
  EXPECT_GE(groups.groups(0).seen_seconds(), every * (count - 2));
  EXPECT_FALSE(groups.groups(0).has_oldest_seconds());
}

/// On a busy machine two looks may see the same wait.
TEST_F(SnapshotsWithoutHook, TakeATimerThatIsSetAnewForAnotherWait) {
  const program timed({program_path("timed")});
  record(timed);
  int anew = 0;
  for (int snapshot = 2; snapshot <= count; ++snapshot) {
    for (const auto& each : tasks_in(stacks(snapshot), "tick"))
      if (each.wait().kind() == v1::Wait::TIMER && !each.has_seen_seconds()) ++anew;
  }
  EXPECT_GT(anew, 0);
}

TEST_F(LabWithoutHook, KeepsTheIdsOfItsTasks) {
  const auto ids = [&] {
    const auto seen = view<v1::StackView>({"stack", pid()});
    std::vector<std::uint64_t> all;
    for (const auto& each : seen.tasks()) all.push_back(each.id());
    return all;
  };
  EXPECT_EQ(ids(), ids());
}

TEST_F(LabWithoutHook, HasATreeChannelsAndThreads) {
  EXPECT_THAT(text({"tree", pid()}), HasSubstr("lab::listener("));
  EXPECT_THAT(text({"channels", pid()}), HasSubstr("4 receivers"));
  const auto threads = view<v1::ThreadsView>({"threads", pid()});
  std::vector<v1::ThreadView::Role> roles;
  for (const auto& each : threads.threads()) roles.push_back(each.role());
  EXPECT_THAT(roles, Contains(v1::ThreadView::IDLE_WORKER).Times(2));
}

TEST_F(LabWithoutHook, HasNoLeaks) {
  const auto seen = tasks_command({"leaks", pid()});
  EXPECT_EQ(seen.end.code, 0) << seen.out;
  EXPECT_THAT(seen.out, HasSubstr("no leaks: "));
}

/// As with the hook, a word that was left behind may hide them at one of fifty starts.
TEST(ALeakingLabWithoutHook, HasItsLeaksProvenAtMostStarts) {
  constexpr int starts = 5, most = 3;
  int proven = 0;
  std::string seen;
  for (int start = 0; start < starts; ++start) {
    const program lab({program_path("lab_plain"), "--leak", "receive"});
    static_cast<void>(stacks_at_rest(lab, 12));
    const auto leaks = tasks_command({"leaks", lab.pid_text()});
    seen = leaks.out;
    const bool is_proven = leaks.end.code == 3 && seen.find("proven: 3 tasks [channel receive]:\n") != seen.npos &&
                           seen.find("; nothing alive points to it\n") != seen.npos;
    proven += is_proven ? 1 : 0;
  }
  EXPECT_GE(proven, most) << seen;
  EXPECT_THAT(seen, HasSubstr("! which waits are over, which tasks never rest and which workers are stalled was not "
                              "looked for: it has no hook\n"));
}

/// Asio gives a frame's memory to a smaller one, behind which is left what the first one had.
TEST(AFrameInMemoryOfALargerOne, HoldsNothingOfThat) {
  const program reused({program_path("reused_plain")});
  const auto leaks = tasks_command({"leaks", reused.pid_text()});
  EXPECT_EQ(leaks.end.code, 3);
#if defined(__clang__)
  // Of one of them a word is within a frame of clang's, where nobody reads it any more.
  EXPECT_THAT(leaks.out, StartsWith("proven: "));
#else
  EXPECT_THAT(leaks.out, StartsWith("proven: 2 tasks [channel send]:\n"));
#endif
}

TEST(AResultThatHasNotCome, HoldsNothing) {
  const program reused({program_path("reused_plain"), "results"});
  const auto leaks = tasks_command({"leaks", reused.pid_text()});
  EXPECT_EQ(leaks.end.code, 3);
#if defined(__clang__)
  // As with the hook.
  EXPECT_THAT(leaks.out, ContainsRegex("^proven: (2 tasks|1 task and 1 likely) \\[channel send\\]:\n"));
#else
  EXPECT_THAT(leaks.out, StartsWith("proven: 2 tasks [channel send]:\n"));
#endif
}

TEST_F(LeakingLabWithoutHook, TellsWhyATaskWaits) {
  const auto stacks = view<v1::StackView>({"stack", pid()});
  const auto workers = tasks_in(stacks, "next_job");
  ASSERT_FALSE(workers.empty());
  EXPECT_THAT(text({"why", pid(), std::to_string(workers.front().id())}), HasSubstr("waits to receive"));
}

TEST_F(LabWithoutHook, HasAReportOfOneMoment) {
  const auto report = text({"report", pid()});
  EXPECT_THAT(report, AllOf(HasSubstr("\nshows    one moment"), HasSubstr("tasks: 9\n"), HasSubstr("\nno leaks: "),
                            HasSubstr("lab::listener(")));
}

TEST_F(LeakingLabWithoutHook, IsToldOfInItsCoreAlike) {
  const auto folder = std::filesystem::temp_directory_path() / ("tasks-hookless-" + pid());
  std::filesystem::create_directory(folder);
  const auto made = run({"gcore", "-o", (folder / "core").string(), pid()});
  const auto core = (folder / ("core." + pid())).string();
  ASSERT_TRUE(std::filesystem::exists(core)) << made.err;
  const auto live = view<v1::StackView>({"stack", pid()}), dead = view<v1::StackView>({"stack", "--core", core});
  ASSERT_EQ(dead.tasks_size(), live.tasks_size());
  std::vector<std::vector<std::string>> in_core, in_process;
  for (const auto& each : live.tasks()) in_process.push_back(places(each));
  for (const auto& each : dead.tasks()) in_core.push_back(places(each));
  EXPECT_THAT(in_core, ::testing::UnorderedElementsAreArray(in_process));
  std::filesystem::remove_all(folder);
}

/// As where an agent was linked, and the hook forgotten.
TEST(AProgramWithAnAgentAlone, IsNotSaidToBeWell) {
  const program lab({program_path("lab_agent"), "--leak", "receive"});
  const auto pid = lab.pid_text();
  const std::string missing =
      "! no task since its start: is tasks::asio linked into what spawns them? --no-hook shows those without\n";
  EXPECT_EQ(text({"stack", pid}), "no tasks\n" + missing);
  EXPECT_EQ(text({"tree", pid}), "no tasks\n" + missing);
  EXPECT_THAT(text({"vitals", pid}), AllOf(StartsWith("tasks: 0\n"), HasSubstr("\nno task since its start: ")));
  EXPECT_EQ(view<v1::StackView>({"stack", pid}).notes_size(), 1);
  const auto leaks = tasks_command({"leaks", pid});
  EXPECT_EQ(leaks.end.code, 4);
  EXPECT_THAT(leaks.out, AllOf(StartsWith("no leaks found, but nothing was proven: "), HasSubstr(missing)));
  wait_until_shown({"stack", "--no-hook", pid}, "lab::listener(");
}

TEST(AProgramWithoutCoroutines, IsSaidToHaveNone) {
  const program plain(program::unready{}, {"cat"});
  const auto seen = tasks_command({"stack", "-p", plain.pid_text(), "--no-hook"});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_THAT(seen.err, HasSubstr("not instrumented"));
}

}  // namespace
}  // namespace tasks::testing
