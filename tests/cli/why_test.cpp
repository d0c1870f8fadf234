// `tasks why`: what one task waits for and who could wake it, of programs that know what they leak.

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/ptrace.h>

#include <filesystem>
#include <stdexcept>

#include "support/client.hpp"
#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

/// Tasks that are in such a function, oldest first.
std::vector<std::string> ids_in(const program& target, std::string_view function) {
  std::vector<std::string> ids;
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  for (const auto& task : stacks.tasks())
    if (task.frames_size() != 0 && task.frames(0).function().starts_with(function))
      ids.push_back(std::to_string(task.id()));
  if (ids.empty()) throw std::runtime_error("no task is in " + std::string(function));
  return ids;
}

v1::WhyView why(const program& target, const std::string& task) {
  return view<v1::WhyView>({"why", "-p", target.pid_text(), task});
}

/// "task 2 → channel 0x55d0 → task 3 → … → task 2".
std::string in_words(const google::protobuf::RepeatedPtrField<v1::CycleStepView>& cycle) {
  std::string words;
  for (const auto& step : cycle) {
    words += "task " + std::to_string(step.task_id()) + " → ";
    if (!step.object().empty()) words += "channel " + step.object() + " → ";
  }
  return words + "task " + std::to_string(cycle.at(0).task_id());
}

std::vector<std::string> tasks_of(const google::protobuf::RepeatedPtrField<v1::CycleStepView>& cycle) {
  std::vector<std::string> ids;
  for (const auto& step : cycle) ids.push_back(std::to_string(step.task_id()));
  return ids;
}

TEST(Why, DrawsTheCycleOfTwoTasks) {
  const program target({program_path("leak_deadlock_of_two"), "leaking"});
  const auto ids = ids_in(target, "leaks::deadlock_of_two::pass_on");
  ASSERT_EQ(ids.size(), 2U);
  const auto seen = why(target, ids[0]);
  EXPECT_EQ(seen.verdict(), v1::WhyView::NEVER_WAKES);
  EXPECT_THAT(tasks_of(seen.cycle()), ElementsAre(ids[0], ids[1]));
  ASSERT_EQ(seen.cycle_size(), 2);
  EXPECT_EQ(seen.cycle(0).object(), seen.task().wait().object());
  ASSERT_EQ(seen.wakers_size(), 1);
  EXPECT_EQ(std::to_string(seen.wakers(0).task().id()), ids[1]);
  EXPECT_EQ(seen.wakers(0).task().wait().object(), seen.cycle(1).object());
  const auto shown = text({"why", target.pid_text(), ids[0]});
  EXPECT_THAT(shown, HasSubstr("\ncycle: " + in_words(seen.cycle()) + "\n"));
  EXPECT_THAT(shown, HasSubstr("\nnothing alive points to it: this task will never wake\n"));
}

TEST(Why, DrawsTheCycleOfThreeTasks) {
  const program target({program_path("leak_deadlock_of_three"), "leaking"});
  const auto ids = ids_in(target, "leaks::deadlock_of_three::dine");
  ASSERT_EQ(ids.size(), 3U);
  EXPECT_THAT(tasks_of(why(target, ids[1]).cycle()), ElementsAre(ids[1], ids[2], ids[0]));
}

TEST(Why, FindsNobodyWhereNobodyElseHoldsTheChannel) {
  const program target({program_path("leak_channel_of_nobody"), "leaking"});
  for (const auto* function :
       {"leaks::channel_of_nobody::send_to_nobody", "leaks::channel_of_nobody::receive_from_nobody"}) {
    const auto seen = why(target, ids_in(target, function).at(0));
    EXPECT_EQ(seen.verdict(), v1::WhyView::NEVER_WAKES);
    EXPECT_EQ(seen.wakers_size(), 0);
    EXPECT_EQ(seen.cycle_size(), 0);
  }
}

TEST(Why, CountsWhoWaitsBeside) {
  const program target({program_path("leak_ten_receivers"), "leaking"});
  const auto seen = why(target, ids_in(target, "leaks::ten_receivers::listener").at(4));
  EXPECT_EQ(seen.beside(), 8U);
  EXPECT_EQ(seen.wakers_size(), 0);
}

