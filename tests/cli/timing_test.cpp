// Where time goes: `tasks stack --sort busy`.

#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <future>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

program timed_program(std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), program_path("timed"));
  return program(arguments);
}

double ran(const v1::TimingView& timing) { return timing.runs().total_seconds() + timing.running_seconds(); }

/// The only one that has such a frame outermost.
template <class Listed>
Listed of(const google::protobuf::RepeatedPtrField<Listed>& all, const std::string& function) {
  std::vector<Listed> found;
  for (const auto& each : all)
    if (each.frames().rbegin()->function() == function) found.push_back(each);
  EXPECT_EQ(found.size(), 1U) << function;
  return found.empty() ? Listed() : found.front();
}

std::uint64_t count_of(const v1::DurationsView& of) {
  std::uint64_t all = 0;
  for (const auto& bucket : of.buckets()) all += bucket.count();
  return all;
}

TEST(Timing, TellsHowLongEachTaskRan) {
  const auto target = timed_program();
  const auto stacks = view<v1::StackView>({"stack", target.pid_text(), "--sort", "busy", "--interval", "1"});
  EXPECT_GE(stacks.timed_seconds(), 1.0);
  const auto grind = of(stacks.tasks(), "timed::grind()").timing();
  ASSERT_GE(grind.runs().count(), 1U);
  EXPECT_GE(grind.runs().longest_seconds(), 0.005 * 0.99);
  EXPECT_GE(grind.runs().p50_seconds(), 0.005 * 0.99);
  EXPECT_GE(grind.runs().total_seconds(), 0.005 * 0.99 * static_cast<double>(grind.runs().count()));
  EXPECT_EQ(count_of(grind.runs()), grind.runs().count());
  EXPECT_NEAR(grind.busy(), ran(grind) / stacks.timed_seconds(), 1e-6);
  const auto tick = of(stacks.tasks(), "timed::tick()").timing();
  EXPECT_GE(tick.delays().count(), 1U);
  EXPECT_GE(tick.delays().longest_seconds(), 0.001);  // while the other one ran
  EXPECT_LE(tick.runs().total_seconds(), grind.runs().total_seconds());
  EXPECT_FALSE(of(stacks.tasks(), "timed::idle(channel&)").has_timing());
  EXPECT_TRUE(std::is_sorted(stacks.tasks().begin(), stacks.tasks().end(),
                             [](const auto& a, const auto& b) { return ran(a.timing()) > ran(b.timing()); }));
}

TEST(Timing, OneWorkerIsBusyOnce) {
  const auto target = timed_program();
  const auto groups =
      view<v1::StackView>({"stack", target.pid_text(), "--group", "--sort", "busy", "--interval", "0.5"});
  double all = 0;
  for (const auto& each : groups.groups()) all += each.timing().busy();
  for (const auto& each : groups.ended()) all += each.timing().busy();
  EXPECT_GT(all, 0);
  EXPECT_LE(all, 1.01);
  EXPECT_EQ(groups.groups(0).frames().rbegin()->function(), "timed::grind()");
}

TEST(Timing, TellsOfTasksThatEndMeanwhile) {
  const auto target = timed_program();
  const auto stacks = view<v1::StackView>({"stack", target.pid_text(), "--sort", "busy", "--interval", "0.5"});
  ASSERT_EQ(stacks.ended_size(), 1);
  const auto& ended = stacks.ended(0);
  EXPECT_EQ(ended.function().function(), "timed::request()");
  EXPECT_EQ(ended.spawned_at().function(), "timed::spawn()");
  EXPECT_GE(ended.count(), 2U);
  EXPECT_EQ(ended.timing().runs().count(), ended.count());
  EXPECT_GE(ended.timing().runs().longest_seconds(), 0.001 * 0.99);
  EXPECT_GE(ended.timing().delays().count(), 1U);  // from being spawned to the first run
  EXPECT_LE(ended.timing().delays().count(), ended.count());
}

