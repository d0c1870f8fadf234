// `tasks profile`: where CPU time goes, and what tasks wait on, over some time.

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "linux/thread_copy.hpp"
#include "linux/thread_list.hpp"
#include "linux/thread_sampler.hpp"
#include "support/profiles.hpp"
#include "support/program.hpp"
#include "target/native_stack.hpp"
#include "target/stack_walk.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

bool has_go_tool() { return run({"sh", "-c", "command -v go"}).end.code == 0; }

std::string contents_of(const fs::path& file) {
  std::ifstream from(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(from), {}};
}

double share(double part, double rest) { return part / (part + rest); }

/// CPU time of the program's functions, by its own clocks.
struct burnt {
  double heavy = 0, light = 0, plain = 0;
};

class ProfileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string file(const char* name) const { return (folder_ / name).string(); }

  fs::path folder_;
};

class OfBurning : public ProfileTest {
 protected:
  [[nodiscard]] burnt ask() {
    burning_.write("\n");
    std::istringstream line(burning_.read_line());
    burnt so_far;
    line >> so_far.heavy >> so_far.light >> so_far.plain;
    return so_far;
  }

  program burning_{{program_path("burning"), "split"}};
};

/// Sampled in the way that the parameter names.
class BothWays : public OfBurning, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("perf") && !allows_events()) GTEST_SKIP() << "perf events are not allowed";
    OfBurning::SetUp();
  }
  [[nodiscard]] words with_way(words options) const {
    options.insert(options.end(), {"--by", GetParam()});
    return options;
  }
  /// One that would go on for a minute.
  [[nodiscard]] program long_profile(const std::string& output) const {
    return begin_profile(burning_, with_way({"-o", output}));
  }
};
INSTANTIATE_TEST_SUITE_P(Profiles, BothWays, ::testing::Values("stops", "perf"),
                         [](const auto& way) { return std::string(way.param); });

/// heavy_inner() burns three times as much as light_inner(), a thread without tasks as much as it gets:
///
///   start_burning(); heavy(); heavy_step(); heavy_inner(); measured_burn(); burn()
///   start_burning(); light(); light_inner(); measured_burn(); burn()
///   …; burn_plainly(); measured_burn(); burn()
TEST_P(BothWays, SharesAreThoseThatItMeasuresItself) {
  const auto before = ask();
  const auto made =
      profile(with_way({"-p", burning_.pid_text(), "--for", "2s", "--rate", "199", "--format", "folded"}));
  const auto after = ask();
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.err, ContainsRegex("tasks: pid [0-9]+: [0-9.]+s: [0-9,]+ samples of [0-9]+ threads"));
  const bool stops = GetParam() == std::string("stops");
  EXPECT_THAT(made.err, HasSubstr(stops ? "by brief stops: a thread was stopped" : "by perf events: no thread was"));
  const auto stacks = read_folded(made.out);
  const auto heavy = static_cast<double>(time_with(stacks, "burning::heavy_inner()"));
  const auto light = static_cast<double>(time_with(stacks, "burning::light_inner()"));
  const auto plain = static_cast<double>(time_with(stacks, "burning::burn_plainly()"));
  ASSERT_GT(heavy * light * plain, 0) << made.out;
  EXPECT_NEAR(share(heavy, light), share(after.heavy - before.heavy, after.light - before.light), 0.15) << made.out;
  EXPECT_NEAR(share(plain, heavy + light),
              share(after.plain - before.plain, after.heavy + after.light - before.heavy - before.light), 0.15)
      << made.out;
  // Most of what it has used while it was sampled is in samples, and no more than it has used in all.
  std::smatch said;
  ASSERT_TRUE(std::regex_search(made.err, said, std::regex("for ([0-9.]+)s of their ([0-9.]+)s of CPU time")));
  EXPECT_GT(heavy + light + plain, std::stod(said[2]) * 1e6 * 0.7) << made.err;
  const auto used = (after.heavy + after.light + after.plain - before.heavy - before.light - before.plain) / 1000;
  EXPECT_LT(heavy + light + plain, used * 1.3);
}

