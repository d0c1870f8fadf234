// `tasks run`: a program to its end, and a report of the moment at which something goes wrong with it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Run : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    ::mkfifo(path("never-closed").c_str(), 0600);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(std::string_view name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string text_of(std::string_view name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// A shell's words for a program whose standard input never ends.
  [[nodiscard]] std::string endless(const std::string& program) const {
    return program_path(program.substr(0, program.find(' '))) + program.substr(program.find(' ')) + " <>" +
           path("never-closed");
  }
  [[nodiscard]] std::vector<std::string> of_shell(const std::string& script) const { return {"sh", "-c", script}; }
  [[nodiscard]] static outcome run_it(std::vector<std::string> options, const std::vector<std::string>& program,
                                      std::string_view input = {}) {
    options.insert(options.begin(), {tasks_executable(), "run"});
    options.push_back("--");
    options.insert(options.end(), program.begin(), program.end());
    return run(options, {}, input);
  }
  /// By a shell that becomes `tasks` when it has done something else.
  [[nodiscard]] static outcome run_under(const std::string& before, const std::vector<std::string>& options,
                                         const std::string& script) {
    std::vector<std::string> words{"sh", "-c", before + "exec \"$@\"", "sh", tasks_executable(), "run"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"--", "sh", "-c", script});
    return run(words);
  }
  /// What a program is doing that never ends, once it has come so far.
  [[nodiscard]] static outcome run_until_shown(std::vector<std::string> options, const std::string& script,
                                               std::string_view text) {
    options.insert(options.begin(), {"--timeout", ""});
    for (int seconds = 1;; seconds *= 2) {
      options[1] = std::to_string(seconds) + "s";
      auto seen = run_it(options, {"sh", "-c", script});
      if (seen.err.find(text) != seen.err.npos || std::chrono::seconds(seconds) > guard / 4) return seen;
    }
  }

  fs::path folder_;
};

TEST_F(Run, LeavesStreamsAndExitCodeAsTheyAre) {
  const auto seen = run_it({}, {"sh", "-c", "cat; echo oops >&2; exit 7"}, "hello\n");
  EXPECT_EQ(seen.end.code, 7);
  EXPECT_EQ(seen.out, "hello\n");
  EXPECT_EQ(seen.err, "oops\n");
}

TEST_F(Run, GivesTheProgramItsWordsAsTheyAre) {
  const auto seen = run_it({}, {"printf", "%s|", "--timeout", "", "-H", "a b", "--", "--help"});
  EXPECT_EQ(seen.out, "--timeout||-H|a b|--|--help|");
  const auto without_mark = run({tasks_executable(), "run", "--leaks", "printf", "%s|", "--leaks", "-p"});
  EXPECT_EQ(without_mark.out, "--leaks|-p|");
}

TEST_F(Run, EndsAsAShellDoesWhereAProgramCannotBeExecuted) {
  const auto missing = run_it({}, {path("nothing")});
  EXPECT_EQ(missing.end.code, 127);
  EXPECT_THAT(missing.err, AllOf(StartsWith("tasks: "), HasSubstr("No such file or directory")));
  std::ofstream(path("data")) << "x";
  EXPECT_EQ(run_it({}, {path("data")}).end.code, 126);
  EXPECT_EQ(run_it({"--every-failure", "--leaks"}, {path("nothing")}).err, missing.err);
  const auto nothing = run({tasks_executable(), "run", "--leaks"});
  EXPECT_EQ(nothing.end.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("which program?"));
}

// write_to(int*)          the thread's own stack …
// crash()                 … and the task that it ran
TEST_F(Run, ShowsWhatAProgramDidThatASignalEnds) {
  const auto seen = run_it({}, of_shell("exec " + endless("hung crashes")));
  EXPECT_EQ(seen.end.code, 128 + SIGSEGV);
  EXPECT_THAT(seen.err,
              AllOf(HasSubstr("ended by SIGSEGV at address 0x10, in thread "), HasSubstr("hung::write_to(int*)"),
                    HasSubstr("hung::crash()"), HasSubstr("== tasks threads"), HasSubstr("== tasks stack --group")));
  EXPECT_EQ(seen.err.find("== tasks leaks"), seen.err.npos);
}

