// Runs timed on request: the registry's side, without Asio and without a socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "readers/record_reader.hpp"
#include "readers/task_times.hpp"
#include "registry/registry.hpp"
#include "server/timing_switch.hpp"
#include "support/fake_task.hpp"
#include "tasks/this_task.hpp"

namespace tasks::detail {
namespace {

using layout::detail_kind;
using layout::wait_kind;
using std::chrono::milliseconds;
using testing::fake_task;
using steady = std::chrono::steady_clock;

std::uint64_t ns_since(steady::time_point begin) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(steady::now() - begin).count());
}
std::uint64_t monotonic_now_ns() { return static_cast<std::uint64_t>(steady::now().time_since_epoch().count()); }

void spin_for(milliseconds time) {
  for (const auto end = steady::now() + time; steady::now() < end;) {
  }
}

std::uint64_t sum(const durations_copy& of) {
  return std::accumulate(of.buckets.begin(), of.buckets.end(), std::uint64_t{0});
}

class Timing : public ::testing::Test {
 protected:
  Timing() { turn_on(); }
  ~Timing() override { timing_.turn_off(); }

  void turn_on() {
    ASSERT_NE(ensure_registry(), nullptr);  // as an agent does first
    while (!timing_.is_calibrated()) std::this_thread::sleep_for(milliseconds(1));
    ASSERT_TRUE(timing_.turn_on());
  }
  [[nodiscard]] task_times times_of(const fake_task& task) const {
    slab_map slabs;
    task_copy copy{};
    EXPECT_EQ(copy_task(*task.record(), slabs, copy), copied::whole);
    return times_reader(timing_.area()).of(copy, slabs);
  }
  [[nodiscard]] std::vector<ended_times> ended() const { return times_reader(timing_.area()).of_ended(); }

  timing_switch timing_;
};

TEST_F(Timing, RunsAreFromBeingResumedToTheNextWait) {
  const auto outside = steady::now();
  fake_task task;
  task.run();
  const auto inside = steady::now();
  spin_for(milliseconds(5));
  const auto least = ns_since(inside);
  task.wait(wait_kind::channel_receive);
  const auto first = times_of(task);
  EXPECT_EQ(first.runs.count, 1u);
  EXPECT_GE(first.runs.total, least * 99 / 100);
  EXPECT_LE(first.runs.total, ns_since(outside) * 101 / 100);
  EXPECT_EQ(first.runs.longest, first.runs.total);
  EXPECT_EQ(first.running, 0u);
  task.wake().wait(wait_kind::channel_receive);
  const auto both = times_of(task);
  EXPECT_EQ(both.runs.count, 2u);
  EXPECT_GT(both.runs.total, first.runs.total);
  EXPECT_EQ(sum(both.runs), 2u);
  EXPECT_EQ(both.runs.buckets[timing_bucket(first.runs.total)],
            1u + (timing_bucket(both.runs.total - first.runs.total) == timing_bucket(first.runs.total)));
}

TEST_F(Timing, ARunThatIsNotOverIsTold) {
  fake_task task;
  task.run();
  const auto begin = steady::now();
  spin_for(milliseconds(3));
  const auto least = ns_since(begin);
  EXPECT_GE(times_of(task).running, least * 99 / 100);
  EXPECT_EQ(times_of(task).runs.count, 0u);
  task.enter().leave();
  EXPECT_GE(times_of(task).running, least * 99 / 100);
}

TEST_F(Timing, ARunThatBeganBeforeIsToldFromWhenTimingBegan) {
  timing_.turn_off();
  fake_task task;
  task.run();
  spin_for(milliseconds(30));
  const auto outside = steady::now();
  turn_on();
  EXPECT_LE(times_of(task).running, ns_since(outside) * 101 / 100);
  task.wait(wait_kind::timer);
  EXPECT_EQ(times_of(task).runs.count, 0u);  // how long it was is not known
}

