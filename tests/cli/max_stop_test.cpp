// `--max-stop`: no thread is stopped for longer, whatever is done meanwhile, and what is told is what was measured.
// Time is the test's own, so that nothing here depends on the machine.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "linux/proc.hpp"
#include "linux/sleep.hpp"
#include "picture/picture.hpp"
#include "support/program.hpp"
#include "support/threads_of.hpp"
#include "target/target.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::wait_for;
using clock = stop_order::clock;

/// By somebody who traces it?
bool is_held(pid_t pid) { return testing::states_of(pid).letters.find('t') != std::string::npos; }

/// Does what it is told to while the kernel is asked.
class watched_standstill final : public standstill {
 public:
  watched_standstill(std::unique_ptr<standstill> of, const std::function<void()>& meanwhile)
      : of_(std::move(of)), meanwhile_(meanwhile) {}
  [[nodiscard]] const memory& bytes() const override { return of_->bytes(); }
  [[nodiscard]] const std::vector<thread_registers>& threads() const override { return of_->threads(); }
  [[nodiscard]] kernel_words kernel() const override {
    meanwhile_();
    return of_->kernel();
  }
  [[nodiscard]] bool is_free() const override { return of_->is_free(); }
  [[nodiscard]] double stopped_ms() const override { return of_->stopped_ms(); }
  void let_go() override { of_->let_go(); }
  [[nodiscard]] std::optional<error> ran_out() const override { return of_->ran_out(); }
  [[nodiscard]] std::set<pid_t> moved() const override { return of_->moved(); }

 private:
  std::unique_ptr<standstill> of_;
  const std::function<void()>& meanwhile_;
};

/// A live process, with a clock of the test's.
class watched_target final : public target {
 public:
  watched_target(pid_t pid, std::function<clock::time_point()> now, std::function<void()> meanwhile)
      : of_(live_target(pid)), now_(std::move(now)), meanwhile_(std::move(meanwhile)) {}
  [[nodiscard]] pid_t pid() const override { return of_->pid(); }
  [[nodiscard]] bool is_alive() const override { return of_->is_alive(); }
  [[nodiscard]] bool is_still() const override { return of_->is_still(); }
  [[nodiscard]] const memory& bytes() const override { return of_->bytes(); }
  [[nodiscard]] const result<std::vector<root_copy>>& roots() const override { return of_->roots(); }
  [[nodiscard]] std::vector<os_thread> threads() const override { return of_->threads(); }
  const thread_copies& copy_stacks(std::span<const pid_t> tids) override { return of_->copy_stacks(tids); }
  [[nodiscard]] modules& code() override { return of_->code(); }
  [[nodiscard]] result<std::unique_ptr<standstill>> hold(const stop_order& asked) const override {
    auto order = asked;
    order.now = now_;
    auto held = of_->hold(order);
    if (!held) return held.why();
    return std::unique_ptr<standstill>(std::make_unique<watched_standstill>(*std::move(held), meanwhile_));
  }

 private:
  std::shared_ptr<target> of_;
  std::function<clock::time_point()> now_;
  std::function<void()> meanwhile_;
};

class MaxStop : public ::testing::Test {
 protected:
  [[nodiscard]] result<picture> look(stop_order::whom whom, std::optional<std::chrono::milliseconds> longest,
                                     std::function<void()> meanwhile) {
    watched_target target(
        program_.pid(), [this] { return clock::time_point(time_.load()); }, std::move(meanwhile));
    return take_picture(target, whom, longest);
  }

  testing::program program_{{testing::program_path("interruptions")}};
  std::atomic<std::chrono::milliseconds> time_{1h};  ///< goes by when a test says so
};

TEST_F(MaxStop, WhatIsToldIsWhatWasMeasured) {
  const auto taken = look(stop_order::whom::everybody, 20ms, [&] {
    EXPECT_TRUE(is_held(program_.pid()));
    time_ = time_.load() + 20ms;
  });
  ASSERT_TRUE(taken) << message(taken.why());
  EXPECT_EQ((*taken).stopped_ms, 20);
}

/// No step has to look at the clock for that.
TEST_F(MaxStop, WhenItIsOverAllGoOnWhateverIsBeingDone) {
  const auto taken = look(stop_order::whom::everybody, 20ms, [&] {
    time_ = time_.load() + 21ms;
    wait_for("all to go on", [&] { return !testing::states_of(program_.pid()).is_traced && !is_held(program_.pid()); });
  });
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.why().code, error_code::timed_out);
  EXPECT_EQ(message(taken.why()),
            "tasks: " + subject_of(program_.pid()) +
                ": to stop it and copy its memory takes longer than the 20 ms that it may be stopped: all its threads "
                "have gone on after 21.0 ms (give it longer (--max-stop), or look at a core of it)");
}

TEST_F(MaxStop, IsAsLongAsItTakesUnlessSomebodySaysSo) {
  const auto taken = look(stop_order::whom::everybody, {}, [&] { time_ = time_.load() + 1h; });
  ASSERT_TRUE(taken) << message(taken.why());
  EXPECT_EQ((*taken).stopped_ms, 3'600'000);
}

TEST_F(MaxStop, OfSeveralStopsTheLongestIsTold) {
  int looks = 0;
  const auto slices = [&] {
    std::uint64_t all = 0;
    for (const auto tid : all_tids(program_.pid())) all += read_slices(program_.pid(), tid);
    return all;
  };
  // `ticks` and `sends` go on while others are copied: the look is made again, and stops those.
  const auto taken = look(stop_order::whom::who_runs, 20ms, [&] {
    time_ = time_.load() + (++looks == 2 ? 7ms : 3ms);
    if (looks != 1) return;
    const auto before = slices();
    wait_for("somebody to move", [&] { return slices() != before; });
  });
  ASSERT_TRUE(taken) << message(taken.why());
  EXPECT_GE(looks, 2);
  EXPECT_EQ((*taken).stopped_ms, 7);
}

/// One that computes is given some milliseconds to go to sleep, in which nobody is stopped.
TEST(MaxStopOfOneThatSpins, BeginsWhenTheFirstIsStopped) {
  testing::program program({testing::program_path("interruptions"), "spin"});
  auto last = clock::now();
  bool stands_still = false;
  // Goes on until somebody is traced.
  const auto now = [&] {
    stands_still = stands_still || testing::states_of(program.pid()).is_traced;
    if (!stands_still) last = clock::now();
    return last;
  };
  watched_target target(program.pid(), now, [] {});
  const auto taken = take_picture(target, stop_order::whom::who_runs, 1ms);
  EXPECT_TRUE(taken) << message(taken.why());
}

TEST_F(MaxStop, IsNamedByWhatFailsForIt) {
  const auto seen =
      testing::run({testing::tasks_executable(), "leaks", program_.pid_text(), "--max-stop", "1ms", "--prove"});
  if (seen.end.code != 1) GTEST_SKIP() << "this machine has copied it within a millisecond";
  EXPECT_THAT(seen.err, HasSubstr("the 1 ms that it may be stopped"));
  EXPECT_THAT(seen.err, HasSubstr("--max-stop"));
  EXPECT_THAT(seen.err, Not(HasSubstr("--no-stop")));
}

}  // namespace
}  // namespace tasks::cli