/// `tasks` stands still until both have crashed, so that it finds both at once.
TEST_F(Run, ShowsWhatAProgramDidOfWhichTwoThreadsCrashAtOnce) {
  program target({"sh", "-c",
                  "exec " + tasks_executable() + " run -- sh -c 'echo pid $$; exec " + program_path("hung") +
                      " crashes_twice' 2>" + path("said")});
  const auto threads = "/proc/" + target.value("pid") + "/task";
  const auto crashed = [&] {
    int found = 0;
    for (const auto& each : fs::directory_iterator(threads)) {
      std::ifstream in(each.path() / "stat");
      const std::string stat{std::istreambuf_iterator<char>(in), {}};
      if (stat.find(") t") != stat.npos) ++found;
    }
    return found;
  };
  target.suspend();
  target.write("now\n");
  const auto end = std::chrono::steady_clock::now() + guard;
  while (crashed() < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  ASSERT_EQ(crashed(), 2);
  target.send_signal(SIGCONT);
  EXPECT_EQ(target.wait().code, 128 + SIGSEGV);
  EXPECT_THAT(text_of("said"), AllOf(HasSubstr("ended by SIGSEGV at address 0x10"), HasSubstr("hung::write_to(int*)"),
                                     HasSubstr("hung::crash_when_asked()")));
}

TEST_F(Run, SaysNothingOfASignalThatIsCaught) {
  const auto seen = run_it({}, of_shell("trap 'exit 4' USR1; kill -USR1 $$; sleep 100"));
  EXPECT_EQ(seen.end.code, 4);
  EXPECT_EQ(seen.err, "");
}

TEST_F(Run, ShowsChainsAndStacksWhenTimeIsUp) {
  const auto seen = run_until_shown({}, "exec " + endless("hung loop"), "hung::calculate(unsigned");
  EXPECT_EQ(seen.end.code, 124);
  EXPECT_THAT(seen.err, AllOf(HasSubstr("still ran after "), HasSubstr("hung::calculate(unsigned"),
                              HasSubstr("hung::loop(unsigned"), HasSubstr("hung::crunch(unsigned")));
}

TEST_F(Run, ReportsAndEndsAllThatTheProgramHasStarted) {
  const auto both = endless("hung loop") + " & echo $! >" + path("first") + "; " + endless("hung healthy");
  const auto seen = run_until_shown({"--kill-after", "100ms"}, "trap '' TERM; " + both, "hung::serve(");
  EXPECT_EQ(seen.end.code, 124);
  EXPECT_THAT(seen.err, HasSubstr("hung::serve("));
  pid_t first = 0;
  std::ifstream(path("first")) >> first;
  ASSERT_GT(first, 0);
  EXPECT_EQ(::kill(first, 0), -1);
}

/// A server that a script has started before it became `tasks`, and what that server has started since.
TEST_F(Run, LeavesThoseAloneThatItHasNotStarted) {
  ::mkfifo(path("begin").c_str(), 0600);
  const auto server = "(read line <" + path("begin") + "; cat <>" + path("never-closed") + " & echo $! >" +
                      path("later") + "; wait) >" + path("said") + " 2>&1 & echo $! >" + path("server") + "; ";
  const auto program = "echo go >" + path("begin") + "; exec cat <>" + path("never-closed");
  const auto pid_in = [&](std::string_view name) {
    pid_t pid = 0;
    std::ifstream(path(name)) >> pid;
    return pid;
  };
  for (int seconds = 1;; seconds *= 2) {
    const auto seen = run_under(server, {"--timeout", std::to_string(seconds) + "s", "--kill-after", "100ms"}, program);
    EXPECT_EQ(seen.end.code, 124);
    const auto first = pid_in("server"), later = pid_in("later");
    ASSERT_GT(first, 0);
    EXPECT_EQ(::kill(first, SIGKILL), 0);
    EXPECT_TRUE(later == 0 || ::kill(later, SIGKILL) == 0);
    if (later > 0 || std::chrono::seconds(seconds) > guard / 4) break;
  }
}

TEST_F(Run, FailsAProgramThatLeavesLeakedTasks) {
  const auto leaking = run_it({"--leaks"}, {program_path("leak_deadlock_of_two"), "leaking"});
  EXPECT_EQ(leaking.end.code, 23) << leaking.err;
  EXPECT_THAT(leaking.err, AllOf(HasSubstr("left 2 leaked tasks"), HasSubstr("== tasks leaks")));
  const auto fixed = run_it({"--leaks"}, {program_path("leak_deadlock_of_two"), "fixed"});
  EXPECT_EQ(fixed.end.code, 0);
  EXPECT_EQ(fixed.err, "");
  const auto nobody_asked = run_it({}, {program_path("leak_deadlock_of_two"), "leaking"});
  EXPECT_EQ(nobody_asked.end.code, 0);
  EXPECT_EQ(nobody_asked.err, "");
}

TEST_F(Run, ReportsAFailureIfItIsAskedTo) {
  const auto failing = of_shell("exec " + program_path("leak_deadlock_of_two") + " wrong");
  const auto quiet = run_it({}, failing);
  EXPECT_EQ(quiet.end.code, 2);
  EXPECT_EQ(quiet.err, "");
  const auto seen = run_it({"--every-failure"}, failing);
  EXPECT_EQ(seen.end.code, 2);
  EXPECT_THAT(seen.err, AllOf(HasSubstr("ended with exit code 2"), HasSubstr("== tasks threads")));
}

TEST_F(Run, PassesSignalsOn) {
  program target(program::unready(), {tasks_executable(), "run", "--", "sh", "-c",
                                      "trap 'kill $!; echo got; exit 5' TERM; sleep 1000 & echo up; wait"});
  EXPECT_EQ(target.read_line(), "up");
  target.send_signal(SIGTERM);
  EXPECT_EQ(target.read_line(), "got");
  EXPECT_EQ(target.wait().code, 5);
}

/// As ^C is: whoever has it from the terminal, or from who signals the group, does not get it from us as well.
TEST_F(Run, DoesNotPassOnWhatTheWholeGroupGets) {
  program target(
      program::unready(),
      {"setsid", tasks_executable(), "run", "--", "sh", "-c",
       "trap 'echo int' INT; trap 'kill $!; echo term; exit 0' TERM; sleep 1000 & echo up; while :; do wait; done"});
  EXPECT_EQ(target.read_line(), "up");
  ::kill(-target.pid(), SIGINT);
  EXPECT_EQ(target.read_line(), "int");
  target.send_signal(SIGTERM);
  EXPECT_EQ(target.read_line(), "term");
  EXPECT_EQ(target.wait().code, 0);
}

TEST_F(Run, LeavesNobodyStoppedWhenItIsKilled) {
  program target(program::unready(), {tasks_executable(), "run", "--leaks", "--", "sh", "-c",
                                      "echo up; read line; echo $line; read line; echo $line"});
  EXPECT_EQ(target.read_line(), "up");
  target.write("one\n");
  EXPECT_EQ(target.read_line(), "one");
  target.send_signal(SIGKILL);
  EXPECT_EQ(target.wait().signal, SIGKILL);
  target.write("two\n");
  EXPECT_EQ(target.read_line(), "two");
}

TEST_F(Run, WritesAReportIntoAFileOfEachProcess) {
  const auto seen = run_it({"--report", path("%n-%p.txt")}, of_shell("exec " + endless("hung crashes")));
  EXPECT_EQ(seen.end.code, 128 + SIGSEGV);
  std::smatch file;
  ASSERT_TRUE(std::regex_search(seen.err, file, std::regex("report in .*/(hung-[0-9]+\\.txt)\n"))) << seen.err;
  EXPECT_THAT(text_of(file[1].str()), AllOf(HasSubstr("\nwhy      ended by SIGSEGV"),
                                            HasSubstr("== tasks vitals --details"), HasSubstr("hung::crash()")));
}

TEST_F(Run, WritesARecordingThatEveryViewReads) {
  const auto seen =
      run_it({"--leaks", "--report", path("end.tasks")}, {program_path("leak_deadlock_of_two"), "leaking"});
  EXPECT_EQ(seen.end.code, 23) << seen.err;
  const auto read = run({tasks_executable(), "leaks", "--from", path("end.tasks")});
  EXPECT_EQ(read.end.code, 3) << read.err;
  EXPECT_THAT(read.out, HasSubstr("leaked"));
}

TEST_F(Run, WritesAResultForJUnit) {
  const auto seen = run_it({"--report", path("bad.xml")}, of_shell("exec " + endless("hung crashes")));
  EXPECT_EQ(seen.end.code, 128 + SIGSEGV);
  EXPECT_EQ(seen.err, "");
  EXPECT_THAT(text_of("bad.xml"), AllOf(HasSubstr("tests=\"1\" failures=\"1\""),
                                        HasSubstr("<failure message=\"ended by SIGSEGV"), HasSubstr("hung::crash()")));
  EXPECT_EQ(run_it({"--report", path("good.xml")}, {"true"}).end.code, 0);
  EXPECT_THAT(text_of("good.xml"), AllOf(HasSubstr("failures=\"0\""), Not(HasSubstr("<failure"))));
}

/// What a program is called with may be any bytes, and not each character is one of XML's.
TEST_F(Run, WritesAResultForJUnitThatIsWellFormedOfAnyBytes) {
  const auto odd =
      "a\xff"
      "b\x1b\x01"
      "c\xef\xbf\xbe"
      "d\xef\xbf\xbf"
      "e\xed\xa0\x80"
      "f<\xc3\xa4\xef\xbf\xbd>\xe2\x82";
  EXPECT_EQ(run_it({"--report", path("odd.xml")}, {"true", odd}).end.code, 0);
  EXPECT_THAT(text_of("odd.xml"),
              HasSubstr("<testcase name=\"true a?bcde???f&lt;\xc3\xa4\xef\xbf\xbd&gt;??\" classname"));
}

TEST_F(Run, SaysWhyThereIsNoReport) {
  const auto untraced = run_it({"--no-trace"}, of_shell("kill -SEGV $$"));
  EXPECT_EQ(untraced.end.code, 128 + SIGSEGV);
  EXPECT_THAT(untraced.err, HasSubstr("no report of its end: it is not traced (--no-trace)"));
}

/// It fails whoever is traced, so nobody with it is: linked statically, as what holds its words seems to be, too.
TEST_F(Run, DoesNotTraceWhoHasLeakSanitizer) {
  const auto built_in = run_it({}, {program_path("worded")});
  EXPECT_EQ(built_in.end.code, 128 + SIGABRT);
  EXPECT_THAT(built_in.err, HasSubstr("no report of its end: it is not traced: LeakSanitizer"));
  const auto aborts = of_shell("kill -ABRT $$");
  const auto preloaded = run_it({}, {"env", "LD_PRELOAD=" + path("libasan.so.8"), aborts[0], aborts[1], aborts[2]});
  EXPECT_EQ(preloaded.end.code, 128 + SIGABRT);
  EXPECT_THAT(preloaded.err, HasSubstr("no report of its end: it is not traced: LeakSanitizer"));
  const auto off = run_it({}, {"env", "ASAN_OPTIONS=detect_leaks=0", program_path("worded")});
  EXPECT_THAT(off.err, HasSubstr("ended by SIGABRT, in thread"));
}

/// A shell, a test's driver: what they start is traced if that is asked for.
TEST_F(Run, ShowsTheEndOfWhatTheProgramHasStarted) {
  const auto script = of_shell(endless("hung crashes") + "; exit 0");
  const auto alone = run_it({}, script);
  EXPECT_EQ(alone.end.code, 0);
  EXPECT_EQ(alone.err.find("hung::crash()"), alone.err.npos);
  const auto all = run_it({"--children"}, script);
  EXPECT_EQ(all.end.code, 0);
  EXPECT_THAT(all.err, AllOf(HasSubstr("ended by SIGSEGV"), HasSubstr("hung::crash()")));
}

TEST_F(Run, SaysNothingOfWhatTheProgramEndsItself) {
  const auto seen =
      run_it({"--children", "--every-failure", "--leaks"}, of_shell("sleep 1000 & kill $!; wait; false; exit 0"));
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_EQ(seen.err, "");
}

/// A script that ends right after it has sent a signal: what came to the other one comes to it all the same.
TEST_F(Run, LosesNoSignalOfThoseThatOutliveTheProgram) {
  for (int round = 0; round < 10; ++round) {
    const auto seen = run_it({"--children"}, of_shell("cat <>" + path("never-closed") + " >" + path("said") +
                                                      " 2>&1 & echo $!; kill -TERM $!; exit 0"));
    EXPECT_EQ(seen.end.code, 0);
    const pid_t pid = std::stoi(seen.out);
    const auto is_there = [pid] {
      std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
      const std::string stat{std::istreambuf_iterator<char>(in), {}};
      return !stat.empty() && stat.find(") Z") == stat.npos;
    };
    const auto end = std::chrono::steady_clock::now() + guard;
    while (is_there() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    ASSERT_FALSE(is_there());
  }
}

TEST_F(Run, ShowsTestsOfCtest) {
  std::ofstream(path("CTestTestfile.cmake"))
      << "add_test(crashes \"" << tasks_executable() << "\" run -- sh -c \"exec " << endless("hung crashes") << "\")\n";
  const auto seen = run({TASKS_CTEST, "--test-dir", folder_.string(), "--output-junit", path("junit.xml")});
  EXPECT_NE(seen.end.code, 0);
  EXPECT_THAT(text_of("junit.xml"), AllOf(HasSubstr("ended by SIGSEGV"), HasSubstr("hung::crash()")));
}

constexpr const char* asked_to_crash = "TASKS_TEST_CRASHES";

[[gnu::noinline]] void crash_in_a_test() { std::abort(); }

TEST(OfGoogleTest, CrashesIfItIsAskedTo) {
  if (std::getenv(asked_to_crash) == nullptr) GTEST_SKIP() << "for another test";
  crash_in_a_test();
}

TEST_F(Run, ShowsTestsOfGoogleTest) {
#if defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define HAS_LEAK_SANITIZER
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(HAS_LEAK_SANITIZER)
  GTEST_SKIP() << "LeakSanitizer, which this program has, fails whoever is traced";
#endif
  const auto self = fs::read_symlink("/proc/self/exe").string();
  const auto seen = run({tasks_executable(), "run", "--", self, "--gtest_filter=OfGoogleTest.*"},
                        {std::string(asked_to_crash) + "=1"});
  EXPECT_EQ(seen.end.code, 128 + SIGABRT);
  EXPECT_THAT(seen.err, AllOf(HasSubstr("ended by SIGABRT"), HasSubstr("crash_in_a_test")));
}

}  // namespace
}  // namespace tasks::testing
