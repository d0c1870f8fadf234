// tasks check: one line and an exit code, as monitoring expects them of a plugin.

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/client.hpp"
#include "support/lab_script.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

outcome check(std::vector<std::string> words) {
  words.insert(words.begin(), {tasks_executable(), "check"});
  return run(words);
}

struct limiting {
  std::vector<std::string> options;
  int code;
  const char* line;  ///< without the subject, which stands for %, and the test's own name
};
class Limit : public ::testing::TestWithParam<limiting> {};
INSTANTIATE_TEST_SUITE_P(
    Of, Limit,
    ::testing::Values(
        limiting{{}, 0, "OK: %: 14 tasks, 12 blocked | tasks=14 blocked=12 stalled=0 threads=9"},
        limiting{{"--max-tasks", "14"}, 0, "OK: %: 14 tasks, 12 blocked | tasks=14;14 blocked=12 stalled=0 threads=9"},
        limiting{{"--max-tasks", "13"},
                 1,
                 "WARNING: %: 14 tasks, 13 are allowed | tasks=14;13 blocked=12 stalled=0 threads=9"},
        limiting{{"--max-tasks", "5,13"},
                 2,
                 "CRITICAL: %: 14 tasks, 13 are allowed | tasks=14;5;13 blocked=12 stalled=0 threads=9"},
        limiting{{"--max-tasks", "5,20"},
                 1,
                 "WARNING: %: 14 tasks, 5 are allowed | tasks=14;5;20 blocked=12 stalled=0 threads=9"},
        limiting{{"--max-tasks", "5", "--max-blocked", "5,6"},
                 2,
                 "CRITICAL: %: 12 tasks are blocked, 6 may be; 14 tasks, 5 are allowed | tasks=14;5 blocked=12;5;6 "
                 "stalled=0 threads=9"},
        limiting{
            {"--max-wait", "channel-receive=3m"},
            1,
            "WARNING: %: worker(std::shared_ptr<chan>) pool.cpp:31 waits for channel receive since 3m12s, 3m00s is "
            "allowed | tasks=14 blocked=12 stalled=0 threads=9 oldest_channel_receive=192.345s;180"},
        limiting{{"--max-wait", "channel-receive=4m,5m"},
                 0,
                 "OK: %: 14 tasks, 12 blocked | tasks=14 blocked=12 stalled=0 threads=9 "
                 "oldest_channel_receive=192.345s;240;300"},
        limiting{{"--max-growth", "10/min", "--over", "0.1"},
                 0,
                 "OK: %: 14 tasks, 12 blocked | tasks=14 blocked=12 stalled=0 threads=9 growth=0;10"}));

/// The subject is the test's own name and the agent's pid.
std::string expected_line(std::string line, const fake_agent& target) {
  line.replace(line.find('%'), 1, "cli_check_test " + target.pid_text());
  return line + "\n";
}

TEST_P(Limit, IsOneLineAndAnExitCode) {
  auto script = lab_script();
  // Of the groups that the script has only those that are asked for.
  script.groups.front().mutable_groups()->DeleteSubrange(1, 1);
  const fake_agent lab(script);
  auto words = GetParam().options;
  words.push_back(lab.pid_text());
  const auto seen = check(words);
  EXPECT_EQ(seen.out, expected_line(GetParam().line, lab));
  EXPECT_EQ(seen.err, "");
  EXPECT_EQ(seen.end.code, GetParam().code);
}

TEST(Check, OfSeveralIsThatOfTheWorst) {
  auto large = lab_script();
  large.vitals.set_tasks(100);
  const fake_agent first(lab_script()), second(large);
  const auto seen = check({first.pid_text(), second.pid_text(), "--max-tasks", "50"});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_THAT(seen.out, MatchesRegex("WARNING: [^:]* " + second.pid_text() + ": 100 tasks, 50 are allowed; [^:]* " +
                                     first.pid_text() + ": 14 tasks, 12 blocked \\| '[^']* " + first.pid_text() +
                                     " tasks'=14;50 .* '[^']* " + second.pid_text() + " tasks'=100;50 .*\n"));
  const auto json = check({first.pid_text(), second.pid_text(), "--max-tasks", "50", "--json"});
  EXPECT_EQ(json.end.code, 1);
  EXPECT_THAT(json.out, StartsWith("{\"schemaVersion\":2,\"state\":\"WARNING\",\"processes\":["));
  EXPECT_THAT(json.out, HasSubstr("\"problems\":[{\"state\":\"WARNING\",\"what\":\"100 tasks, 50 are allowed\"}]"));
  EXPECT_THAT(json.out, HasSubstr("{\"name\":\"tasks\",\"value\":14,\"unit\":\"\",\"warning\":50,\"critical\":null}"));
}

