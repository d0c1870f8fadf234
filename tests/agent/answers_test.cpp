// What answers say: vitals, stacks, groups, filters, trailers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/agent_client.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

/// Of /proc/PID/status.
std::string proc_field(const program& p, const std::string& name) {
  return run({"sh", "-c", "grep -w " + name + " /proc/" + p.pid_text() + "/status | grep -o '[0-9]*' | head -1"}).out;
}

class Answers : public ::testing::Test {
 protected:
  [[nodiscard]] answer asked(const v1::Request& request) const {
    return ask(dir_.path() + "/" + host_.pid_text(), request);
  }

  temporary_directory dir_;
  program host_{{program_path("agent_host"), "--tasks", "6", "--depth", "5"}, {dir_.variable()}};
};

TEST_F(Answers, VitalsCountTasksAndThreads) {
  const auto got = asked(vitals_request());
  ASSERT_TRUE(got.vitals.has_value());
  const auto& v = *got.vitals;
  EXPECT_EQ(v.tasks(), 6u);
  EXPECT_EQ(v.blocked(), 6u);
  EXPECT_EQ(v.running(), 0u);
  EXPECT_EQ(v.ready(), 0u);
  EXPECT_EQ(v.blocked_on_channels(), 6u);
  EXPECT_EQ(v.workers(), 1u);
  EXPECT_EQ(std::to_string(v.os_threads()) + "\n", proc_field(host_, "Threads"));
  EXPECT_EQ(v.lost(), 0u);
  EXPECT_TRUE(v.all_on_channels());
  EXPECT_EQ(v.tick_resolution_ms(), 1000u);
}

TEST_F(Answers, VitalsSayWhatTheProcessUses) {
  const auto v = *asked(vitals_request(true)).vitals;
  EXPECT_EQ(std::to_string(v.cpus_in_affinity_mask()) + "\n", run({"nproc"}, {"OMP_NUM_THREADS"}).out);
  EXPECT_THAT(v.cpus(), AllOf(Ge(1u), Le(v.cpus_in_affinity_mask())));
  const auto resident = 1024 * std::stoull(proc_field(host_, "VmRSS"));
  EXPECT_GT(v.rss_bytes(), resident / 2);
  EXPECT_LT(v.rss_bytes(), resident * 2);
  EXPECT_GT(v.uptime_ms(), 0u);
}

TEST_F(Answers, VitalsLeaveOutWhatTheKernelTellsWhereAsked) {
  auto request = vitals_request(true);
  request.mutable_vitals()->set_without_process(true);
  const auto without = *asked(request).vitals;
  auto all = *asked(vitals_request(true)).vitals;
  all.clear_os_threads();
  all.clear_rss_bytes();
  all.clear_cpu_time_ms();
  all.clear_uptime_ms();
  EXPECT_EQ(without.SerializeAsString(), all.SerializeAsString());
  EXPECT_EQ(without.tasks(), 6u);
  EXPECT_EQ(without.workers(), 1u);
  EXPECT_GT(without.cpus(), 0u);
}

TEST_F(Answers, AnAffinityMaskOfOneProcessorIsOneProcessor) {
  program pinned({"taskset", "-c", "0", program_path("agent_host")}, {dir_.variable()});
  const auto v = *ask(dir_.path() + "/" + pinned.pid_text(), vitals_request()).vitals;
  EXPECT_EQ(v.cpus_in_affinity_mask(), 1u);
  EXPECT_EQ(v.cpus(), 1u);
}

TEST_F(Answers, VitalsGroupTheTasksBlockedOnChannels) {
  const auto got = asked(vitals_request());
  ASSERT_EQ(got.all.groups_size(), 1);
  EXPECT_EQ(got.all.groups(0).count(), 6u);
  EXPECT_EQ(got.all.groups(0).wait().kind(), v1::Wait::CHANNEL_RECEIVE);
  EXPECT_EQ(stack_text(got.all, got.all.groups(0)), "receiver < receiver < receiver < receiver < receiver");
  EXPECT_TRUE(got.trailer->complete());
  EXPECT_EQ(asked(vitals_request(true)).all.groups_size(), 0);
}