TEST(Why, FollowsAWaitOnTasksToWhatThoseWaitOn) {
  const program target({program_path("leak_join_of_leaked"), "leaking"});
  const auto parent = ids_in(target, "leaks::join_of_leaked::both_halves").at(0);
  const auto halves = ids_in(target, "leaks::join_of_leaked::half");
  for (const std::string how : {"--timeout=60", "--no-prove"}) {
    const auto seen = view<v1::WhyView>({"why", target.pid_text(), parent, how});
    EXPECT_THAT(seen.waits(), ElementsAre("waits for 2 tasks that it spawned"));
    ASSERT_EQ(seen.wakers_size(), 2);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(std::to_string(seen.wakers(i).task().id()), halves.at(static_cast<std::size_t>(i)));
      EXPECT_EQ(seen.wakers(i).task().wait().kind(), v1::Wait::CHANNEL_RECEIVE);
    }
    const bool proves = how != "--no-prove";
    EXPECT_EQ(seen.verdict() == v1::WhyView::NEVER_WAKES, proves);
    EXPECT_EQ(seen.stopped_seconds() > 0, proves);
  }
}

/// A pool in the frame of task 1, which awaits both: 2, which waits for a job, and 3, which will close it tomorrow.
TEST(Why, NamesTheTaskThatCanWakeAHealthyOneAndNoCycle) {
  const program target({program_path("healthy_tasks"), "live_frame"});
  const auto seen = why(target, ids_in(target, "leaks::idle_in").at(0));
  EXPECT_EQ(seen.verdict(), v1::WhyView::HELD);
  EXPECT_EQ(seen.cycle_size(), 0);
  const auto closer = ids_in(target, "leaks::close_pool_tomorrow").at(0);
  bool named = false;
  for (const auto& waker : seen.wakers()) named |= std::to_string(waker.task().id()) == closer;
  EXPECT_TRUE(named);
  const auto timer = why(target, closer);
  ASSERT_EQ(timer.waits_size(), 1);
  EXPECT_THAT(timer.waits(0), HasSubstr("which fires in 23h59m"));
}

TEST(Why, NamesDataThatHoldsTheChannel) {
  const program target({program_path("healthy_owners"), "global"});
  const auto seen = why(target, ids_in(target, "leaks::idle").at(0));
  EXPECT_EQ(seen.verdict(), v1::WhyView::HELD);
  ASSERT_EQ(seen.wakers_size(), 1);
  EXPECT_EQ(seen.wakers(0).holder(), "the data of " + program_path("healthy_owners"));
}

TEST(Why, FollowsAllocationsBackwards) {
  const program target({program_path("healthy_owners"), "function_in_map"});
  const auto seen = why(target, ids_in(target, "leaks::idle").at(0));
  ASSERT_GE(seen.wakers_size(), 1);
  EXPECT_EQ(seen.wakers(0).holder(), "the data of " + program_path("healthy_owners"));
  EXPECT_GE(seen.wakers(0).allocations(), 1U);
}

TEST(Why, NamesTheOnlyTaskThatHoldsTheChannel) {
  const program target({program_path("holders"), "one"});
  const auto seen = why(target, ids_in(target, "holders::listen").at(0));
  const auto session = ids_in(target, "holders::session").at(0);
  EXPECT_EQ(seen.verdict(), v1::WhyView::HELD);
  EXPECT_EQ(seen.evidence(), "held by a frame of task " + session);
  EXPECT_EQ(seen.ways(), 1U);
}

TEST(Why, NamesNoneOfSeveralThatAreAsNearAsTheOne) {
  const program target({program_path("holders"), "several"});
  const auto seen = why(target, ids_in(target, "holders::listen").at(0));
  EXPECT_THAT(seen.evidence(), MatchesRegex("held: reached by 3 ways, one of them from a frame of task [0-9]+"));
  EXPECT_EQ(seen.ways(), 3U);
  const auto leaks = text({"leaks", "-p", target.pid_text(), "--min-age", "0"});
  EXPECT_THAT(leaks, HasSubstr("\nevidence: held: reached by 3 ways, one of them from a frame of task "));
  EXPECT_THAT(text({"channels", "-p", target.pid_text()}), HasSubstr("\nheld: reached by 3 ways, one of them from "));
}

TEST(Why, NamesDataThatHoldsTheChannelBeforeAnyTask) {
  const program target({program_path("holders"), "data"});
  const auto seen = why(target, ids_in(target, "holders::listen").at(0));
  EXPECT_EQ(seen.evidence(), "held by the data of " + program_path("holders"));
  EXPECT_EQ(seen.reached_from().kind(), v1::HolderView::MODULE);
  EXPECT_EQ(seen.ways(), 1U);
}

