// `tasks channels`: channels that tasks wait on, of programs that know what they leak.

#include <gmock/gmock.h>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The only channel that anybody waits on.
v1::ChannelView only_channel(const v1::ChannelsView& seen) {
  EXPECT_EQ(seen.channels_size(), 1);
  EXPECT_EQ(seen.notes_size(), 0);
  return seen.channels_size() == 0 ? v1::ChannelView() : seen.channels(0);
}

TEST(Channels, GroupTheirReceiversByStack) {
  const program target({program_path("leak_ten_receivers"), "leaking"});
  const auto seen = view<v1::ChannelsView>({"channels", target.pid_text()});
  const auto channel = only_channel(seen);
  EXPECT_EQ(channel.state(), v1::ChannelView::EMPTY);
  EXPECT_EQ(channel.receivers(), 9U);
  EXPECT_EQ(channel.senders(), 0U);
  EXPECT_EQ(channel.capacity(), 0U);
  EXPECT_FALSE(channel.closed());
  EXPECT_EQ(channel.references(), v1::ChannelView::NOTHING_ALIVE);
  ASSERT_EQ(channel.waiters_size(), 1);
  EXPECT_EQ(channel.waiters(0).count(), 9U);
  EXPECT_EQ(channel.waiters(0).ids_size(), 3);
  EXPECT_EQ(channel.waiters(0).wait().object(), channel.address());
  EXPECT_THAT(channel.waiters(0).frames(0).function(), HasSubstr("leaks::ten_receivers::listener"));
  EXPECT_GT(seen.stopped_seconds(), 0);

  const auto shown = text({"channels", target.pid_text()});
  EXPECT_THAT(shown, HasSubstr("channel " + channel.address() + " [empty, capacity 0]: 9 receivers, oldest "));
  EXPECT_THAT(shown, HasSubstr("\nnothing alive points to it: its waiters will never wake\n"));
  EXPECT_THAT(shown, HasSubstr(", …: tasks why -p " + target.pid_text() + " " +
                               std::to_string(channel.waiters(0).ids(0)) + "\n"));
}

TEST(Channels, ThatWereClosedOverASenderSaySo) {
  const program target({program_path("leak_closed_over_sender"), "leaking"});
  const auto channel = only_channel(view<v1::ChannelsView>({"channels", target.pid_text()}));
  EXPECT_EQ(channel.state(), v1::ChannelView::FULL);
  EXPECT_EQ(channel.senders(), 1U);
  EXPECT_TRUE(channel.closed());
  EXPECT_THAT(text({"channels", target.pid_text()}), HasSubstr(", closed]: 1 sender, "));
}

TEST(Channels, AreThoseThatSelectedTasksWaitOnWithAllTheirWaiters) {
  const program target({program_path("leak_ten_receivers"), "leaking"});
  const auto channel = only_channel(view<v1::ChannelsView>({"channels", target.pid_text()}));
  const auto one = std::to_string(channel.waiters(0).ids(1));
  const auto chosen = only_channel(view<v1::ChannelsView>({"channels", target.pid_text(), "--task", one}));
  EXPECT_EQ(chosen.address(), channel.address());
  EXPECT_EQ(chosen.receivers(), 9U);
  EXPECT_EQ(chosen.references(), v1::ChannelView::NOTHING_ALIVE);
  EXPECT_EQ(view<v1::ChannelsView>({"channels", target.pid_text(), "--function", "nowhere"}).channels_size(), 0);
}

TEST(Channels, NameWhoHoldsThem) {
  const program target({program_path("healthy_owners"), "global"});
  const auto channel = only_channel(view<v1::ChannelsView>({"channels", target.pid_text()}));
  EXPECT_EQ(channel.references(), v1::ChannelView::HELD);
  EXPECT_EQ(channel.held_by(), "the data of " + program_path("healthy_owners"));
}

TEST(Channels, WithoutAProofStopNothing) {
  const program target({program_path("leak_ten_receivers"), "leaking"});
  const auto seen = view<v1::ChannelsView>({"channels", target.pid_text(), "--no-prove"});
  const auto channel = only_channel(seen);
  EXPECT_EQ(channel.receivers(), 9U);
  EXPECT_EQ(channel.references(), v1::ChannelView::REFERENCES_UNSPECIFIED);
  EXPECT_EQ(channel.held_by(), "");
  EXPECT_EQ(seen.stopped_seconds(), 0);
  const auto shown = text({"channels", target.pid_text(), "--no-prove"});
  EXPECT_THAT(shown, Not(HasSubstr("points to it")));
  EXPECT_THAT(shown, Not(HasSubstr("stopped")));
}

/// [channel send] 2 × ask_replica: the first of three was heard; [channel receive] 4 × worker of a pool that lives.
TEST(Channels, AreTheSameFromTheAgentAndFromMemory) {
  const program lab({program_path("lab"), "--leak", "send"});
  wait_until_shown({"stack", "--group", "--kind", "channel-send", "-p", lab.pid_text()}, "2 tasks [channel send");
  wait_until_shown({"stack", "--group", "--kind", "channel-receive", "-p", lab.pid_text()}, "4 tasks [channel receive");
  for (const std::string how : {"--timeout=60", "--direct"}) {
    const auto seen = view<v1::ChannelsView>({"channels", lab.pid_text(), how});
    ASSERT_GE(seen.channels_size(), 2) << how;
    const auto &jobs = seen.channels(0), &answers = seen.channels(1);
    EXPECT_EQ(jobs.state(), v1::ChannelView::EMPTY) << how;
    EXPECT_EQ(jobs.receivers(), 4U) << how;
    EXPECT_EQ(jobs.capacity(), 16U) << how;
    EXPECT_EQ(jobs.references(), v1::ChannelView::HELD) << how;
    EXPECT_EQ(answers.state(), v1::ChannelView::FULL) << how;
    EXPECT_EQ(answers.senders(), 2U) << how;
    ASSERT_EQ(answers.waiters_size(), 1) << how;
    EXPECT_THAT(answers.waiters(0).frames(0).function(), HasSubstr("lab::ask_replica")) << how;
  }
}

TEST(Channels, ThatNobodyWaitsOnAreNotListed) {
  const program target({program_path("leak_ten_receivers"), "fixed"});
  EXPECT_EQ(text({"channels", target.pid_text()}), "no task waits on a channel (0 tasks)\n");
}

}  // namespace
}  // namespace tasks::testing