TEST_F(Answers, EachTaskComesOldestFirstWithItsWait) {
  const auto got = asked(stacks_request());
  ASSERT_EQ(got.all.tasks_size(), 6);
  for (int i = 0; i < 6; ++i) {
    const auto& task = got.all.tasks(i);
    EXPECT_EQ(task.id(), static_cast<unsigned>(i + 1));
    EXPECT_EQ(task.parent(), 0u);
    EXPECT_EQ(task.state(), v1::Task::BLOCKED);
    EXPECT_EQ(task.wait().kind(), v1::Wait::CHANNEL_RECEIVE);
    EXPECT_EQ(task.wait().object(), 0x5000u);
    EXPECT_EQ(task.wait().capacity(), 8u);
    EXPECT_FALSE(task.wait().has_fd());
    EXPECT_FALSE(task.wait().has_expires_in_ms());
    EXPECT_EQ(task.frames_size(), 5);
    EXPECT_NE(task.spawn_path(), 0u);
    EXPECT_EQ(task.thread(), 0u);
    EXPECT_FALSE(task.truncated());
  }
  EXPECT_EQ(got.trailer->shown(), 6u);
  EXPECT_EQ(got.trailer->total(), 6u);
  EXPECT_EQ(got.trailer->matched(), 6u);
  EXPECT_TRUE(got.trailer->complete());
}

TEST_F(Answers, ALocationIsToldOnceWithItsFileAndLine) {
  const auto got = asked(stacks_request());
  int places = 0;
  for (const auto& location : got.all.locations()) {
    if (location.calls_size() != 0) continue;  // where they were spawned
    ++places;
    EXPECT_THAT(location.file(), ::testing::EndsWith("agent_host.cpp"));
    EXPECT_GT(location.line(), 0u);
    EXPECT_EQ(location.address(), 0u);
  }
  EXPECT_EQ(places, 2);  // where the outermost frame awaits, and the loop that enters the others
}

TEST_F(Answers, ASpawnPathIsToldOnceAsReturnAddresses) {
  const auto got = asked(stacks_request());
  for (const auto& task : got.all.tasks()) {
    const auto& locations = got.all.locations();
    const auto path = std::find_if(locations.begin(), locations.end(),
                                   [&](const auto& location) { return location.id() == task.spawn_path(); });
    ASSERT_NE(path, locations.end());
    EXPECT_GE(path->calls_size(), 2);
    EXPECT_TRUE(path->function().empty());
    EXPECT_EQ(path->address(), 0u);
  }
}

TEST_F(Answers, SpawnSitesAreLeftOutWhereAsked) {
  for (const bool grouped : {false, true}) {
    auto request = stacks_request(grouped);
    request.mutable_stacks()->set_without_spawn_sites(true);
    const auto got = asked(request);
    EXPECT_EQ(got.all.tasks_size() + got.all.groups_size(), grouped ? 1 : 6);
    for (const auto& task : got.all.tasks()) EXPECT_EQ(task.spawn_path() + task.spawn_location(), 0u);
    for (const auto& group : got.all.groups()) EXPECT_EQ(group.spawn_path() + group.spawn_location(), 0u);
    std::vector<unsigned> ids;
    for (const auto& location : got.all.locations()) {
      ids.push_back(location.id());
      EXPECT_EQ(location.calls_size(), 0);
      EXPECT_FALSE(location.function().empty());
    }
    EXPECT_THAT(ids, ElementsAre(1u, 2u));
    EXPECT_TRUE(got.trailer->complete());
  }
}

TEST_F(Answers, ALimitKeepsTheOldestAndSaysHowManyThereAre) {
  auto request = stacks_request();
  request.mutable_stacks()->set_limit(2);
  const auto got = asked(request);
  ASSERT_EQ(got.all.tasks_size(), 2);
  EXPECT_EQ(got.all.tasks(1).id(), 2u);
  EXPECT_EQ(got.trailer->shown(), 2u);
  EXPECT_EQ(got.trailer->matched(), 6u);
  EXPECT_FALSE(got.trailer->complete());
}

