// `tasks profile --by perf`: samples of threads that nobody stops, and whose tasks are read a moment later.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <regex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "linux/perf_sampler.hpp"
#include "linux/proc.hpp"
#include "support/profiles.hpp"
#include "support/program.hpp"
#include "surveys/mark_interval.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Events : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!allows_events()) GTEST_SKIP() << "perf events are not allowed";
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  [[nodiscard]] std::string file(const char* name) const { return (folder_ / name).string(); }

  fs::path folder_;
};

std::string contents(const std::string& name) {
  std::ifstream from(name);
  return {std::istreambuf_iterator<char>(from), {}};
}

/// The colour in the name of a function that begins so; empty: there is none.
std::string colour_behind(const std::string& stack, const std::string& prefix) {
  std::smatch found;
  return std::regex_search(stack, found, std::regex(prefix + "(red|green|blue)")) ? found[1].str() : "";
}

/// What is started while this lives runs on one CPU: the first that there is, or the second.
class on_cpu {
 public:
  explicit on_cpu(bool second) {
    ::sched_getaffinity(0, sizeof allowed_, &allowed_);
    cpu_set_t one;
    CPU_ZERO(&one);
    int found = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && found < (second ? 2 : 1); ++cpu) {
      if (!CPU_ISSET(cpu, &allowed_)) continue;
      ++found;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
    }
    ::sched_setaffinity(0, sizeof one, &one);
  }
  ~on_cpu() { ::sched_setaffinity(0, sizeof allowed_, &allowed_); }
  on_cpu(const on_cpu&) = delete;
  on_cpu& operator=(const on_cpu&) = delete;

 private:
  cpu_set_t allowed_;
};

program begin_on_first_cpu(const words& command) {
  const on_cpu first(false);
  return program(command);
}

/// Time of stacks in which some colour burns.
struct colours {
  std::uint64_t told = 0;    ///< for a task that was spawned where those of that colour are, or awaits from there
  std::uint64_t wrong = 0;   ///< for another one's
  std::uint64_t untold = 0;  ///< for none
};

/// Tasks of one function and in one thread, whose frames and records lie where those of the others did:
///
///   spawn_red(); paint_for_ever(); paint(); burn_red()
///   spawn_blue(); paint_for_ever(); paint(); burn_blue()
///
/// `apart`: on another CPU than the profiler, so that the thread goes on while its task is read. `tells`: what
/// functions begin with whose colour has to be that of what burns.
colours profile_colours(const words& mode, bool apart, const std::string& tells) {
  words command{program_path("burning")};
  command.insert(command.end(), mode.begin(), mode.end());
  const auto painting = begin_on_first_cpu(command);
  const on_cpu profilers(apart);
  const auto made =
      profile({painting.pid_text(), "--by", "perf", "--for", "2s", "--rate", "499", "--format", "folded"});
  EXPECT_EQ(made.end.code, 0) << made.err;
  colours seen;
  for (const auto& [stack, time] : read_folded(made.out)) {
    const auto burns = colour_behind(stack, "burning::burn_"), told = colour_behind(stack, tells);
    if (burns.empty()) continue;
    (told.empty() ? seen.untold : burns == told ? seen.told : seen.wrong) += time;
    EXPECT_TRUE(told.empty() || burns == told) << stack;
  }
  return seen;
}

/// On whichever thread and CPU.
void expect_never_wrong(const std::string& mode, const std::string& tells) {
  for (const char* where : {"another", "first"})
    for (const bool apart : {false, true}) {
      const auto seen = profile_colours({mode, where}, apart, tells);
      EXPECT_EQ(seen.wrong, 0U) << where << apart;
      EXPECT_GT(seen.told + seen.untold, 0U) << where << apart;
    }
}

TEST_F(Events, ATaskIsNeverTakenForAnotherOfItsThread) { expect_never_wrong("alike", "burning::spawn_"); }

/// Their records and frames are those of tasks that are over.
TEST_F(Events, ATaskIsNeverTakenForOneThatTookItsPlace) { expect_never_wrong("brief", "burning::spawn_"); }

/// The same function, in the same frame, for another that awaits it.
TEST_F(Events, ACallerIsNeverTakenForAnother) { expect_never_wrong("callers", "burning::via_"); }