TEST_F(Timing, DelaysAreOfWaitsWhoseEndIsKnown) {
  fake_task task;
  spin_for(milliseconds(2));
  task.run();
  EXPECT_EQ(times_of(task).delays.count, 1u);  // from being spawned
  EXPECT_GE(times_of(task).delays.total, 2'000'000u * 99 / 100);
  task.wait(wait_kind::post);
  task.wake();
  EXPECT_EQ(times_of(task).delays.count, 2u);
  task.wait(wait_kind::channel_receive);
  task.wake();
  task.wait(wait_kind::socket_read, 0x5000, detail_kind::none, 0, 7);
  task.wake();
  EXPECT_EQ(times_of(task).delays.count, 2u);
}

TEST_F(Timing, ATimerIsLateByWhatHasPassedSinceItExpired) {
  fake_task task;
  task.run();
  const auto before = times_of(task).delays;
  const auto expiry = monotonic_now_ns() + 1'000'000;
  task.wait(wait_kind::timer, 0x5000, detail_kind::steady_expiry, expiry);
  spin_for(milliseconds(5));
  task.wake();
  const auto late = monotonic_now_ns() - expiry;
  auto now = times_of(task).delays;
  EXPECT_EQ(now.count, before.count + 1);
  EXPECT_LE(now.total - before.total, late + 1'000'000);  // two clocks, one of which was measured against the other
  EXPECT_GE(now.total - before.total, 3'900'000u);
  // Cancelled before it expired, and one that never does: they were not late.
  task.wait(wait_kind::timer, 0x5000, detail_kind::steady_expiry, monotonic_now_ns() + 3'600'000'000'000);
  task.wake();
  task.wait(wait_kind::timer, 0x5000, detail_kind::steady_expiry, INT64_MAX);
  task.wake();
  EXPECT_EQ(times_of(task).delays.count, now.count);
}

TEST_F(Timing, EndedTasksAreToldByFunctionAndSpawnPath) {
  for (int i = 0; i < 3; ++i) {
    fake_task task;
    task.run();
    task.enter();
    task.wait(wait_kind::channel_receive);
    task.wake();
  }
  fake_task living;
  living.run();
  const auto all = ended();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].tasks, 3u);
  EXPECT_EQ(all[0].times.runs.count, 6u);  // the last ones ended with their tasks
  EXPECT_EQ(sum(all[0].times.runs), 6u);
  EXPECT_EQ(all[0].times.delays.count, 3u);
  EXPECT_NE(all[0].where, 0u);
}

TEST_F(Timing, EachTimeItBeginsAnew) {
  fake_task task;
  task.run().wait(wait_kind::channel_receive);
  { fake_task().run(); }
  EXPECT_EQ(ended().size(), 1u);
  timing_.turn_off();
  task.wake().wait(wait_kind::channel_receive);
  turn_on();
  EXPECT_EQ(times_of(task).runs.count, 0u);
  EXPECT_TRUE(ended().empty());
  task.wake().wait(wait_kind::channel_receive);
  EXPECT_EQ(times_of(task).runs.count, 1u);
}

TEST_F(Timing, NothingIsTimedAtOtherTimes) {
  timing_.turn_off();
  fake_task task;
  task.run().wait(wait_kind::channel_receive);
  EXPECT_EQ(load(task.record()->annotations), 0u);
  turn_on();
  EXPECT_EQ(times_of(task).runs.count, 0u);
}

TEST_F(Timing, NamesAndGroupsStayReadable) {
  fake_task task;
  task.run();
  ASSERT_TRUE(this_task::set_name("first"));
  task.wait(wait_kind::channel_receive).wake();
  ASSERT_TRUE(this_task::set_label("user", "ann"));
  slab_map slabs;
  task_copy copy{};
  ASSERT_EQ(copy_task(*task.record(), slabs, copy), copied::whole);
  std::vector<annotation_copy> texts;
  copy_annotations(copy, slabs, texts);
  EXPECT_EQ(texts.size(), 2u);
  EXPECT_EQ(times_of(task).runs.count, 1u);
}