TEST_F(Answers, FiltersLetOnlyWhatPassesAllOfThemThrough) {
  auto request = stacks_request();
  request.mutable_stacks()->add_ids(3);
  request.mutable_stacks()->add_ids(5);
  request.mutable_stacks()->add_ids(77);
  auto got = asked(request);
  ASSERT_EQ(got.all.tasks_size(), 2);
  EXPECT_EQ(got.all.tasks(0).id(), 3u);
  EXPECT_TRUE(got.trailer->complete());
  request.mutable_stacks()->add_states(v1::Task::BLOCKED);
  request.mutable_stacks()->add_kinds(v1::Wait::CHANNEL_RECEIVE);
  EXPECT_EQ(asked(request).all.tasks_size(), 2);
  request.mutable_stacks()->set_older_than_ms(3'600'000);
  EXPECT_EQ(asked(request).all.tasks_size(), 0);
  request = stacks_request();
  request.mutable_stacks()->add_kinds(v1::Wait::TIMER);
  got = asked(request);
  EXPECT_EQ(got.trailer->matched(), 0u);
  EXPECT_EQ(got.trailer->total(), 6u);
  request = stacks_request();
  request.mutable_stacks()->add_states(v1::Task::READY);
  EXPECT_EQ(asked(request).trailer->matched(), 0u);
}

/// Task 1 runs, has a name and two labels, one of which is no UTF-8; task 6 waits for a descriptor.
class AnswersOfSome : public Answers {
 protected:
  AnswersOfSome() {
    host_.write("annotate\n");
    thread_ = static_cast<std::uint32_t>(std::stoul(host_.read_line()));
  }

  /// Ids of those that pass.
  template <class Choose>
  [[nodiscard]] std::vector<std::uint64_t> asked_for(Choose choose) const {
    auto request = stacks_request();
    choose(*request.mutable_stacks());
    const auto got = asked(request);
    std::vector<std::uint64_t> ids;
    for (const auto& task : got.all.tasks()) ids.push_back(task.id());
    EXPECT_EQ(got.trailer->matched(), ids.size());
    EXPECT_EQ(got.trailer->total(), 6u);
    EXPECT_TRUE(got.trailer->complete());
    return ids;
  }
  static void add_label(v1::StacksRequest& to, const std::string& key, std::optional<std::string> value) {
    auto& label = *to.add_labels();
    label.set_key(key);
    if (value) label.set_value(*value);
  }

  std::uint32_t thread_ = 0;
};

TEST_F(AnswersOfSome, AreOfTheThreadsAndDescriptorsThatWereAskedFor) {
  EXPECT_THAT(asked_for([&](auto& to) { to.add_threads(thread_); }), ElementsAre(1));
  EXPECT_THAT(asked_for([&](auto& to) { to.add_threads(thread_ + 1), to.add_threads(thread_); }), ElementsAre(1));
  EXPECT_THAT(asked_for([&](auto& to) { to.add_threads(0); }), ElementsAre());
  EXPECT_THAT(asked_for([](auto& to) { to.add_fds(9); }), ElementsAre(6));
  EXPECT_THAT(asked_for([](auto& to) { to.add_fds(100), to.add_fds(9), to.add_fds(1); }), ElementsAre(6));
  EXPECT_THAT(asked_for([](auto& to) { to.add_fds(0xffff), to.add_fds(0xffffff), to.add_fds(0xffffffff); }),
              ElementsAre());
  EXPECT_THAT(asked_for([&](auto& to) { to.add_fds(9), to.add_threads(thread_); }), ElementsAre());
}

