/// The lab, on standalone and on Boost.Asio: what each of its tasks waits for, and how its mistakes show.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/client.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

/// Four workers, statistics, stop_on_request and its two arms, and the listener.
constexpr int tasks_at_start = 9;

const std::string source = TASKS_TEST_LAB_SOURCE;

class Lab : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] static program start(const std::vector<std::string>& leaks = {}) {
    std::vector<std::string> argv{program_path(GetParam())};
    for (const std::string& leak : leaks) argv.insert(argv.end(), {"--leak", leak});
    return program(argv);
  }

  [[nodiscard]] static client connect(const program& lab) {
    client peer(static_cast<std::uint16_t>(std::stoi(lab.value("port"))));
    peer.send("hello\n");
    EXPECT_EQ(peer.receive(6), "HELLO\n");
    return peer;
  }

  /// The only task whose innermost function is this.
  [[nodiscard]] static v1::TaskView only(const v1::StackView& stacks, std::string_view function) {
    const auto found = tasks_in(stacks, function);
    EXPECT_THAT(found, SizeIs(1)) << function << " in " << stacks.DebugString();
    return found.empty() ? v1::TaskView() : found[0];
  }
};

TEST_P(Lab, EachTaskSaysWhatItWaitsFor) {
  program lab = start();
  const v1::StackView stacks = stacks_at_rest(lab, tasks_at_start);

  const auto workers = tasks_in(stacks, "next_job");
  ASSERT_THAT(workers, SizeIs(4));
  for (const v1::TaskView& worker : workers) {
    EXPECT_THAT(places(worker), ElementsAre(place("next_job", source, "work.jobs.async_receive"),
                                            place("worker", source, "co_await next_job(*work)")));
    EXPECT_EQ(worker.wait().kind(), v1::Wait::CHANNEL_RECEIVE);
    EXPECT_EQ(worker.wait().capacity(), 16u);
    EXPECT_EQ(worker.wait().object(), workers[0].wait().object());
  }
  const v1::TaskView statistics = only(stacks, "statistics");
  EXPECT_EQ(statistics.wait().kind(), v1::Wait::TIMER);
  EXPECT_GT(statistics.wait().expires_in_seconds(), 0.0);
  EXPECT_LE(statistics.wait().expires_in_seconds(), 30.0);
  EXPECT_EQ(only(stacks, "listener").wait().kind(), v1::Wait::SOCKET_ACCEPT);

  const v1::TaskView stop = only(stacks, "stop_on_request");
  EXPECT_EQ(stop.wait().kind(), v1::Wait::TASKS);
  const v1::TaskView input = only(stacks, "input_closes");
  EXPECT_EQ(input.wait().kind(), v1::Wait::DESCRIPTOR_READ);
  EXPECT_EQ(input.parent_id(), stop.id());
  EXPECT_TRUE(input.awaited());
  const v1::TaskView signal = only(stacks, "stop_signal");
  EXPECT_EQ(signal.wait().kind(), v1::Wait::SIGNAL);
  EXPECT_EQ(signal.parent_id(), stop.id());
  EXPECT_EQ(lab.stop(), (ending{0, 0}));
}

// session()                 task 10 [tasks]
// └─ talk()                          awaits read_line() || idle_timeout()
//    ├─ read_line()         task 11 [socket read]
//    └─ idle_timeout()      task 12 [timer]
TEST_P(Lab, ASessionWaitsForALineOrForItsTimeout) {
  program lab = start();
  const client peer = connect(lab);
  const v1::StackView stacks = stacks_at_rest(lab, tasks_at_start + 3);
  const v1::TaskView session = only(stacks, "talk");
  EXPECT_THAT(places(session), ElementsAre(place("talk", source, "(read_line(socket, buffer) || idle_timeout(idle))"),
                                           place("session", source, "co_await talk(socket, *work, idle)")));
  EXPECT_EQ(session.wait().kind(), v1::Wait::TASKS);
  EXPECT_EQ(session.parent_id(), only(stacks, "listener").id());
  const v1::TaskView line = only(stacks, "read_line");
  EXPECT_EQ(line.wait().kind(), v1::Wait::SOCKET_READ);
  EXPECT_EQ(line.parent_id(), session.id());
  EXPECT_EQ(line.wait().peer(), "127.0.0.1:" + std::to_string(peer.port()));
  const v1::TaskView timeout = only(stacks, "idle_timeout");
  EXPECT_EQ(timeout.parent_id(), session.id());
  EXPECT_LE(timeout.wait().expires_in_seconds(), 600.0);

  const auto tree = view<v1::TreeView>({"tree", "-p", lab.pid_text()});
  const v1::TreeNode* node = find(tree, session.id());
  ASSERT_NE(node, nullptr);
  EXPECT_THAT(node->children(), SizeIs(2));
  EXPECT_EQ(lab.stop(), (ending{0, 0}));
}

