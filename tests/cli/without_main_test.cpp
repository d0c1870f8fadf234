// A process whose main thread has ended is none that has ended: /proc/PID has no memory and no files of it, but those
// of its other threads have.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class WithoutMain : public ::testing::Test {
 protected:
  /// What a command prints, which has to succeed.
  [[nodiscard]] std::string shown(std::vector<std::string> words) const {
    words.insert(words.begin(), tasks_executable());
    const auto made = run(words);
    EXPECT_EQ(made.end, (ending{0, 0})) << made.err;
    return made.out + made.err;
  }
  [[nodiscard]] std::string pid() const { return process_.pid_text(); }

  program process_{{program_path("without_main")}};
};

TEST_F(WithoutMain, IsListed) {
  EXPECT_THAT(shown({"list", "--json"}), HasSubstr("\"pid\":" + pid() + ","));
  EXPECT_THAT(shown({"vitals", "-p", pid()}), AllOf(HasSubstr("tasks: 1"), Not(HasSubstr("resident: 0"))));
}

TEST_F(WithoutMain, IsFoundByItsName) {
  // Others of its kind are looked at beside this one.
  const auto own = fs::temp_directory_path() / ("without_main_" + pid());
  fs::copy_file(program_path("without_main"), own);
  {
    const program named({own.string()});
    EXPECT_THAT(shown({"stack", "-p", own.filename().string()}), HasSubstr("without_main::take("));
  }
  fs::remove(own);
}

TEST_F(WithoutMain, HasItsStacksFromItsAgentAndFromMemory) {
  const auto stack = shown({"stack", "-p", pid()});
  EXPECT_THAT(stack, AllOf(HasSubstr("without_main::take("), HasSubstr("without_main.cpp:"), HasSubstr("channel")));
  EXPECT_THAT(shown({"stack", "-p", pid(), "--direct"}), HasSubstr("without_main::take("));
}

TEST_F(WithoutMain, HasItsThreads) {
  EXPECT_THAT(shown({"threads", "-p", pid()}), AllOf(HasSubstr("ended"), HasSubstr("io_context::run")));
}

TEST_F(WithoutMain, IsRecorded) {
  char name[] = "/tmp/tasks-test-XXXXXX";
  const fs::path folder = ::mkdtemp(name);
  const auto file = (folder / "without_main.tasks").string();
  EXPECT_THAT(shown({"record", pid(), "-o", file, "--every", "50ms", "--for", "100ms"}), HasSubstr("snapshots"));
  EXPECT_THAT(shown({"stack", "--from", file}), HasSubstr("without_main::take("));
  fs::remove_all(folder);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(WithoutMain, HasTasksWithoutItsHook) {
  EXPECT_THAT(shown({"stack", "-p", pid(), "--no-hook"}),
              AllOf(HasSubstr("without_main::take("), HasSubstr("without_main.cpp:")));
}

TEST_F(WithoutMain, HasNoLeaks) {
  EXPECT_THAT(shown({"leaks", "-p", pid()}), AllOf(HasSubstr("no leaks"), HasSubstr("1 held elsewhere")));
}

TEST_F(WithoutMain, HasItsMemoryCounted) {
  EXPECT_THAT(shown({"memory", "-p", pid()}), AllOf(HasSubstr("without_main::take("), Not(HasSubstr("resident: 0"))));
}
#endif

}  // namespace
}  // namespace tasks::testing