TEST_F(AnswersOfSome, AreOfTheLabelsAndNamesThatWereAskedFor) {
  EXPECT_THAT(asked_for([](auto& to) { add_label(to, "user", "ann"); }), ElementsAre(1));
  EXPECT_THAT(asked_for([](auto& to) { add_label(to, "user", std::nullopt); }), ElementsAre(1));
  EXPECT_THAT(asked_for([](auto& to) { add_label(to, "user", "an"); }), ElementsAre());
  EXPECT_THAT(asked_for([](auto& to) { add_label(to, "role", "?"); }), ElementsAre(1)) << "as it is told";
  EXPECT_THAT(asked_for([](auto& to) { add_label(to, "user", "bob"), add_label(to, "user", "ann"); }), ElementsAre(1));
  EXPECT_THAT(asked_for([](auto& to) { add_label(to, "user", "ann"), add_label(to, "site", std::nullopt); }),
              ElementsAre());
  EXPECT_THAT(asked_for([](auto& to) { add_label(to, "", "conn 42"); }), ElementsAre()) << "which is a name";
  EXPECT_THAT(asked_for([](auto& to) { to.add_name_parts("n 4"); }), ElementsAre(1));
  EXPECT_THAT(asked_for([](auto& to) { to.add_name_parts("ann"), to.add_name_parts("conn"); }), ElementsAre(1));
  EXPECT_THAT(asked_for([](auto& to) { to.add_name_parts("ann"); }), ElementsAre());
}

TEST_F(AnswersOfSome, AreOfAllWhereMoreTextsAreAskedForThanATaskCanHave) {
  const auto many = [](int count) {
    return [count](auto& to) {
      for (int i = 0; i < count; ++i) add_label(to, "key " + std::to_string(i), std::nullopt);
    };
  };
  EXPECT_EQ(asked_for(many(64)).size(), 0u);
  EXPECT_EQ(asked_for(many(65)).size(), 6u);
}

TEST_F(AnswersOfSome, AreCountedInGroupsToo) {
  auto request = stacks_request(true);
  request.mutable_stacks()->add_fds(9);
  const auto got = asked(request);
  ASSERT_EQ(got.all.groups_size(), 1);
  EXPECT_EQ(got.all.groups(0).count(), 1u);
}

TEST_F(Answers, GroupsNameTheirOldestTasks) {
  const auto got = asked(stacks_request(true));
  ASSERT_EQ(got.all.groups_size(), 1);
  const auto& group = got.all.groups(0);
  EXPECT_EQ(group.count(), 6u);
  EXPECT_EQ(group.state(), v1::Task::BLOCKED);
  EXPECT_EQ(group.wait().capacity(), 8u);
  EXPECT_THAT(group.ids(), ElementsAre(1, 2, 3));
  EXPECT_EQ(got.all.tasks_size(), 0);
  EXPECT_EQ(got.trailer->shown(), 6u);
  EXPECT_TRUE(got.trailer->complete());
}

TEST(AnswersOfABusyProcess, EveryOneIsWhole) {
  const temporary_directory dir;
  program host({program_path("agent_host"), "--tasks", "100", "--churn"}, {dir.variable()});
  agent_client client(dir.path() + "/" + host.pid_text());
  client.hello();
  for (int i = 0; i < 200; ++i) {
    const auto got = client.ask(stacks_request(i % 2 == 0));
    ASSERT_TRUE(got.trailer.has_value());
    EXPECT_GE(got.trailer->total(), 100u);
    EXPECT_LE(got.trailer->total(), 101u);
    EXPECT_EQ(got.trailer->shown() + got.trailer->torn(), got.trailer->total());
    for (const auto& task : got.all.tasks()) EXPECT_LE(task.frames_size(), 3);
  }
}

TEST(AnswersOfAHundredThousandTasks, AreComplete) {
  const temporary_directory dir;
  program host({program_path("agent_host"), "--tasks", "100000"}, {dir.variable()});
  const auto path = dir.path() + "/" + host.pid_text();
  const auto each = ask(path, stacks_request());
  EXPECT_EQ(each.all.tasks_size(), 100000);
  EXPECT_TRUE(each.trailer->complete());
  const auto grouped = ask(path, stacks_request(true));
  EXPECT_EQ(grouped.all.groups_size(), 1);
  EXPECT_EQ(grouped.trailer->shown(), 100000u);
  host.write("end_tasks\n");
  EXPECT_EQ(host.read_line(), "0");
  EXPECT_EQ(ask(path, vitals_request()).vitals->tasks(), 0u);
}

}  // namespace
}  // namespace tasks::testing