TEST_P(BothWays, NativeFramesStandOnAwaitsAndSpawnSite) {
  const auto made = profile(with_way({burning_.pid_text(), "--for", "2s", "--rate", "199", "--format", "folded"}));
  ASSERT_EQ(made.end.code, 0) << made.err;
  // Compilers spell types in several ways.
  EXPECT_THAT(made.out, ContainsRegex("burning::start_burning[^;]*;burning::heavy\\(\\);burning::heavy_step\\(\\);"
                                      "burning::heavy_inner\\(\\);burning::measured_burn[^;]*;"));
  EXPECT_THAT(made.out, ContainsRegex("burning::start_burning[^;]*;burning::light\\(\\);burning::light_inner\\(\\);"
                                      "burning::measured_burn[^;]*;"));
  for (const auto& [stack, value] : read_folded(made.out)) {
    // Neither tasks that wait, nor anything below a task but where it was spawned.
    EXPECT_EQ(stack.find("burning::idle"), stack.npos) << stack;
    const bool is_told = stack.find("burning::start_burning") != stack.npos;
    EXPECT_FALSE(is_told && stack.find("asio::io_context::run") != stack.npos) << stack;
    EXPECT_FALSE(is_told && stack.find("burning::burn_plainly") != stack.npos) << stack;
    // By perf events it may be that a sample's task is not known.
    if (GetParam() == std::string("stops")) {
      EXPECT_TRUE(is_told || stack.find("burning::heavy()") == stack.npos) << stack;
    }
  }
}

TEST_F(OfBurning, PeopleSeeFunctionsAndAwaits) {
  const auto made = profile({burning_.pid_text(), "--for", "2s", "--rate", "199"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_EQ(made.err, "");
  EXPECT_THAT(made.out, ContainsRegex("SELF +TOTAL +FUNCTION"));
  EXPECT_THAT(made.out, ContainsRegex("s +[0-9.]+%  burning::burn"));
  EXPECT_THAT(made.out,
              ContainsRegex("%  burning::heavy\\(\\) burning.cpp:[0-9]+ › burning::heavy_step\\(\\) burning.cpp:[0-9]+ "
                            "› burning::heavy_inner\\(\\).*, spawned at burning::start_burning"));
  EXPECT_THAT(made.out, HasSubstr("thread plain (no task)"));
}

TEST_F(OfBurning, GoReadsAProfile) {
  if (!has_go_tool()) GTEST_SKIP() << "there is no go (Debian: golang-go)";
  const auto name = file("cpu.pb.gz");
  const auto made = profile({burning_.pid_text(), "--for", "2s", "--rate", "199", "-o", name});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("go tool pprof -http=: " + name));
  const auto go = [&](words options) {
    words command{"go", "tool", "pprof"};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(name);
    auto seen = run(command, {"HOME=" + folder_.string(), "PPROF_TMPDIR=" + folder_.string()});
    EXPECT_EQ(seen.end.code, 0) << seen.err;
    return seen.out;
  };
  const auto top = go({"-top"});
  EXPECT_THAT(top, HasSubstr("Type: cpu\n"));
  EXPECT_THAT(top, ContainsRegex("Duration: [0-9.]+m?s, Total samples = "));
  EXPECT_THAT(top, ContainsRegex("burning::heavy_inner"));
  EXPECT_THAT(go({"-peek", "burning::heavy_inner"}),
              ContainsRegex("burning::heavy_step[^\n]*\n([^\n]*::(resume|destroy)\n)*[^\n]*burning::heavy_inner"));
  const auto raw = go({"-raw"});
  EXPECT_THAT(raw, HasSubstr("samples/count cpu/nanoseconds"));
  EXPECT_THAT(raw, HasSubstr("name:[heavy one]"));
  EXPECT_THAT(raw, HasSubstr("state:[running]"));
  EXPECT_THAT(raw, HasSubstr("state:[no task]"));
  EXPECT_THAT(raw, HasSubstr("thread:[plain]"));
  EXPECT_THAT(go({"-top", "-tagfocus=name=heavy one"}), Not(HasSubstr("burn_plainly")));
  EXPECT_THAT(go({"-top", "-base", name}), HasSubstr("Type: cpu\n"));
}

TEST_F(OfBurning, WallTimeIsThatOfEveryTask) {
  const auto made = profile({burning_.pid_text(), "--wall", "--for", "1s", "--format", "folded"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  const auto stacks = read_folded(made.out);
  // Three tasks wait for all of the second, in microseconds.
  const auto idle = time_with(stacks, "burning::idle(");
  EXPECT_GE(idle, 2'950'000U) << made.out;
  EXPECT_LE(idle, 3'000'000U) << made.out;
  EXPECT_THAT(made.out, ContainsRegex("burning::start_idle[^;\n]*;burning::idle[^;\n]*;\\[channel receive\\] "));
  // Each of the other two is somewhere all the time.
  const auto two = time_with(stacks, "burning::heavy(") + time_with(stacks, "burning::light(");
  EXPECT_GE(two, 1'500'000U) << made.out;
  EXPECT_LE(two, 2'000'000U) << made.out;
}

TEST_F(OfBurning, WallTimeOfItsMemoryAndWithoutAHookIsTheSame) {
  std::vector<std::string> ways{"--direct"};
#if !defined(TASKS_TEST_SANITIZED_PROGRAMS)
  ways.emplace_back("--no-hook");  // of a sanitizer's address space no picture is taken
#endif
  for (const auto& how : ways) {
    const auto made = profile({burning_.pid_text(), "--wall", how, "--for", "500ms", "--format", "folded"});
    ASSERT_EQ(made.end.code, 0) << made.err;
    const auto idle = time_with(read_folded(made.out), "burning::idle(");
    EXPECT_GE(idle, 1'000'000U) << how << made.out;
    EXPECT_LE(idle, 1'500'000U) << how << made.out;
  }
}

TEST_P(BothWays, WithoutAHookThereAreNativeStacks) {
  const auto made =
      profile(with_way({burning_.pid_text(), "--no-hook", "--for", "2s", "--rate", "199", "--format", "folded"}));
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.err, HasSubstr(": no hook: samples have native stacks alone"));
  EXPECT_THAT(made.out, HasSubstr("burning::burn_plainly()"));
  EXPECT_THAT(made.out, Not(HasSubstr("start_burning")));
}

google::protobuf::Struct parsed(const std::string& text) {
  google::protobuf::Struct read;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &read).ok()) << text.substr(0, 400);
  return read;
}

