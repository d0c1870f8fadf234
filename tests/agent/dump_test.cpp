// Dumps on signals: programs/dumping.cpp, and TASKS_DUMP in its environment.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/agent_client.hpp"

namespace tasks::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

#if defined(__SANITIZE_THREAD__)
constexpr bool a_child_can_start_threads = false;
#else
constexpr bool a_child_can_start_threads = true;
#endif

const std::string last_line = "=== end of process ";

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::size_t count_of(const std::string& part, const std::string& text) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class Dump : public ::testing::Test {
 protected:
  /// With its standard error among its standard output, or where `errors` says.
  [[nodiscard]] program start(const std::vector<std::string>& words, const environment& env = {},
                              const std::string& errors = "2>&1", const std::string& name = "dumping") const {
    std::vector<std::string> argv{"sh", "-c", "exec \"$@\" " + errors, "sh", program_path(name)};
    argv.insert(argv.end(), words.begin(), words.end());
    environment all{dir_.variable(), "TSAN_OPTIONS=atexit_sleep_ms=0"};
    all.insert(all.end(), env.begin(), env.end());
    return program(argv, all);
  }
  /// The next dump that it prints, with what comes before.
  static std::string read_dump(program& from) {
    std::string text;
    for (;;) {
      const auto line = from.read_line();
      text += line + "\n";
      if (line.starts_with(last_line)) return text;
    }
  }
  /// A file once `dumps` of them are in it, or what is there at the guard.
  static std::string wait_for_file(const std::string& path, std::size_t dumps = 1) {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    auto text = read_file(path);
    while (count_of(last_line, text) < dumps && std::chrono::steady_clock::now() < deadline) {
      ::usleep(1000);
      text = read_file(path);
    }
    return text;
  }
  static std::string ask_interruptions(program& of) {
    of.write("\n");
    return of.read_until("interrupted ");
  }

  temporary_directory dir_;
};

/* What it says:

   === tasks of process 4711 (dumping), 2026-11-30T19:01:02Z: SIGQUIT
   tasks: 4 (0 running, 4 blocked, 0 ready)
   ended: 0, 0 by an exception, 0 by a cancelled operation
   OS threads: 5, workers: 2, CPUs: 2, RSS: 5.1 MiB, CPU time: 0.0s, uptime: 0s

   3 tasks [channel receive]:
   dumping::worker(concurrent_channel&)
           /src/tests/programs/dumping.cpp:56
   spawned by dumping::run(…)
   tasks 1, 2, 3

   1 task [timer]: …
   === end of process 4711 */
void expect_whole(const std::string& dump, const program& of, const std::string& cause) {
  EXPECT_THAT(dump, ContainsRegex("=== tasks of process " + of.pid_text() +
                                  " \\(dumping[a-z_]*\\), 20[0-9-]*T[0-9:]*Z: " + cause + "\n"));
  EXPECT_THAT(dump, HasSubstr("\ntasks: 4 (0 running, 4 blocked, 0 ready)\n"));
  EXPECT_THAT(dump, ContainsRegex("\nOS threads: [0-9]+, workers: [0-9]+, CPUs: [0-9]+, RSS: [0-9.]+ MiB, CPU time: "));
  EXPECT_THAT(dump, ContainsRegex("\n3 tasks \\[channel receive[^]]*\\]:\ndumping::worker\\("));
  EXPECT_THAT(dump, ContainsRegex("\n1 task \\[timer[^]]*\\]:\ndumping::sleeper\\(\\)\n\t.*dumping.cpp:[0-9]+\n"));
  EXPECT_THAT(dump, ContainsRegex(last_line + of.pid_text() + "\n$"));
}

