// dump_on_terminate() and TASKS_DUMP=terminate: what a program says when it breaks, and that it ends as it would have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/program.hpp"

namespace {

using tasks::testing::ending;
using tasks::testing::outcome;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

const ending aborted{-1, SIGABRT};

outcome broken(std::vector<std::string> words, const std::string& dump = "terminate",
               std::string_view name = "broken") {
  words.insert(words.begin(), tasks::testing::program_path(name));
  return tasks::testing::run(words, {dump.empty() ? "TASKS_DUMP" : "TASKS_DUMP=" + dump, "TASKS_EXCEPTIONS"});
}

// conn 42, by now the only thing that is left of the task
const std::string chain =
    "task [0-9]+ \"conn 42\":\n"
    "[^\n]*reads_frame\\([^\n]*\n\t(after )?/[^\n]*broken.cpp:[0-9]+\n"
    "[^\n]*session\\([^\n]*\n\t/[^\n]*broken.cpp:[0-9]+\n"
    "spawned by task [0-9]+ in [^\n]*listener[^\n]*\n";

TEST(Terminate, AnExceptionThatAHandlerThrowsOutOfRunNamesTaskChainAndSpawnSite) {
  const auto said = broken({"handler"});
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, ContainsRegex("tasks: terminate: std::runtime_error: bad frame length\nthrown in " + chain));
  // What the C++ runtime says stays.
  EXPECT_THAT(said.err, HasSubstr("terminate called after throwing an instance of 'std::runtime_error'"));
}

TEST(Terminate, WithoutTheEnvironmentNothingIsSaid) {
  const auto said = broken({"handler"}, "");
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, Not(HasSubstr("tasks:")));
}

TEST(Terminate, IsAskedForByACallToo) {
  EXPECT_THAT(broken({"handler", "on"}, "").err, ContainsRegex("thrown in " + chain));
}

TEST(Terminate, OfAnAwaitedTaskNamesTheOneThatThrew) {
  const auto said = broken({"awaited"});
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, ContainsRegex("thrown in task [0-9]+ \"conn 42\":\n[^\n]*reads_frame"));
  EXPECT_THAT(said.err, ContainsRegex("awaited by task [0-9]+:\n[^\n]*awaits_a_task"));
}

TEST(Terminate, ADetachedTaskTakesItsExceptionAlong) {
  const auto said = broken({"detached"});
  EXPECT_EQ(said.end, (ending{0, 0}));
  EXPECT_EQ(said.err, "");
}

TEST(Terminate, AFunctionThatMayNotThrowIsToldWithTheRunningTask) {
  const auto said = broken({"noexcept"});
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, ContainsRegex("tasks: terminate: std::runtime_error: bad frame length\nin " + chain));
}

TEST(Terminate, AbortIsToldWithTheRunningTask) {
  for (const auto* way : {"abort", "kill", "signal"}) {
    const auto said = broken({way});
    EXPECT_EQ(said.end, aborted);
    EXPECT_THAT(said.err, ContainsRegex("^tasks: abort: in " + chain)) << way;
  }
}

TEST(Terminate, WhatIsNotThrownInATaskSaysSo) {
  const auto said = broken({"outside"});
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err,
              HasSubstr("tasks: terminate: std::runtime_error: bad frame length\nthrown outside of any task\n"));
}

TEST(Terminate, ExceptionsOfAnyKindAreTold) {
  EXPECT_THAT(broken({"number"}).err, ContainsRegex("tasks: terminate: int\nthrown in " + chain));
  EXPECT_THAT(broken({"own_text"}).err, ContainsRegex("has_own_text: of its own\nthrown in " + chain));
  EXPECT_THAT(
      broken({"with_stack"}).err,
      ContainsRegex("tasks: terminate: std::runtime_error: bad frame length\nthrown in task [0-9]+ \"conn 42\":\n"
                    "[^\n]*throws_with_stack[^\n]*\n\t/[^\n]*broken.cpp:[0-9]+\n"));
  EXPECT_THAT(broken({"asio"}).err,
              ContainsRegex("system_error[^\n]*: [^\n]*[Ee]nd of file[^\n]*\nthrown in task [0-9]+:\n"
                            "[^\n]*reads\\([^\n]*\n\t(after )?/[^\n]*broken.cpp:"));
}

TEST(Terminate, HandlersThatWereThereBeforeAreCalled) {
  const auto said = broken({"handler", "handlers"});
  EXPECT_EQ(said.end, aborted);
  // They came after ours, and replaced it.
  EXPECT_EQ(said.out, "the program's terminate handler\nthe program's SIGABRT handler\n");
  const auto ours_last = broken({"handler", "handlers", "on"}, "");
  EXPECT_EQ(ours_last.end, aborted);
  EXPECT_EQ(ours_last.out, "the program's terminate handler\nthe program's SIGABRT handler\n");
  EXPECT_THAT(ours_last.err, ContainsRegex("thrown in " + chain));
}

TEST(Terminate, HandlersThatWereThereBeforeAreCalledAsTheirFlagsSay) {
  for (const auto* word : {"once", "at_once"}) {
    const auto said = broken({"abort", word, "on"}, "");
    EXPECT_EQ(said.end, aborted) << word;
    EXPECT_EQ(said.out, word == std::string("once") ? "once\n" : "at once\n");
    EXPECT_THAT(said.err, ContainsRegex("^tasks: abort: in " + chain));
  }
  const auto spent = broken({"abort", "spent", "on"}, "");
  EXPECT_EQ(spent.end, aborted);
  EXPECT_THAT(spent.err, ContainsRegex("^tasks: abort: in " + chain));
}