TEST(Timing, ARunThatDoesNotEndIsTold) {
  const auto target = timed_program({"stuck"});
  const auto stacks = view<v1::StackView>({"stack", target.pid_text(), "--sort", "busy", "--interval", "0.3"});
  const auto& stuck = stacks.tasks(0);
  EXPECT_EQ(stuck.frames().rbegin()->function(), "timed::stuck()");
  EXPECT_GE(stuck.timing().running_seconds(), 0.3 * 0.99);
  EXPECT_EQ(stuck.timing().runs().count(), 0U);
  EXPECT_LE(stuck.timing().busy(), 1.01);
}

TEST(Timing, ReadsWell) {
  const auto target = timed_program();
  const auto shown = text({"stack", target.pid_text(), "--sort", "busy", "--interval", "0.5"});
  EXPECT_THAT(shown, AllOf(StartsWith("task "), HasSubstr("\ndid not run\n"), HasSubstr(" [ended meanwhile]:\nran ")));
  const auto line = shown.substr(shown.find('\n') + 1, shown.find('\n', shown.find('\n') + 1) - shown.find('\n') - 1);
  EXPECT_THAT(line, MatchesRegex("ran [0-9.]+m?s \\([0-9.]+ %\\) in [0-9]+ runs?.*, longest [0-9.]+m?s.*"));
  const auto limited = text({"stack", target.pid_text(), "--sort", "busy", "--interval", "0.2", "--limit", "1"});
  EXPECT_THAT(limited, AllOf(HasSubstr("timed::grind()"), Not(HasSubstr("timed::tick()"))));
  // What is asked for by something else than all tasks is of those.
  const auto filtered = text({"stack", target.pid_text(), "--sort", "busy", "--interval", "0.2", "--function", "tick"});
  EXPECT_THAT(filtered, AllOf(HasSubstr("timed::tick()"), Not(HasSubstr("grind")), Not(HasSubstr("ended"))));
}

TEST(Timing, SeveralReadersDoNotDisturbEachOther) {
  const auto target = timed_program();
  auto other = std::async(std::launch::async, [&] {
    return run({tasks_executable(), "stack", target.pid_text(), "--sort", "busy", "--interval", "1"});
  });
  for (int i = 0; i < 3; ++i) {
    const auto stacks = view<v1::StackView>({"stack", target.pid_text(), "--sort", "busy", "--interval", "0.1"});
    EXPECT_GE(of(stacks.tasks(), "timed::grind()").timing().runs().count(), 1U);
  }
  EXPECT_EQ(other.get().end, (ending{.code = 0, .signal = 0}));
}

TEST(Timing, NeedsAnAgentAndTime) {
  const auto target = timed_program();
  const auto refused = [&](std::vector<std::string> words, int code) {
    words.insert(words.begin(), tasks_executable());
    const auto ran = run(words);
    EXPECT_EQ(ran.end.code, code) << ran.err;
    EXPECT_EQ(ran.out, "");
    return ran.err;
  };
  EXPECT_THAT(refused({"stack", target.pid_text(), "--sort", "busy", "--direct"}, 1),
              HasSubstr("only an agent can time runs, and none is asked"));
  EXPECT_THAT(refused({"stack", target.pid_text(), "--interval", "1"}, 2), HasSubstr("it is the time of --sort busy"));
  EXPECT_THAT(refused({"stack", "--from", "x", "--sort", "busy"}, 2), HasSubstr("no time passes in a snapshot"));
  EXPECT_THAT(refused({"stack", "--core", "x", "--sort", "busy"}, 2), HasSubstr("nothing runs in a core"));
  EXPECT_THAT(refused({"stack", target.pid_text(), "--sort", "busy", "--format", "folded"}, 2), HasSubstr("--format"));
  target.suspend();
  EXPECT_THAT(refused({"stack", target.pid_text(), "--sort", "busy"}, 1), HasSubstr("only an agent can time runs"));
  target.send_signal(SIGCONT);
}

}  // namespace
}  // namespace tasks::testing