TEST(Why, SaysThatATimerNeverExpires) {
  const program target({program_path("leak_condition_timer"), "leaking"});
  const auto seen = why(target, ids_in(target, "leaks::condition_timer::use_when_ready").at(0));
  ASSERT_GE(seen.waits_size(), 1);
  EXPECT_THAT(seen.waits(0), HasSubstr("which never expires"));
  EXPECT_EQ(seen.beside(), 1U);
  EXPECT_EQ(seen.verdict(), v1::WhyView::NEVER_WAKES);
  EXPECT_EQ(seen.wakers_size(), 0);
}

TEST(Why, NamesWhoCouldCancelATimerThatNeverExpires) {
  const program target({program_path("healthy_tasks"), "condition_timer"});
  const auto seen = why(target, ids_in(target, "leaks::wait_for_condition").at(0));
  EXPECT_EQ(seen.verdict(), v1::WhyView::HELD);
  ASSERT_EQ(seen.wakers_size(), 1);
  EXPECT_EQ(seen.wakers(0).holder(), "the data of " + program_path("healthy_tasks"));
}

/// Three wait for a connection of a pool; two have those there are, and wait for a peer. All five have the pool.
TEST(Why, OfAnOperationThatIsNotAsiosNamesWhoHasWhatItsHandlerIsKeptIn) {
  const program target({program_path("pool"), "held"});
  const auto waits = ids_in(target, "acquire");
  ASSERT_EQ(waits.size(), 3U);
  for (const auto& id : waits) {
    const auto seen = why(target, id);
    // clang names the lambda that begins it by its place.
    EXPECT_THAT(
        seen.waits(),
        ElementsAre(MatchesRegex("waits for (pool::async_acquire\\(\\)|<lambda at pool.cpp:[0-9]+>), an operation "
                                 "that is not Asio's own: who has its handler can end it"),
                    "2 more tasks wait for it"));
    EXPECT_EQ(seen.beside(), 2U);
    EXPECT_EQ(seen.verdict(), v1::WhyView::HELD);
    ASSERT_GE(seen.wakers_size(), 2);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(seen.wakers(i).task().frames(0).function(), "session(std::shared_ptr<pool>)");
      EXPECT_EQ(seen.wakers(i).task().wait().kind(), v1::Wait::SOCKET_READ);
    }
  }
  EXPECT_THAT(text({"why", target.pid_text(), waits[0]}),
              HasSubstr("\nwho leads to its handler, and what those wait for:\n"));
}

TEST(Why, OfAnOperationWhoseHandlerIsLostProvesThatItNeverEnds) {
  const program target({program_path("pool"), "leaked"});
  const auto seen = why(target, ids_in(target, "forgotten").at(0));
  EXPECT_EQ(seen.verdict(), v1::WhyView::NEVER_WAKES);
  EXPECT_EQ(seen.evidence(), "nothing alive leads to its handler: this task will never wake");
  EXPECT_EQ(seen.wakers_size(), 0);
}

TEST(Why, OfAnOperationWhoseHandlerMayBeInAPipeProvesNothing) {
  const program target({program_path("pool"), "piped"});
  const auto seen = why(target, ids_in(target, "sent_away").at(0));
  EXPECT_EQ(seen.verdict(), v1::WhyView::VERDICT_UNSPECIFIED);
  EXPECT_THAT(seen.evidence(), HasSubstr("may be the address of its handler"));
}

TEST(Why, ShowsThePeerOfASocketAndWhatTheKernelHasForIt) {
  program lab({program_path("lab")});
  client peer(static_cast<std::uint16_t>(std::stoi(lab.value("port"))));
  peer.send("first\n");
  static_cast<void>(peer.receive(1));  // so its session exists
  const auto address = "127.0.0.1:" + std::to_string(peer.port());
  wait_until_shown({"stack", "--kind", "socket-read", "-p", lab.pid_text()}, address);
  const auto reader = ids_in(lab, "lab::read_line").at(0);
  lab.suspend();  // it would read what comes before
  peer.send("seven b");
  const std::vector<std::string> command = {"why", "--direct", lab.pid_text(), reader};
  wait_until_shown(command, "the kernel has 7 B to be read");
  const auto seen = view<v1::WhyView>(command);
  EXPECT_EQ(seen.receive_queue_bytes(), 7U);
  EXPECT_EQ(seen.task().wait().peer(), address);
  EXPECT_THAT(seen.waits(0), HasSubstr(address));
  lab.send_signal(SIGCONT);
}

TEST(Why, OfARunningTaskSaysWhichThreadRunsItAndWhere) {
  const program target({program_path("leak_spin"), "leaking"});
  const auto id = ids_in(target, "leaks::spin::search").at(0);
  const auto seen = why(target, id);
  ASSERT_EQ(seen.waits_size(), 1);
  EXPECT_THAT(seen.waits(0), HasSubstr("runs on thread " + std::to_string(seen.task().thread()) + ", for "));
  EXPECT_FALSE(seen.task().native_frames().empty());
}

