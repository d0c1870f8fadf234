// `tasks record --when`: files that are written by themselves when something is wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class RecordWhen : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string stem() const { return (folder_ / "found").string(); }
  /// In the order of their times, which their names tell.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& each : fs::directory_iterator(folder_)) found.push_back(each.path().string());
    std::sort(found.begin(), found.end());
    return found;
  }
  /// With what it says on standard error as its output.
  [[nodiscard]] program recorder(const std::string& words) const {
    return program(
        program::unready(),
        {"sh", "-c", "exec " + tasks_executable() + " record -o " + stem() + " --every 50ms " + words + " 2>&1"});
  }
  [[nodiscard]] static outcome at(const std::string& file, const std::string& snapshot,
                                  std::vector<std::string> words) {
    words.insert(words.begin(), tasks_executable());
    words.insert(words.end(), {"--from", file, "--at", snapshot});
    return run(words);
  }

  fs::path folder_;
};

/// Whoever names an executable does not drive the terminal of who looks at it.
TEST_F(RecordWhen, AProgramsNameIsNoCommandForATerminal) {
  const auto named = folder_ / "l\x1b[31mab";
  fs::copy_file(program_path("lab"), named);
  const program lab({named.string()});
  const auto words = "cd '" + folder_.string() + "' && exec " + tasks_executable() + " record ";
  const auto plain = run({"sh", "-c", words + "--every 10 --for 1 " + lab.pid_text()});
  EXPECT_EQ(plain.end.code, 0) << plain.err;
  EXPECT_THAT(plain.out, HasSubstr("l?[31mab " + lab.pid_text() + ": 1 snapshot\n"));
  EXPECT_THAT(plain.out, HasSubstr("tasks stack --from l?[31mab-" + lab.pid_text() + ".tasks\n"));
  EXPECT_THAT(plain.err, HasSubstr("recording into l?[31mab-"));
  EXPECT_THAT(plain.out + plain.err, Not(HasSubstr("\x1b")));
  const auto when = run({"sh", "-c", words + "--when 'tasks>0' --limit 1 --for 1 --every 10 " + lab.pid_text()});
  EXPECT_EQ(when.end.code, 0) << when.err;
  EXPECT_THAT(when.err, HasSubstr(": recorded into l?[31mab-"));
  EXPECT_THAT(when.err, Not(HasSubstr("\x1b")));
}

TEST_F(RecordWhen, WritesWhatWasBeforeAtAndAfterTheMoment) {
  program leaking({program_path("leak_deadlock_of_two"), "leaking"});
  auto recording = recorder("--when leaks --limit 2 --cool-down 0 --before 1 " + leaking.pid_text());
  EXPECT_THAT(recording.read_until("tasks: leak_programs "), HasSubstr(": 2 leaked tasks: recorded into "));
  leaking.write("\n");
  EXPECT_THAT(recording.read_until("tasks: leak_programs "), HasSubstr(": 4 leaked tasks: recorded into "));
  EXPECT_EQ(recording.wait().code, 0);
  // Tasks, and whether some are proven to be leaked, in the order of time.
  std::vector<std::pair<std::string, bool>> seen;
  for (const auto& file : files()) {
    for (int i = 1;; ++i) {
      const auto counted = at(file, std::to_string(i), {"vitals"});
      if (counted.end.code != 0) break;
      const auto proof = at(file, std::to_string(i), {"leaks"});
      seen.emplace_back(counted.out.substr(0, counted.out.find_first_of(",\n")), proof.out.starts_with("proven: "));
    }
  }
  const std::pair<std::string, bool> before{"tasks: 2", false}, moment{"tasks: 4", true}, after{"tasks: 4", false};
  ASSERT_GE(seen.size(), 3u);
  EXPECT_EQ(seen[seen.size() - 3], before);
  EXPECT_EQ(seen[seen.size() - 2], moment);
  EXPECT_EQ(seen[seen.size() - 1], after);
}

TEST_F(RecordWhen, CapturesNoMoreOftenThanItIsAllowedTo) {
  const program lab({program_path("lab")});
  auto recording = recorder("--when 'tasks>0' --limit 5 --cool-down 1h --for 1s " + lab.pid_text());
  EXPECT_EQ(recording.wait().code, 0);
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(RecordWhen, WritesNothingWhileAllIsWell) {
  const program lab({program_path("lab")});
  auto recording = recorder(
      "--when 'tasks>100000' --when 'stalled>10m' --when 'blocked-for channel-receive>10h' "
      "--when blocked-for:timer\\>10h --for 200ms " +
      lab.pid_text());
  EXPECT_EQ(recording.wait().code, 1);
  EXPECT_TRUE(files().empty());
}

TEST_F(RecordWhen, SeesAWorkerThatStalls) {
  const program hung({program_path("hung"), "loop"});
  auto recording = recorder("--when 'stalled>1ms' --limit 1 " + hung.pid_text());
  EXPECT_THAT(recording.read_until("tasks: hung "), HasSubstr("recorded into "));
  EXPECT_EQ(recording.wait().code, 0);
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(RecordWhen, SaysInALineWhatIsPossible) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"taks>5", "\"taks>5\" is no condition (tasks>N, blocked>N, stalled>TIME, blocked-for KIND>TIME or leaks)"},
      {"tasks", "\"tasks\" is no condition"},
      {"tasks>many", "\"many\" is no number"},
      {"stalled>soon", "\"soon\" is no duration"},
      {"blocked-for lunch>5m", "\"lunch\" is no kind of wait (channel-send,"},
      {"leaks>5", "\"leaks>5\" is no condition"}};
  for (const auto& [condition, said] : wrong) {
    const auto seen = run({tasks_executable(), "record", "--when", condition, "1"});
    EXPECT_EQ(seen.end.code, 2) << condition;
    EXPECT_THAT(seen.err, AllOf(StartsWith("tasks: --when: "), HasSubstr(said)));
    EXPECT_EQ(std::count(seen.err.begin(), seen.err.end(), '\n'), 1) << seen.err;
  }
}

/// As systemd reads it; where there is none nobody does.
TEST_F(RecordWhen, HasAUnitThatSystemdUnderstands) {
  if (run({"sh", "-c", "command -v systemd-analyze"}).end.code != 0) GTEST_SKIP() << "there is no systemd-analyze";
  std::ifstream in(TASKS_RECORD_UNIT);
  std::string unit{std::istreambuf_iterator<char>(in), {}};
  const std::string folder_of_program = "@CMAKE_INSTALL_FULL_BINDIR@";
  const auto place = unit.find(folder_of_program);
  ASSERT_NE(place, unit.npos);
  unit.replace(place, folder_of_program.size(), fs::path(tasks_executable()).parent_path().string());
  const auto file = (folder_ / "tasks-record@.service").string();
  std::ofstream(file) << unit;
  const auto seen = run({"systemd-analyze", "verify", "--man=no", file});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_EQ(seen.err, "");
}

}  // namespace
}  // namespace tasks::testing