TEST_F(OfBurning, SpeedscopeReadsAProfile) {
  const auto name = file("cpu.speedscope.json");
  const auto made = profile({burning_.pid_text(), "--for", "500ms", "-o", name});
  ASSERT_EQ(made.end.code, 0) << made.err;
  const auto read = parsed(contents_of(name));
  const auto& one = read.fields().at("profiles").list_value().values(0).struct_value().fields();
  EXPECT_EQ(one.at("unit").string_value(), "nanoseconds");
  double all = 0;
  for (const auto& each : one.at("weights").list_value().values()) all += each.number_value();
  EXPECT_EQ(all, one.at("endValue").number_value());
  EXPECT_GT(all, 0);
}

/// Between two looks a task is resumed often: how often, and how long that took, is told.
TEST_F(OfBurning, PerfettoTellsOfRunsThatNobodySaw) {
  const auto name = file("runs.perfetto.json");
  const auto made = profile({burning_.pid_text(), "--for", "1s", "--rate", "20", "-o", name});
  ASSERT_EQ(made.end.code, 0) << made.err;
  double runs = 0, busy = 0, length = 0;
  const auto read = parsed(contents_of(name));
  for (const auto& each : read.fields().at("traceEvents").list_value().values()) {
    const auto& event = each.struct_value().fields();
    if (event.at("ph").string_value() != "X" || event.at("cat").string_value() != "runs") continue;
    const auto& told = event.at("args").struct_value().fields();
    EXPECT_THAT(event.at("name").string_value(), ::testing::MatchesRegex("[0-9]+ runs?"));
    EXPECT_FALSE(told.contains("at"));
    runs += told.at("runs").number_value();
    if (told.contains("busyMicroseconds")) busy += told.at("busyMicroseconds").number_value();
    length += event.at("dur").number_value();
  }
  EXPECT_GT(runs, 1);
  EXPECT_GT(busy, 0);
  EXPECT_GT(length, 0);
}