TEST(Why, AndLeaksCallAPipeOne) {
  const program target({program_path("lab")});
  wait_until_shown({"stack", "-p", target.pid_text()}, "[pipe read, ");
  const auto id = ids_in(target, "lab::input_closes").at(0);
  const auto seen = why(target, id);
  ASSERT_EQ(seen.waits_size(), 1);
  EXPECT_EQ(seen.waits(0), "reads a pipe (fd " + std::to_string(seen.task().wait().fd()) + ")");
  EXPECT_THAT(text({"stack", target.pid_text(), "--kind", "pipe read"}), HasSubstr("lab::input_closes"));
  EXPECT_THAT(run({tasks_executable(), "leaks", target.pid_text(), "--min-age", "0"}).out,
              HasSubstr("old: 1 task [pipe read, "));
}

/// A debugger has the process, so nobody else can stop it. What sleeps can be copied all the same; what runs cannot.
TEST(Why, WithoutTheRightToStopSaysSoAndTellsTheRest) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "of a sanitizer's address space no picture is taken";
#endif
  const program target({program_path("leak_ten_receivers"), "leaking"});
  const auto id = ids_in(target, "leaks::ten_receivers::listener").at(0);
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, target.pid(), nullptr, nullptr), 0);
  const auto seen = why(target, id);
  EXPECT_NE(seen.verdict(), v1::WhyView::NEVER_WAKES);
  EXPECT_EQ(seen.beside(), 8U);
  ASSERT_EQ(seen.notes_size(), 1);
  EXPECT_THAT(seen.notes(0), ContainsRegex("(is not known|were not read): .*traces it already"));
  const auto channels = view<v1::ChannelsView>({"channels", target.pid_text()});
  ASSERT_EQ(channels.channels_size(), 1);
  EXPECT_EQ(channels.channels(0).receivers(), 9U);
  EXPECT_EQ(channels.channels(0).references(), v1::ChannelView::REFERENCES_UNSPECIFIED);
  ASSERT_EQ(channels.notes_size(), 1);
  EXPECT_THAT(channels.notes(0), ContainsRegex("(is not known|were not read): .*traces it already"));
}

TEST(Why, OfACoreFindsTheSameTasks) {
  char name[] = "/tmp/tasks-test-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(name);
  const program target({program_path("leak_deadlock_of_two"), "leaking"});
  const auto ids = ids_in(target, "leaks::deadlock_of_two::pass_on");
  const auto prefix = (folder / "gcore").string();
  const auto core = prefix + "." + target.pid_text();
  ASSERT_EQ(run({"gcore", "-o", prefix, target.pid_text()}).end.code, 0);
  const auto live = why(target, ids[0]), dead = view<v1::WhyView>({"why", "--core", core, ids[0]});
  EXPECT_EQ(dead.waits(0), live.waits(0));
  ASSERT_GE(dead.wakers_size(), 1);
  EXPECT_EQ(std::to_string(dead.wakers(0).task().id()), ids[1]);
  ASSERT_GE(dead.wakers(0).wakers_size(), 1);
  EXPECT_EQ(std::to_string(dead.wakers(0).wakers(0).task().id()), ids[0]);
  EXPECT_THAT(text({"channels", "--core", core}), HasSubstr(": tasks why --core " + core + " " + ids[0] + "\n"));
  std::filesystem::remove_all(folder);
}

TEST(Why, OfATaskThatIsNotThereFails) {
  const program target({program_path("leak_ten_receivers"), "leaking"});
  const auto seen = run({tasks_executable(), "why", target.pid_text(), "12345"});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_EQ(seen.out, "");
  EXPECT_EQ(seen.err, "tasks: pid " + target.pid_text() + ": task 12345 is not there (it may have ended)\n");
}

TEST(Why, WantsOneTask) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"why"},
                                                {"why", "1"},
                                                {"why", "-p", "1"},
                                                {"why", "1", "x"},
                                                {"why", "1", "2,3"},
                                                {"why", "1", "2", "3"}}) {
    auto command = words;
    command.insert(command.begin(), tasks_executable());
    const auto seen = run(command);
    EXPECT_EQ(seen.end.code, 2) << seen.err;
    EXPECT_THAT(seen.err, Not(IsEmpty()));
  }
}

}  // namespace
}  // namespace tasks::testing