TEST_F(Events, WhatIsNotToldIsCounted) {
  const program painting({program_path("burning"), "brief"});
  const auto made = profile({painting.pid_text(), "--by", "perf", "--for", "500ms"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("were in a task of which it is not known which: --by stops tells"));
  EXPECT_THAT(made.out, HasSubstr("(task not known)"));
}

/// Unless it was asked for events.
TEST_F(Events, AProgramWhoseTasksAreBriefIsStoppedInstead) {
  const program painting({program_path("burning"), "brief"});
  const auto made = profile({painting.pid_text(), "--for", "2s", "--rate", "499", "--format", "folded"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.err, HasSubstr("by brief stops: "));
  EXPECT_THAT(made.err, HasSubstr("not by perf events: its tasks are often over before they can be read"));
  EXPECT_GT(time_with(read_folded(made.out), "burning::spawn_blue"), 0U);
}

bool is_traced(const program& of) {
  const auto tids = cli::all_tids(of.pid());
  return std::any_of(tids.begin(), tids.end(), [](pid_t tid) { return cli::tracer_of(tid) != 0; });
}

TEST_F(Events, NobodyIsStopped) {
  program burning({program_path("burning"), "split"});
  const auto name = file("burning.folded");
  auto profiler = begin_profile(burning, {"--by", "perf", "--rate", "999", "-o", name});
  for (const auto until = std::chrono::steady_clock::now() + 500ms; std::chrono::steady_clock::now() < until;)
    EXPECT_FALSE(is_traced(burning));
  profiler.send_signal(SIGINT);
  // Whether the reader is always in time is the machine's business; what it loses is counted.
  EXPECT_THAT(profiler.read_until("by perf events: "), ContainsRegex("no thread was stopped; [0-9]+ samples lost"));
  EXPECT_EQ(profiler.wait(), (ending{0, 0}));
  EXPECT_GT(time_with(read_folded(contents(name)), "burning::heavy_inner()"), 0U);
}

/// Of all its threads.
std::chrono::nanoseconds cpu_time_of(const program& of) {
  clockid_t clock{};
  timespec used{};
  EXPECT_EQ(::clock_getcpuclockid(of.pid(), &clock), 0);
  EXPECT_EQ(::clock_gettime(clock, &used), 0);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

TEST_F(Events, ThreadsThatBeginAreSampledFromTheirBegin) {
  program beginning({program_path("burning"), "begin"});
  for (const char* way : {"perf", "stops"}) {
    const auto name = file("began.folded");
    auto profiler = begin_profile(beginning, {"--by", way, "-o", name});
    const auto before = cpu_time_of(beginning);
    for (int i = 0; i < 3; ++i) {
      beginning.write("\n");
      static_cast<void>(beginning.read_line());
    }
    wait_until([&] {
      std::this_thread::sleep_for(10ms);
      return cpu_time_of(beginning) > before + 300ms;
    });
    profiler.send_signal(SIGINT);
    EXPECT_EQ(profiler.wait(), (ending{0, 0}));
    // In microseconds; what was used last may have no sample yet.
    EXPECT_GT(time_with(read_folded(contents(name)), "burning::burn_plainly()"), 200'000U) << way;
  }
}

/// Runs `tasks profile` without perf_event_open(2).
outcome profile_confined(words options) {
  options.insert(options.begin(), {program_path("confined"), tasks_executable(), "profile"});
  return run(options);
}

TEST(WithoutEvents, ThreadsAreStoppedAndThatIsSaid) {
  const program burning({program_path("burning"), "split"});
  const auto made = profile_confined({burning.pid_text(), "--for", "500ms", "--format", "folded"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.err, HasSubstr("by brief stops: a thread was stopped for"));
  EXPECT_THAT(made.err, HasSubstr("not by perf events: "));
  EXPECT_GT(time_with(read_folded(made.out), "burning::heavy_inner()"), 0U);
}

TEST(WithoutEvents, WhoAsksForThemIsToldWhatToDo) {
  const program burning({program_path("burning"), "split"});
  const auto made = profile_confined({burning.pid_text(), "--for", "500ms", "--by", "perf"});
  EXPECT_EQ(made.end.code, 1);
  EXPECT_EQ(made.out, "");
  EXPECT_EQ(made.err, "tasks: pid " + burning.pid_text() +
                          ": perf events of it are not allowed: Operation not permitted (run as its user, or as root; "
                          "in a container with CAP_PERFMON; or --by stops)\n");
}

TEST(WithoutEvents, TheKernelsReasonIsSaid) {
  char name[] = "/tmp/tasks-test-XXXXXX";
  const fs::path folder = ::mkdtemp(name);
  const auto setting = (folder / "perf_event_paranoid").string();
  std::ofstream(setting) << "3\n";
  const auto said = [&](int reason) { return in_words(cli::perf_refusal("pid 7", reason, setting)); };
  EXPECT_EQ(said(EACCES),
            "perf events are not allowed: kernel.perf_event_paranoid is 3 (sysctl "
            "kernel.perf_event_paranoid=2, run as root, or --by stops)");
  EXPECT_THAT(said(EMFILE), HasSubstr("ulimit -n"));
  EXPECT_THAT(said(ENOSYS), HasSubstr("this kernel has no perf events"));
  std::ofstream(setting) << "2\n";
  EXPECT_THAT(said(EACCES), Not(HasSubstr("paranoid")));
  fs::remove_all(folder);
}

TEST(MarkInterval, IsAsLongAsFewSamplesAreUntold) {
  cli::mark_interval interval;
  std::uint64_t taken = 0, untold = 0;
  const auto after = [&](std::uint64_t more_untold) {
    interval.learn(taken += 32, untold += more_untold);
    return interval.now();
  };
  EXPECT_EQ(interval.now(), 1ms);
  interval.learn(31, 0);
  EXPECT_EQ(interval.now(), 1ms) << "too few to tell";
  EXPECT_EQ(after(0), 2ms);
  EXPECT_EQ(after(1), 2ms) << "neither few nor many";
  EXPECT_EQ(after(0), 4ms);
  EXPECT_EQ(after(0), 8ms);
  EXPECT_EQ(after(0), 8ms) << "the longest that there is";
  EXPECT_EQ(after(2), 1ms);
  EXPECT_EQ(after(0), 2ms);
  EXPECT_EQ(after(0), 4ms);
  EXPECT_EQ(after(0), 4ms) << "8 ms are known to be too long";
  EXPECT_EQ(after(32), 1ms);
  EXPECT_EQ(after(32), 1ms) << "the shortest that there is";
  EXPECT_EQ(after(0), 1ms) << "2 ms would be twice what is too long";
}

/// A thread of this process that burns when it is told to, and else waits.
class burning_thread {
 public:
  burning_thread()
      : thread_([this] {
          tid_ = static_cast<pid_t>(::syscall(SYS_gettid));
          for (;;) {
            wanted_.acquire();
            if (until_ns_ == 0) return;
            while (used_ns() < until_ns_) ++rounds_;
            burned_.release();
          }
        }) {
    while (tid_ == 0) std::this_thread::yield();
  }
  ~burning_thread() {
    until_ns_ = 0;
    wanted_.release();
    thread_.join();
  }
  [[nodiscard]] pid_t tid() const { return tid_; }
  /// CPU time. It waits again when this returns: no sample of it comes while others are taken.
  void burn_for(std::uint64_t ns) {
    until_ns_ += ns;
    wanted_.release();
    burned_.acquire();
    while (cli::read_file(fmt::format("/proc/self/task/{}/stat", tid_.load()).c_str()).value_or("").find(") S ") ==
           std::string::npos)
      std::this_thread::sleep_for(1ms);
  }

 private:
  static std::uint64_t used_ns() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
  }

  std::atomic<pid_t> tid_{0};
  std::uint64_t until_ns_ = 0;
  std::binary_semaphore wanted_{0}, burned_{0};
  std::uint64_t rounds_ = 0;
  std::thread thread_;
};

/// A ring has a bound: who does not take what is in it loses what comes, and is told how much.
TEST_F(Events, WhatHasNoRoomIsCounted) {
  burning_thread burning;
  cli::perf_sampler sampler(::getpid(), 1ms);
  ASSERT_TRUE(sampler.add(burning.tid()).ok());
  std::uint64_t taken = 0, weight = 0;
  const auto take = [&] {
    sampler.take_rest([&](const cli::thread_sample& sample) {
      ++taken;
      weight += sample.weight_ns;
      EXPECT_EQ(sample.stack.tid, burning.tid());
      EXPECT_LE(sample.stack.stack.size(), cli::sampled_stack);
    });
  };
  burning.burn_for(100'000'000);
  take();
  EXPECT_GT(taken, 1U);
  EXPECT_LT(taken, 10U);
  EXPECT_EQ(sampler.lost(), 0U);  // it is told with what comes next
  burning.burn_for(20'000'000);
  take();
  EXPECT_GT(sampler.lost(), 50U);
  if (!sampler.samples_kernel()) return;
  // What was lost is in the sample behind it.
  EXPECT_GT(weight, 90'000'000U);
}

}  // namespace
}  // namespace tasks::testing