TEST_P(Lab, VitalsCountsTheWorkersOfThePoolAsOneGroup) {
  program lab = start();
  EXPECT_EQ(stacks_at_rest(lab, tasks_at_start).tasks_size(), tasks_at_start);
  const auto vitals = view<v1::VitalsView>({"vitals", "-p", lab.pid_text()});
  EXPECT_EQ(vitals.tasks(), static_cast<unsigned>(tasks_at_start));
  EXPECT_EQ(vitals.blocked_on_channels(), 4u);
  ASSERT_THAT(vitals.blocked_channels(), SizeIs(1));
  EXPECT_EQ(vitals.blocked_channels(0).count(), 4u);
  EXPECT_EQ(vitals.blocked_channels(0).wait().kind(), v1::Wait::CHANNEL_RECEIVE);
  EXPECT_EQ(vitals.os_threads(), 3u);
  EXPECT_FALSE(vitals.all_on_channels());
}

TEST_P(Lab, AnAnswerThatNobodyTakesLeavesTwoSenders) {
  program lab = start({"send"});
  const v1::StackView stacks = stacks_at_rest(lab, tasks_at_start + 2);
  const auto senders = tasks_in(stacks, "ask_replica");
  ASSERT_THAT(senders, SizeIs(2));
  for (const v1::TaskView& sender : senders) {
    EXPECT_EQ(sender.wait().kind(), v1::Wait::CHANNEL_SEND);
    EXPECT_EQ(sender.wait().capacity(), 0u);
    EXPECT_TRUE(sender.wait().has_capacity());
  }
}

TEST_P(Lab, ADroppedPoolLeavesItsWorkers) {
  program lab = start({"receive"});
  EXPECT_THAT(tasks_in(stacks_at_rest(lab, tasks_at_start + 3), "next_job"), SizeIs(4 + 3));
}

TEST_P(Lab, AClosedChannelLeavesItsSender) {
  program lab = start({"close"});
  const v1::StackView stacks = stacks_at_rest(lab, tasks_at_start + 1);
  EXPECT_EQ(only(stacks, "ask_replica").wait().kind(), v1::Wait::CHANNEL_SEND);
}

TEST_P(Lab, TwoTasksThatWaitForEachOtherStay) {
  program lab = start({"cycle"});
  EXPECT_THAT(tasks_in(stacks_at_rest(lab, tasks_at_start + 2), "pass_on"), SizeIs(2));
}

TEST_P(Lab, ATimerThatNeverExpiresHasNoExpiry) {
  program lab = start({"timer"});
  const v1::TaskView waiter = only(stacks_at_rest(lab, tasks_at_start + 1), "leak_timer");
  EXPECT_EQ(waiter.wait().kind(), v1::Wait::TIMER);
  EXPECT_FALSE(waiter.wait().has_expires_in_seconds());
}

TEST_P(Lab, EachConnectionLeavesThreeTasksMore) {
  program lab = start({"grow"});
  const client first = connect(lab);
  EXPECT_THAT(stacks_at_rest(lab, tasks_at_start + 6).tasks(), SizeIs(tasks_at_start + 6));
  const client second = connect(lab);
  EXPECT_THAT(stacks_at_rest(lab, tasks_at_start + 12).tasks(), SizeIs(tasks_at_start + 12));
}

std::vector<const char*> labs() {
  return {
    "lab",
#if defined(TASKS_TEST_BOOST_LAB)
        "lab_boost",
#endif
  };
}

INSTANTIATE_TEST_SUITE_P(Asio, Lab, ::testing::ValuesIn(labs()),
                         [](const auto& parameter) { return std::string(parameter.param); });

}  // namespace
}  // namespace tasks::testing
