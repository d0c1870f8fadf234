#include "support/program.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace tasks::testing {
namespace {

TEST(Run, BothStreamsAndTheExitCodeAreKeptApart) {
  const outcome seen = run({"sh", "-c", "cat; echo wrong >&2; exit 3"}, {}, "right\n");
  EXPECT_EQ(seen.out, "right\n");
  EXPECT_EQ(seen.err, "wrong\n");
  EXPECT_EQ(seen.end, (ending{3, 0}));
}

TEST(Run, InputLargerThanAPipeArrivesWhole) {
  const std::string text(1 << 20, 'x');
  EXPECT_EQ(run({"cat"}, {}, text).out, text);
}

TEST(Run, ACommandThatReadsNothingIsNoError) {
  EXPECT_EQ(run({"true"}, {}, std::string(1 << 20, 'x')).end, (ending{0, 0}));
}

TEST(Run, VariablesAreSetAndRemoved) {
  EXPECT_EQ(run({"sh", "-c", "echo $ONE; echo ${HOME-none}"}, {"ONE=1", "HOME"}).out, "1\nnone\n");
}

TEST(Run, ACommandThatDoesNotExistThrows) { EXPECT_THROW((void)run({"/does/not/exist"}), std::runtime_error); }

TEST(Program, ItIsReadyWhenConstructedAndEndsWithItsInput) {
  program cat({"sh", "-c", "echo port 17; echo ready; cat; exit 7"});
  EXPECT_EQ(cat.value("port"), "17");
  EXPECT_THROW((void)cat.value("host"), std::runtime_error);
  cat.write("a line\n");
  EXPECT_EQ(cat.read_line(), "a line");
  EXPECT_EQ(cat.stop(), (ending{7, 0}));
}

TEST(Program, OneThatEndsWithoutReadyThrowsWithItsWords) {
  try {
    program silent({"sh", "-c", "printf nonsense"});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("nonsense"), std::string::npos);
  }
}

TEST(Program, ASignalShowsAsTheEnding) {
  program cat({"sh", "-c", "echo ready; exec cat"});
  cat.send_signal(SIGKILL);
  EXPECT_EQ(cat.wait(), (ending{-1, SIGKILL}));
}

/// Not a test: what the next one reads.
TEST(Guard, DISABLED_IsPrinted) { std::cout << "guard " << guard.count() << std::endl; }

TEST(Guard, IsWhatTheEnvironmentSays) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const auto printed = [&](const std::string& setting) {
    const environment env{setting};
    return run({self, "--gtest_filter=Guard.DISABLED_IsPrinted", "--gtest_also_run_disabled_tests"}, env);
  };
  EXPECT_NE(printed("TASKS_TEST_GUARD").out.find("\nguard 60\n"), std::string::npos);
  EXPECT_NE(printed("TASKS_TEST_GUARD=7").out.find("\nguard 7\n"), std::string::npos);
  EXPECT_NE(printed("TASKS_TEST_GUARD=soon").end, (ending{0, 0}));
}

}  // namespace
}  // namespace tasks::testing