TEST(Terminate, AtExitHandlersAreWhatTheyWere) {
  const auto said = broken({"nothing", "late", "on"}, "");
  EXPECT_EQ(said.end, aborted);
  EXPECT_EQ(said.err, broken({"nothing", "late"}, "").err);
}

TEST(Terminate, AnIgnoredSignalStaysIgnored) {
  const auto said = broken({"kill", "ignored", "on"}, "");
  EXPECT_THAT(said.err, Not(HasSubstr("abort")));
}

TEST(Terminate, SeveralThreadsThatBreakAtOnceLetTheFirstSpeak) {
  const auto said = broken({"threads", "silent", "on"}, "");
  EXPECT_EQ(said.end, aborted);
  const auto first = said.err.find("tasks: ");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(said.err.find("tasks: ", first + 1), std::string::npos) << said.err;
  EXPECT_THAT(said.err, testing::EndsWith("\n"));
}

TEST(Terminate, AForkedChildHasLastWordsOfItsOwn) {
  const auto said = broken({"fork"});
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.out, HasSubstr("child ended by 6\n"));
  EXPECT_THAT(said.err, ContainsRegex("tasks: abort: in " + chain + "(.|\n)*tasks: abort: in " + chain));
}

TEST(Terminate, AHundredThousandOtherTasksChangeNothing) {
  EXPECT_THAT(broken({"crowd"}).err, ContainsRegex("thrown in " + chain));
}

TEST(Terminate, NeedsNoHeap) {
  const auto said = broken({"heap", "silent", "on"}, "");
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, ContainsRegex("tasks: terminate: std::runtime_error: bad frame length\nin " + chain));
  const auto at_once = broken({"abort_heap"});
  EXPECT_EQ(at_once.end, aborted);
  EXPECT_THAT(at_once.err, ContainsRegex("tasks: abort: in " + chain));
}

TEST(Terminate, NobodyWhoReadsDoesNotKeepItFromEnding) {
  EXPECT_EQ(broken({"handler", "pipe", "silent", "on"}, "").end, aborted);
}

TEST(Terminate, WithoutAStandardErrorNothingIsWrittenToWhatHasTakenItsPlace) {
  const auto closed = broken({"handler", "closed", "silent", "on"}, "");
  EXPECT_EQ(closed.end, aborted);
  EXPECT_EQ(closed.err, "");
  const auto reused = broken({"handler", "reused"}, "");
  EXPECT_EQ(reused.end, aborted);
  EXPECT_THAT(reused.out, Not(HasSubstr("tasks:")));
}

class TerminateFile : public ::testing::Test {
 protected:
  TerminateFile() {
    std::string pattern = std::filesystem::temp_directory_path() / "tasks-terminate-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~TerminateFile() override {
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(folder_);
  }
  std::filesystem::path folder_;
};

TEST_F(TerminateFile, IsWrittenWhereItIsAskedFor) {
  const auto said = broken({"handler"}, "terminate:" + folder_.string() + "/%%.%p.%t");
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, Not(HasSubstr("tasks:")));
  std::ostringstream text;
  for (const auto& each : std::filesystem::directory_iterator(folder_)) {
    EXPECT_THAT(each.path().filename().string(), MatchesRegex("%\\.[0-9]+\\.[0-9]+"));
    text << std::ifstream(each.path()).rdbuf();
  }
  EXPECT_THAT(text.str(), ContainsRegex("^tasks: terminate: [^\n]*\nthrown in " + chain));
}

TEST_F(TerminateFile, ThatCannotBeMadeIsSaidOnStandardError) {
  const auto said = broken({"handler"}, "terminate:" + folder_.string() + "/none/dump");
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err,
              ContainsRegex(
                  "^tasks: /[^\n]*/none/dump: cannot be written: No such file or directory\ntasks: terminate: [^\n]*\n"
                  "thrown in " +
                  chain));
}

TEST_F(TerminateFile, ThatHasAnotherNameIsLeftAlone) {
  std::ofstream(folder_ / "precious") << "precious\n";
  std::filesystem::create_hard_link(folder_ / "precious", folder_ / "dump");
  const auto said = broken({"handler"}, "terminate:" + folder_.string() + "/dump");
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, ContainsRegex("^tasks: /[^\n]*/dump: cannot be written: it is no regular file of this user's "
                                      "alone\ntasks: terminate: [^\n]*\nthrown in " +
                                      chain));
  std::ostringstream text;
  text << std::ifstream(folder_ / "precious").rdbuf();
  EXPECT_EQ(text.str(), "precious\n");
}

TEST(Terminate, OfCodeThatIsBuiltWithoutExceptionsIsTold) {
  const auto said = broken({"without_exceptions", "on_without_exceptions"}, "");
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, ContainsRegex("^tasks: abort: in " + chain));
}

TEST(Terminate, OfAStaticProgramIsTold) {
#if defined(TASKS_TEST_STATIC)
  const auto said = broken({"handler"}, "terminate", "broken_static");
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, ContainsRegex("tasks: terminate: std::runtime_error: bad frame length\nthrown in " + chain));
#else
  GTEST_SKIP() << "not built";
#endif
}

TEST(Terminate, OfBoostIsTold) {
#if defined(TASKS_TEST_BOOST)
  const auto said = broken({"handler"}, "terminate", "broken_boost");
  EXPECT_EQ(said.end, aborted);
  EXPECT_THAT(said.err, ContainsRegex("tasks: terminate: std::runtime_error: bad frame length\nthrown in " + chain));
  EXPECT_THAT(broken({"asio"}, "terminate", "broken_boost").err,
              ContainsRegex("[Ee]nd of file[^\n]*\nthrown in task [0-9]+:\n[^\n]*reads\\("));
#else
  GTEST_SKIP() << "not built";
#endif
}

}  // namespace