TEST_F(Dump, TheEnvironmentAsksForItAndTheProgramGoesOn) {
  auto target = start({}, {"TASKS_DUMP=SIGQUIT"});
  for (int i = 0; i < 2; ++i) {
    target.send_signal(SIGQUIT);
    expect_whole(read_dump(target), target, "SIGQUIT");
  }
  EXPECT_EQ(ask_interruptions(target), "0");
  EXPECT_EQ(target.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_F(Dump, NothingIsInstalledThatNobodyAskedFor) {
  auto target = start({});
  target.send_signal(SIGUSR2);
  EXPECT_EQ(target.wait(), (ending{.code = -1, .signal = SIGUSR2}));
}

TEST_F(Dump, WithExitTheProgramEndsByTheSignal) {
  auto target = start({}, {"TASKS_DUMP=SIGUSR2,exit"});
  target.send_signal(SIGUSR2);
  expect_whole(read_dump(target), target, "SIGUSR2");
  EXPECT_EQ(target.wait(), (ending{.code = -1, .signal = SIGUSR2}));
}

TEST_F(Dump, LeavesASignalAloneThatTheProgramHandles) {
  auto target = start({"own=10", "call=10"});
  EXPECT_EQ(target.value("call=10"), "1");
  target.send_signal(SIGUSR1);
  EXPECT_EQ(target.read_line(), "handled");
  EXPECT_EQ(target.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_F(Dump, TakesItsPlaceWhereItIsTold) {
  auto target = start({"own=10", "replace", "call=10"});
  EXPECT_EQ(target.value("call=10"), "0");
  target.send_signal(SIGUSR1);
  const auto dump = read_dump(target);
  expect_whole(dump, target, "SIGUSR1");
  EXPECT_EQ(ask_interruptions(target), "0");
  EXPECT_THAT(dump, Not(HasSubstr("handled")));
}

TEST_F(Dump, CallsTheEarlierHandlerWhereItIsTold) {
  auto target = start({"own=10", "chain", "path=" + dir_.path() + "/dump", "call=10"});
  target.send_signal(SIGUSR1);
  EXPECT_EQ(target.read_line(), "handled");
  expect_whole(wait_for_file(dir_.path() + "/dump"), target, "SIGUSR1");
}

TEST_F(Dump, AnEarlierHandlerThatWantsOneSignalHasOneAndTheNextEndsTheProgram) {
  auto target = start({"once=15", "chain", "path=" + dir_.path() + "/dump", "call=15"});
  target.send_signal(SIGTERM);
  EXPECT_EQ(target.read_line(), "handled");
  expect_whole(wait_for_file(dir_.path() + "/dump"), target, "SIGTERM");
  target.send_signal(SIGTERM);
  EXPECT_EQ(target.wait(), (ending{.code = -1, .signal = SIGTERM}));
}

TEST_F(Dump, ASignalWhoseHandlerIsSpentIsHandledByNobody) {
  auto target = start({"spent=10", "call=10"});
  EXPECT_EQ(target.value("call=10"), "0");
  target.send_signal(SIGUSR1);
  expect_whole(read_dump(target), target, "SIGUSR1");
}

TEST_F(Dump, CallsThatAnEarlierHandlerInterruptsAreInterrupted) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "which holds a signal back as long as its thread is in read(2)";
#endif
  auto target = start({"plain=10", "chain", "call=10"});
  // Wherever the signal is taken; more often than not that is where the program reads.
  auto interruptions = ask_interruptions(target);
  for (int i = 0; i < 100 && interruptions == "0"; ++i) {
    target.send_signal(SIGUSR1);
    read_dump(target);
    interruptions = ask_interruptions(target);
  }
  EXPECT_NE(interruptions, "0");
}

TEST_F(Dump, AHandlerThatCameLaterAndCallsOursIsNotChainedTo) {
  auto target = start({"own=10", "chain", "path=" + dir_.path() + "/dump", "call=10", "over=10", "call=010"});
  EXPECT_EQ(target.value("call=10"), "0");
  EXPECT_EQ(target.value("call=010"), "1");
  target.send_signal(SIGUSR1);
  EXPECT_EQ(target.read_line(), "over");
  EXPECT_EQ(target.read_line(), "handled");
  expect_whole(wait_for_file(dir_.path() + "/dump"), target, "SIGUSR1");
}

TEST_F(Dump, SaysWhatIsNoSignalToDumpOn) {
  auto target = start({"call=9", "call=11", "call=0", "call=65", "path=/tmp/%q", "call=10"});
  for (const auto* word : {"call=9", "call=11", "call=0", "call=65"}) EXPECT_EQ(target.value(word), "2") << word;
  EXPECT_EQ(target.value("call=10"), "3");
  EXPECT_EQ(target.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_F(Dump, SaysWhatOfTheEnvironmentItCannotDo) {
  const auto said = run({program_path("dumping"), "no-tasks"}, {dir_.variable(), "TASKS_DUMP=SIGQUITE,SIGKILL"});
  EXPECT_EQ(said.end, (ending{.code = 0, .signal = 0}));
  EXPECT_EQ(said.err,
            "tasks: TASKS_DUMP: SIGQUITE: neither a signal nor deadlock, exit or terminate\n"
            "tasks: TASKS_DUMP: SIGKILL: no handler returns from it\n");
}

TEST_F(Dump, ComesWhileEveryWorkerHangs) {
  auto target = start({"hangs"}, {"TASKS_DUMP=SIGQUIT"});
  target.send_signal(SIGQUIT);
  const auto dump = read_dump(target);
  EXPECT_THAT(dump, HasSubstr("\ntasks: 2 (2 running, 0 blocked, 0 ready)\n"));
  EXPECT_THAT(dump, ContainsRegex("\ntask [12] runs on thread [0-9]+"));
  EXPECT_THAT(dump, ContainsRegex("\n2 tasks \\[running[^]]*\\]:\ndumping::calculate\\("));
}

TEST_F(Dump, NeedsNoAgent) {
  auto target = start({}, {"TASKS_DUMP=SIGQUIT", "TASKS_AGENT=off"});
  target.send_signal(SIGQUIT);
  expect_whole(read_dump(target), target, "SIGQUIT");
}

TEST_F(Dump, ComesWhereEveryThreadBlocksTheSignal) {
  auto target = start({"blocked"}, {"TASKS_DUMP=SIGQUIT"});
  target.send_signal(SIGQUIT);
  expect_whole(read_dump(target), target, "SIGQUIT");
  EXPECT_EQ(ask_interruptions(target), "0");
}

TEST_F(Dump, AForkedChildHasItFromItsFirstTaskOn) {
  if (!a_child_can_start_threads) GTEST_SKIP() << "ThreadSanitizer knows no threads in forked children";
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer's allocator stays locked in a child that was forked while another thread used it";
#endif
  auto target = start({"forks"}, {"TASKS_DUMP=SIGQUIT"});
  const auto child = static_cast<pid_t>(std::stol(target.value("child")));
  ASSERT_EQ(kill(child, SIGQUIT), 0);
  const auto dump = read_dump(target);
  EXPECT_THAT(dump, HasSubstr("=== tasks of process " + std::to_string(child)));
  EXPECT_THAT(dump, HasSubstr("\ntasks: 4 (0 running, 4 blocked, 0 ready)\n"));
  EXPECT_EQ(target.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_F(Dump, AForkedChildThatHasNoTaskEndsAsItWouldHave) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "whose child has no threads, and takes no signal";
#endif
  auto target = start({"forks", "no-tasks"}, {"TASKS_DUMP=SIGUSR2,exit"});
  const auto child = static_cast<pid_t>(std::stol(target.value("child")));
  ASSERT_EQ(kill(child, SIGUSR2), 0);
  EXPECT_EQ(target.read_line(), "child ended by " + std::to_string(SIGUSR2));
}

TEST_F(Dump, GoesToAFileThatOnlyTheUserReadsAndIsAddedTo) {
  auto target = start({}, {"TASKS_DUMP=SIGQUIT,SIGUSR2:" + dir_.path() + "/%p.dump"});
  const auto path = dir_.path() + "/" + target.pid_text() + ".dump";
  target.send_signal(SIGQUIT);
  expect_whole(wait_for_file(path), target, "SIGQUIT");
  target.send_signal(SIGUSR2);
  EXPECT_THAT(wait_for_file(path, 2), HasSubstr(": SIGUSR2\n"));
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(Dump, FollowsNoSymlinkAndSaysWhy) {
  const auto path = dir_.path() + "/dump", elsewhere = dir_.path() + "/elsewhere";
  std::filesystem::create_symlink(elsewhere, path);
  auto target = start({}, {"TASKS_DUMP=SIGQUIT:" + path});
  target.send_signal(SIGQUIT);
  const auto said = read_dump(target);
  EXPECT_THAT(said, StartsWith("tasks: cannot write a dump to " + path + ": it is a symlink\n"));
  expect_whole(said, target, "SIGQUIT");
  EXPECT_FALSE(std::filesystem::exists(elsewhere));
}

TEST_F(Dump, WritesToNoFileThatHasAnotherName) {
  const auto path = dir_.path() + "/dump", precious = dir_.path() + "/precious";
  std::ofstream(precious) << "precious\n";
  std::filesystem::create_hard_link(precious, path);
  auto target = start({}, {"TASKS_DUMP=SIGQUIT:" + path});
  target.send_signal(SIGQUIT);
  EXPECT_THAT(read_dump(target), HasSubstr(path + ": it is no regular file of this user's alone\n"));
  EXPECT_EQ(read_file(precious), "precious\n");
}

TEST_F(Dump, OfAFileThatCannotBeGoesToStandardError) {
  auto target = start({}, {"TASKS_DUMP=SIGQUIT:" + dir_.path() + "/nowhere/%p"});
  target.send_signal(SIGQUIT);
  const auto said = read_dump(target);
  EXPECT_THAT(said, HasSubstr("/nowhere/" + target.pid_text() + ": No such file or directory\n"));
  expect_whole(said, target, "SIGQUIT");
}

TEST_F(Dump, SaysWhereAFileIsNotWhole) {
  const auto path = dir_.path() + "/dump";
  std::vector<std::string> argv{"sh", "-c", "ulimit -f 8; exec \"$@\" 2>&1", "sh", program_path("dumping"), "deep=64"};
  program limited(argv, {dir_.variable(), "TASKS_DUMP=SIGQUIT:" + path});
  limited.send_signal(SIGQUIT);
  EXPECT_EQ(limited.read_line(), "tasks: the dump in " + path + " is not whole: File too large");
  EXPECT_EQ(ask_interruptions(limited), "0");
  EXPECT_GT(read_file(path).size(), 0u);
}

TEST_F(Dump, WritesToNothingThatGetsTheNumberOfAClosedStandardError) {
  const auto held = dir_.path() + "/held", path = dir_.path() + "/dump";
  auto target = start({"holds=" + held, "path=" + path, "call=10"}, {"TASKS_DUMP=SIGQUIT", "TASKS_AGENT=off"}, "2>&-");
  EXPECT_EQ(target.value("holds"), "2");
  target.send_signal(SIGQUIT);
  target.send_signal(SIGUSR1);
  expect_whole(wait_for_file(path), target, "SIGUSR1");
  EXPECT_EQ(read_file(held), "");
}

/// A FIFO as standard error, which somebody holds and may read.
struct unread_pipe {
  explicit unread_pipe(const std::string& path) {
    if (mkfifo(path.c_str(), 0600) == 0) fd = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  }
  unread_pipe(const unread_pipe&) = delete;
  unread_pipe& operator=(const unread_pipe&) = delete;
  ~unread_pipe() { close(fd); }
  [[nodiscard]] int size() const {
    int bytes = 0;
    return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : -1;
  }
  void wait_until_full() const {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    while (size() < 65536 - 4096 && std::chrono::steady_clock::now() < deadline) ::usleep(1000);
  }
  std::string drain() const {
    std::string text(65536, '\0');
    const auto got = read(fd, text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  int fd = -1;
};

TEST_F(Dump, SignalsThatComeWhileItIsWrittenAreOneMore) {
  const unread_pipe errors(dir_.path() + "/errors");
  auto target = start({"own=10", "chain", "call=10", "deep=100"}, {}, "2>" + dir_.path() + "/errors");
  target.send_signal(SIGUSR1);
  EXPECT_EQ(target.read_line(), "handled");
  errors.wait_until_full();
  for (int i = 0; i < 20; ++i) {
    target.send_signal(SIGUSR1);
    EXPECT_EQ(target.read_line(), "handled");
  }
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + guard;
  while (count_of(last_line, text) < 2 && std::chrono::steady_clock::now() < deadline) text += errors.drain();
  EXPECT_EQ(target.stop(), (ending{.code = 0, .signal = 0}));
  for (auto more = errors.drain(); !more.empty(); more = errors.drain()) text += more;
  EXPECT_EQ(count_of(last_line, text), 2u);
}

TEST_F(Dump, WaitsForAWhileOnlyWhereNobodyReads) {
  const unread_pipe errors(dir_.path() + "/errors");
  const auto path = dir_.path() + "/dump";
  auto target = start({"call=12", "path=" + path, "call=10", "deep=100"}, {}, "2>" + dir_.path() + "/errors");
  target.send_signal(SIGUSR2);
  errors.wait_until_full();
  target.send_signal(SIGUSR1);
  EXPECT_THAT(wait_for_file(path), HasSubstr("\ntasks: 104 (0 running, 104 blocked, 0 ready)\n"));
}

TEST_F(Dump, ComesOnceWhereNothingIsLeftThatCouldWakeAnyTask) {
  auto target = start({"channels-alone"}, {"TASKS_DUMP=deadlock"});
  const auto dump = read_dump(target);
  EXPECT_THAT(dump, ContainsRegex(": deadlock\\? Every task waits on a channel or for another task, and none has gone "
                                  "on for 5s: only callbacks and other threads can wake them\n"));
  EXPECT_THAT(dump, ContainsRegex("\n3 tasks \\[channel receive[^]]*\\]:\ndumping::worker\\("));
}

#if defined(TASKS_TEST_BOOST)
TEST_F(Dump, OfBoostAsioSaysTheSame) {
  auto target = start({}, {"TASKS_DUMP=SIGQUIT"}, "2>&1", "dumping_boost");
  target.send_signal(SIGQUIT);
  expect_whole(read_dump(target), target, "SIGQUIT");
}
#endif

}  // namespace
}  // namespace tasks::testing