TEST_F(Timing, RecordsComeBack) {
  { const std::vector<fake_task> warm(1000); }
  const auto used = ensure_registry()->used.load();
  const auto times = timing_.area()->records.load();
  for (int round = 0; round < 20; ++round) {
    std::vector<fake_task> many(1000);
    for (auto& each : many) each.run().wait(wait_kind::post);
  }
  EXPECT_LE(ensure_registry()->used.load(), used + 4 * layout::batch_records);
  EXPECT_EQ(timing_.area()->records.load(), times);
  EXPECT_EQ(timing_.area()->left_out.load(), 0u);
}

TEST_F(Timing, TheChildOfAForkTimesNothing) {
  fake_task task;
  task.run();
  const pid_t child = fork();
  if (child == 0) {
    const bool off = this_root.timing.load() == nullptr;
    task.wait(wait_kind::channel_receive).wake();
    _exit(off ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// The agent of another object knows this one's registry, not its root.
TEST_F(Timing, OfAnotherObjectsAgentWorksThroughTheRegistry) {
  auto* area = this_root.timing.exchange(nullptr);
  auto* home = ensure_registry();
  ASSERT_EQ(home->timing.exchange(nullptr), area);
  home->tick = 77;
  const auto timed = area->records.load();
  fake_task task;
  task.run().wait(wait_kind::post);
  EXPECT_EQ(task.record()->since.load(), 77u);
  EXPECT_EQ(area->records.load(), timed);
  home->timing = area;
  task.run().wait(wait_kind::post);
  EXPECT_EQ(area->records.load(), timed + 1);
  home->tick = 0;
  this_root.timing = area;
}

// Copies without pause while tasks run, wait and end: each belongs together.
TEST_F(Timing, CopiesAreWhole) {
  std::atomic<bool> stop = false;
  std::atomic<int> begun = 0;
  std::vector<std::jthread> threads;
  std::atomic<layout::record*> watched[2] = {};
  for (auto& place : watched) {
    threads.emplace_back([&] {
      while (!stop) {
        fake_task task;
        task.run();
        place = task.record();
        ++begun;
        for (int i = 0; i < 200; ++i) task.wait(wait_kind::post).wake();
      }
    });
  }
  std::uint64_t seen = 0;
  slab_map slabs;
  const times_reader reader(timing_.area());
  while (seen < 20'000) {
    for (auto& place : watched) {
      const auto* record = place.load();
      task_copy copy{};
      if (record == nullptr || copy_task(*record, slabs, copy) != copied::whole) continue;
      const auto times = reader.of(copy, slabs);
      EXPECT_EQ(sum(times.runs), times.runs.count);
      EXPECT_EQ(sum(times.delays), times.delays.count);
      EXPECT_LE(times.runs.longest, times.runs.total);
      EXPECT_LE(times.runs.count, 201u);
      ++seen;
    }
  }
  stop = true;
  threads.clear();
  std::uint64_t tasks = 0;
  for (const auto& each : ended()) {
    tasks += each.tasks;
    EXPECT_EQ(sum(each.times.runs), each.times.runs.count);
  }
  EXPECT_EQ(tasks, static_cast<std::uint64_t>(begun.load()));
}

TEST(TimingBuckets, AreTwiceAsWideEachTime) {
  EXPECT_EQ(timing_bucket(0), 0u);
  EXPECT_EQ(timing_bucket(1023), 0u);
  EXPECT_EQ(timing_bucket(1024), 1u);
  EXPECT_EQ(timing_bucket(2047), 1u);
  EXPECT_EQ(timing_bucket(2048), 2u);
  EXPECT_EQ(timing_bucket((std::uint64_t{1} << 26) - 1), 16u);
  EXPECT_EQ(timing_bucket(std::uint64_t{1} << 26), 17u);
  EXPECT_EQ(timing_bucket(UINT64_MAX), 17u);
}

}  // namespace
}  // namespace tasks::detail
