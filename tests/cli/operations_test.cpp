// What tasks are called that have no function of a user's: programs/operations.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// "operations.cpp:31", of the line that ends so.
std::string line_with(const std::string& end) {
  std::ifstream source(TASKS_OPERATIONS_SOURCE);
  std::string line;
  for (int number = 1; std::getline(source, line); ++number)
    if (line.ends_with("// " + end)) return "operations.cpp:" + std::to_string(number);
  ADD_FAILURE() << "no line " << end;
  return {};
}

class Operation : public ::testing::Test {
 protected:
  std::string look(const std::string& view, const std::string& more = "--") {
    return more == "--" ? text({view, target_.pid_text()}) : text({view, target_.pid_text(), more});
  }

  program target_{{program_path("operations")}};
};

TEST_F(Operation, IsNamedWithThePlaceThatAwaitsIt) {
  const auto tree = look("tree");
  EXPECT_THAT(tree, ContainsRegex("─ task [0-9]+  timer.async_wait\\(\\)  awaited at or_timer\\([^\n]*\\) " +
                                  line_with("or_timer") + "  \\[timer, "));
  EXPECT_THAT(look("stack"), ContainsRegex("\ntimer.async_wait\\(\\)\n\tawaited at or_timer\\([^\n]*/" +
                                           line_with("or_timer") + "\n"));
}

TEST_F(Operation, OfAnOperatorIsOneNodeAndItsOperandsAreAwaited) {
  const auto tree = look("tree");
  const auto at = " awaited at nested\\([^\n]*\\) " + line_with("nested");
  EXPECT_THAT(tree, ContainsRegex("├─ task [0-9]+  \\(… \\|\\| …\\) " + at +
                                  "  \\[blocked: tasks\\]\n"
                                  "│  ├─ task [0-9]+  receive\\([^\n]*  awaited\n"
                                  "│  └─ task [0-9]+  timer.async_wait\\(\\) " +
                                  at +
                                  "[^\n]*\n"
                                  "└─ task [0-9]+  receive\\([^\n]*  awaited\n"))
      << tree;
}

TEST_F(Operation, ThatIsAwaitedElsewhereIsAnotherGroup) {
  const auto groups = look("stack", "--group");
  for (const std::string place : {"or_timer", "or_other_timer"})
    EXPECT_THAT(groups, ContainsRegex("\n1 task \\[timer, [^\n]*:\ntimer.async_wait\\(\\)\n\tawaited at " + place +
                                      "\\([^\n]*/" + line_with(place) + "\n"));
}

TEST_F(Operation, InMemoryIsNamedWithWhoAwaitsIt) {
  const auto memory = text({"memory", target_.pid_text(), "--limit", "100"});
  EXPECT_THAT(memory, ContainsRegex("  timer.async_wait\\(\\) awaited at or_timer\\([^\n]* operations.cpp\n"));
  EXPECT_THAT(memory, ContainsRegex("  entry of receive\\([^\n]* operations.cpp\n"));
  EXPECT_THAT(memory, Not(HasSubstr("asio::")));
}

TEST_F(Operation, ThatWasSpawnedHasThatLine) {
  EXPECT_THAT(look("stack"),
              ContainsRegex("\ntimer.async_wait\\(\\)\nspawned at main\\(\\) " + line_with("spawned") + "\n"));
}

TEST_F(Operation, OfATaskThatHasNotBegunIsItsFunctionWhereThatIsKnown) {
  const auto stacks = look("stack");
  // Nobody runs theirs, which is known where malloc is glibc's.
  const std::string ready = "\\[ready(, due: no thread runs its io_context)?\\]:\n";
#if defined(__clang__)
  EXPECT_THAT(stacks, ContainsRegex(ready + "<lambda at operations.cpp:[0-9]+>\nspawned at main\\(\\)"));
#else
  EXPECT_THAT(stacks, ContainsRegex(ready + "main\\(\\)::<lambda\\(\\)>\nspawned at main\\(\\)"));
#endif
  EXPECT_THAT(stacks, ContainsRegex(ready + "<not begun>\nspawned at main\\(\\)"));
}

TEST_F(Operation, ThatIsDetachedIsAwaitedByNobody) {
  EXPECT_THAT(look("tree"), ContainsRegex("spawns_detached\\([^\n]*\n└─ task [0-9]+  receive\\([^\n]*[^d]\n"));
}

TEST_F(Operation, NeverHasALibrarysName) {
  for (const auto* view : {"tree", "stack"}) EXPECT_THAT(look(view), Not(HasSubstr("asio::"))) << view;
  EXPECT_THAT(look("stack", "--group"), Not(HasSubstr("asio::")));
}

}  // namespace
}  // namespace tasks::testing
