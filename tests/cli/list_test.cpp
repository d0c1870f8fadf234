// The text of `tasks list`: which of several processes of one name is which, and what to do where there is none.

#include "views/list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "views/same_names.hpp"

namespace tasks::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct process {
  std::string name;
  std::vector<std::string> arguments;
  std::string directory = "/srv";
};

v1::ListView list_of(const std::vector<process>& processes) {
  v1::ListView list;
  for (const auto& each : processes) {
    auto& to = *list.add_processes();
    to.set_name(each.name);
    for (const auto& word : each.arguments) to.add_arguments(word);
    to.set_directory(each.directory);
  }
  return list;
}

TEST(SameNames, AreToldApartByTheirArguments) {
  EXPECT_THAT(
      told_apart(list_of({{"lab", {"--port", "80"}}, {"relay", {"--port", "80"}}, {"lab", {"--leak", "cycle"}}})),
      ElementsAre("--port 80", "", "--leak cycle"));
  EXPECT_THAT(told_apart(list_of({{"lab", {}}, {"lab", {"--leak", "cycle"}}})),
              ElementsAre("without arguments", "--leak cycle"));
}

TEST(SameNames, LeaveOutWhatTheyHaveInCommon) {
  EXPECT_THAT(told_apart(list_of({{"lab", {"-c", "a.conf", "-v"}}, {"lab", {"-c", "b.conf", "-v"}}})),
              ElementsAre("… a.conf …", "… b.conf …"));
  EXPECT_THAT(told_apart(list_of({{"lab", {"-c"}}, {"lab", {"-c", "b.conf"}}})), ElementsAre("…", "… b.conf"));
  EXPECT_THAT(told_apart(list_of({{"lab", {"a", "a"}}, {"lab", {"a"}}})), ElementsAre("… a", "…"));
}

TEST(SameNames, AreToldApartByTheirDirectoriesWhereTheirArgumentsAreTheSame) {
  EXPECT_THAT(told_apart(list_of({{"lab", {"-v"}, "/srv/blue/bin"}, {"lab", {"-v"}, "/srv/green/bin"}})),
              ElementsAre("in …/blue/…", "in …/green/…"));
  EXPECT_THAT(told_apart(list_of({{"lab", {}, "/a"}, {"lab", {}, "/b"}, {"lab", {"-v"}, "/a"}})),
              ElementsAre("without arguments  in /a", "without arguments  in /b", "-v"));
}

TEST(SameNames, OfProcessesThatDifferInNothingAreLeftAlone) {
  EXPECT_THAT(told_apart(list_of({{"lab", {"-v"}}, {"lab", {"-v"}}})), ElementsAre("", ""));
}

std::string text_of(const v1::ListView& list) {
  fmt::memory_buffer out;
  render_list(out, list, {});
  return {out.data(), out.size()};
}

TEST(List, ShowsWhatTellsProcessesApart) {
  const auto text = text_of(list_of({{"lab", {"--port", "\033[2J"}}, {"lab", {}}, {"relay", {"-v"}}}));
  EXPECT_THAT(text, HasSubstr("  lab  --port ?[2J\n"));
  EXPECT_THAT(text, HasSubstr("  lab  without arguments\n"));
  EXPECT_THAT(text, HasSubstr("  relay\n"));
}

TEST(List, ThatIsEmptySaysWhatToDo) {
  const auto text = text_of({});
  for (const auto* part : {"tasks::asio", "tasks stack -p PID --no-hook", "root"}) EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("PPID")));
}

}  // namespace
}  // namespace tasks::cli