TEST_F(OfBurning, PerfettoShowsATrackATask) {
  const auto name = file("waits.perfetto.json");
  const auto made = profile({burning_.pid_text(), "--for", "500ms", "--rate", "50", "-o", name});
  ASSERT_EQ(made.end.code, 0) << made.err;
  std::set<double> tracks, idle;
  std::map<double, double> last;
  const auto read = parsed(contents_of(name));
  for (const auto& each : read.fields().at("traceEvents").list_value().values()) {
    const auto& event = each.struct_value().fields();
    const auto track = event.at("tid").number_value();
    EXPECT_EQ(event.at("pid").number_value(), burning_.pid());
    if (event.at("ph").string_value() == "M") {
      const auto& called = event.at("args").struct_value().fields().at("name").string_value();
      if (event.at("name").string_value() == "thread_name") tracks.insert(track);
      if (called.starts_with("burning::idle(")) idle.insert(track);
      continue;
    }
    ASSERT_EQ(event.at("ph").string_value(), "X");
    const auto begin = event.at("ts").number_value(), time = event.at("dur").number_value();
    // One after another.
    EXPECT_GE(begin, last[track]);
    last[track] = begin + time;
    if (!idle.contains(track)) continue;
    EXPECT_EQ(event.at("name").string_value(), "channel receive");
    EXPECT_GE(time, 450'000);
  }
  EXPECT_EQ(idle.size(), 3U);
  EXPECT_EQ(tracks.size(), 5U);
}

TEST_P(BothWays, WhatWasSampledOfOneThatIsKilledIsWritten) {
  const auto name = file("killed.folded");
  auto profiler = long_profile(name);
  const auto before = ask();
  wait_until([&] { return ask().heavy > before.heavy + 3e8; });
  burning_.send_signal(SIGKILL);
  EXPECT_THAT(profiler.read_until("it ended after "), HasSubstr("this is what was sampled until then"));
  EXPECT_EQ(profiler.wait(), (ending{0, 0}));
  EXPECT_GT(time_with(read_folded(contents_of(name)), "burning::heavy_inner()"), 0U);
}

TEST_P(BothWays, AnInterruptEndsItEarly) {
  const auto name = file("interrupted.folded");
  auto profiler = long_profile(name);
  const auto before = ask();
  wait_until([&] { return ask().heavy > before.heavy + 3e8; });
  EXPECT_FALSE(fs::exists(name));
  profiler.send_signal(SIGINT);
  EXPECT_EQ(profiler.wait(), (ending{0, 0}));
  EXPECT_GT(time_with(read_folded(contents_of(name)), "burning::heavy_inner()"), 0U);
  EXPECT_FALSE(fs::exists(name + ".part"));
}

TEST_P(BothWays, AKilledProfilerLeavesNobodyStopped) {
  auto profiler = long_profile(file("never.folded"));
  profiler.send_signal(SIGKILL);
  EXPECT_EQ(profiler.wait(), (ending{-1, SIGKILL}));
  EXPECT_FALSE(fs::exists(file("never.folded")));
  const auto before = ask();
  wait_until([&] {
    const auto now = ask();
    return now.heavy > before.heavy && now.light > before.light && now.plain > before.plain;
  });
}

TEST_F(OfBurning, FilesAreThereWholeOrNotAtAll) {
  const auto kept = file("kept.folded");
  std::ofstream(kept) << "before";
  const auto gone = profile({"999999999", "--for", "100ms", "-o", kept});
  EXPECT_NE(gone.end.code, 0);
  EXPECT_EQ(contents_of(kept), "before");
  EXPECT_FALSE(fs::exists(kept + ".part"));
  const auto nowhere = profile({burning_.pid_text(), "--for", "100ms", "-o", file("none/cpu.folded")});
  EXPECT_EQ(nowhere.end.code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("No such file"));
}

TEST_F(OfBurning, WhatMakesNoSenseIsSaidAndNotDone) {
  for (const auto& [wrong, said] : std::vector<std::pair<words, std::string>>{
           {{"--format", "svg"}, "\"svg\" is no form of a profile"},
           {{"-o", file("cpu.txt")}, "its name does not say what is to be written"},
           {{"--rate", "0"}, "\"0\" is no number"},
           {{"--rate", "5000"}, "5000 a second is too often"},
           {{"--for", "soon"}, "\"soon\" is no duration"},
           {{"--for", "1ms"}, "is too short"},
           {{"--by", "magic"}, "\"magic\" is no way to sample"},
           {{"--by", "perf", "--wall"}, "it is a way to sample CPU time"}}) {
    words options{"-p", burning_.pid_text()};
    options.insert(options.end(), wrong.begin(), wrong.end());
    const auto seen = profile(options);
    EXPECT_EQ(seen.end.code, 2) << ::testing::PrintToString(wrong);
    EXPECT_EQ(seen.out, "");
    EXPECT_THAT(seen.err, HasSubstr(said));
  }
  EXPECT_THAT(profile({}).err, HasSubstr("which process?"));
}

struct waits_seen {
  std::uint64_t all = 0, interrupted = 0;
};

waits_seen ask_waits(program& waiting) {
  waiting.write("\n");
  std::istringstream line(waiting.read_line());
  waits_seen seen;
  line >> seen.all >> seen.interrupted;
  return seen;
}

/// Even where it asks threads that are asleep, which a profiler does only where one begins to wait just then.
TEST_F(ProfileTest, WhoIsStoppedInACallGoesOnWaiting) {
  program waiting({program_path("burning"), "epoll"});
  wait_until([&] {
    const auto threads = cli::list_threads(waiting.pid());
    return std::any_of(threads.begin(), threads.end(),
                       [](const auto& each) { return each.name == cli::agents_thread; });
  });
  std::uint64_t stops = 0;
  std::thread([&] {
    cli::thread_sampler sampler(waiting.pid());
    for (int i = 0; i < 500; ++i) {
      for (const auto& each : cli::list_threads(waiting.pid()))
        if (each.name != cli::agents_thread) sampler.ask(each.tid);
      while (sampler.is_waiting()) sampler.take(std::chrono::steady_clock::now() + 1ms, [](auto, const auto&) {});
    }
    stops = sampler.made().count;
  }).join();
  EXPECT_EQ(stops, 1500U);
  const auto seen = ask_waits(waiting);
  EXPECT_GT(seen.all, 0U);
  EXPECT_EQ(seen.interrupted, 0U);
}

/// Their system calls never end early: each waits thousands of times a second, and is asked to stop as it begins to.
TEST_F(ProfileTest, NobodyIsInterruptedWhoWaits) {
  program waiting({program_path("burning"), "epoll"});
  const auto made =
      profile({waiting.pid_text(), "--for", "3s", "--rate", "1000", "--format", "folded", "--by", "stops"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("burning::pass_on("));
  const auto seen = ask_waits(waiting);
  EXPECT_GT(seen.all, 0U);
  EXPECT_EQ(seen.interrupted, 0U) << "of " << seen.all << "; " << made.err;
}

TEST_F(ProfileTest, WhatWasSeenBeforeItExecutesAnotherProgramIsWritten) {
  program target({program_path("executing")});
  auto profiler = begin_profile(target, {"-o", file("executed.folded")});
  target.send_signal(SIGUSR1);
  EXPECT_THAT(profiler.read_until("it executed another program after "), HasSubstr("until then"));
  EXPECT_EQ(profiler.wait(), (ending{0, 0}));
  EXPECT_TRUE(fs::exists(file("executed.folded")));
}

TEST_F(OfBurning, StacksAreWalkedAsLibdwflDoes) {
  cli::modules code(burning_.pid()), same(burning_.pid());
  cli::stack_walker walker(code);
  std::vector<cli::thread_copy> threads;
  bool is_attached = false;
  std::size_t compared = 0;
  for (int i = 0; i < 50; ++i) {
    std::vector<pid_t> tids;
    for (const auto& each : cli::list_threads(burning_.pid())) tids.push_back(each.tid);
    auto copies = cli::copy_stopped_threads(burning_.pid(), tids);
    threads = std::move(copies.threads);
    if (!is_attached) is_attached = cli::attach(same, threads);
    ASSERT_TRUE(is_attached);
    for (const auto& each : threads) {
      if (!each.failure.empty()) continue;
      EXPECT_EQ(walker.walk(each), cli::unwind(same, each.tid).addresses);
      ++compared;
    }
  }
  EXPECT_GT(compared, 50U);
  // Else it would be libdwfl against itself.
  EXPECT_LT(walker.left_to_libdwfl(), compared / 2);
}

}  // namespace
}  // namespace tasks::testing