TEST(Check, OfWhatCannotBeLookedAtIsUnknown) {
  const fake_agent lab(lab_script());
  const auto nobody = check({"no-such-process"});
  EXPECT_EQ(nobody.end.code, 3);
  EXPECT_EQ(nobody.out, "UNKNOWN: no-such-process: no process has this name (tasks list shows those there are)\n");
  const auto both = check({"no-such-process", lab.pid_text()});
  EXPECT_EQ(both.end.code, 3);
  EXPECT_THAT(both.out, StartsWith("UNKNOWN: no-such-process: "));
  EXPECT_THAT(both.out, HasSubstr(": 14 tasks, 12 blocked | "));
  // Worse than not to know is to know.
  EXPECT_EQ(check({"no-such-process", lab.pid_text(), "--max-tasks", "1"}).end.code, 1);
}

TEST(Check, ThatWasAskedForWronglyIsUnknownToo) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> wrong = {
      {{}, "UNKNOWN: tasks: which process? (give a PID or a name; tasks list shows them)\n"},
      {{"1", "--max-task", "3"}, "UNKNOWN: tasks: check: no option '--max-task': did you mean --max-tasks?\n"},
      {{"1", "--max-tasks", "many"}, "UNKNOWN: tasks: --max-tasks: \"many\" is no limit "},
      {{"1", "--max-tasks", "3,2"}, "UNKNOWN: tasks: --max-tasks: \"3,2\" is critical before it is a warning "},
      {{"1", "--max-wait", "5m"}, "UNKNOWN: tasks: --max-wait: \"5m\" is no kind of wait "},
      {{"1", "--max-wait", "timer"}, "UNKNOWN: tasks: --max-wait: \"timer\" has no limit (such as socket-read=5m)\n"}};
  for (const auto& [words, line] : wrong) {
    const auto seen = check(words);
    EXPECT_EQ(seen.end.code, 3) << line;
    EXPECT_THAT(seen.out, StartsWith(line));
    EXPECT_EQ(seen.err, "");
  }
}

TEST(Check, FindsAWorkerThatIsStalled) {
  const program target({program_path("hung"), "loop"});
  wait_until_shown({"check", target.pid_text(), "--stalled", "0.1"}, "CRITICAL: hung ");
  const auto seen = check({target.pid_text(), "--stalled", "0.1"});
  EXPECT_EQ(seen.end.code, 2);
  EXPECT_THAT(seen.out, HasSubstr(": stalled: worker "));
  EXPECT_THAT(seen.out, HasSubstr(" stalled=2 "));
  EXPECT_EQ(check({target.pid_text(), "--stalled", "1h"}).end.code, 0);
}

/// A client after the other while it is measured.
TEST(Check, SeesGrowth) {
  program target({program_path("lab")});
  const auto port = static_cast<std::uint16_t>(std::stoi(target.value("port")));
  std::atomic<bool> ends = false;
  auto growing = std::async(std::launch::async, [&] {
    std::vector<client> all;
    while (!ends) {
      all.emplace_back(port);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  const auto seen = check({target.pid_text(), "--max-growth", "1,5/min", "--over", "1"});
  ends = true;
  growing.get();
  EXPECT_EQ(seen.end.code, 2) << seen.out;
  EXPECT_THAT(seen.out, MatchesRegex("CRITICAL: lab [0-9]+: .*[0-9.]+ tasks more a minute, 5 are allowed.* "
                                     "growth=[0-9.]+;1;5\n"));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(TASKS_TEST_NO_PROOF)
TEST(Check, ProvesLeaks) {
  const program target({program_path("leak_first_reply"), "leaking"});
  const auto seen = check({target.pid_text(), "--leaks"});
  EXPECT_EQ(seen.end.code, 2);
  EXPECT_THAT(seen.out,
              MatchesRegex("CRITICAL: [^ ]+ [0-9]+: 2 tasks leaked: "
                           "leaks::first_reply::backend\\(.*\\) first_reply.cpp:[0-9]+ \\| .* leaked=2 undecided=0\n"));
  const program healthy({program_path("healthy_owners"), "global"});
  EXPECT_EQ(check({healthy.pid_text(), "--leaks"}).end.code, 0);
}

TEST(Check, DoesNotCallOkWhatNoProofCanTell) {
  if (!std::filesystem::exists("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2")) GTEST_SKIP() << "needs libjemalloc2";
  const program target({program_path("leak_first_reply"), "leaking"},
                       environment{"LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"});
  const auto seen = check({target.pid_text(), "--leaks"});
  EXPECT_EQ(seen.end.code, 3);
  EXPECT_THAT(seen.out,
              MatchesRegex("UNKNOWN: [^ ]+ [0-9]+: whether 2 of 2 tasks leak cannot be told: tasks leaks -p [0-9]+ "
                           "says why \\| .* leaked=0 undecided=0\n"));
}
#endif

}  // namespace
}  // namespace tasks::testing
