// Coroutines of libraries that tasks knows nothing of: their stacks and lines.

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// clang moves all of a coroutine that begins at once into who makes it, if that is optimized, but for what comes after
/// its only suspend point. Nothing of the body says then where that is.
#if defined(__clang__)
constexpr std::string_view untold = "coroutines_2";
#else
constexpr std::string_view untold = "none of these";
#endif

/// The one line of the program that contains `code`.
std::string at(std::string_view function, std::string_view code) {
  return place(function, TASKS_COROUTINES_SOURCE, code);
}

class Coroutines : public ::testing::TestWithParam<const char*> {
 protected:
  Coroutines() : target_({program_path(GetParam())}), seen_(view<v1::StackView>({"stack", target_.pid_text()})) {}

  [[nodiscard]] std::vector<v1::TaskView> in(std::string_view function) const { return tasks_in(seen_, function); }

  program target_;
  v1::StackView seen_;
};
INSTANTIATE_TEST_SUITE_P(Of, Coroutines, ::testing::Values("coroutines_0", "coroutines_2"));

TEST_P(Coroutines, AreAllThere) { EXPECT_EQ(seen_.tasks_size(), 8); }

TEST_P(Coroutines, ThatAreLazyLeadToWhoeverAwaitsThem) {
  const auto rows = in("reads_row");
  ASSERT_EQ(rows.size(), 3U);
  int queries = 0;
  for (const auto& each : rows) {
    if (each.awaited()) continue;
    ++queries;
    EXPECT_THAT(places(each), ElementsAre(at("reads_row", "co_await happens;  // of a row"),
                                          at("reads_table", "co_await reads_row(number)"),
                                          at("answers_query", "co_await reads_table(7)")));
    EXPECT_EQ(each.state(), v1::Task::BLOCKED);
    EXPECT_EQ(each.wait().kind(), v1::Wait::OTHER);
  }
  EXPECT_EQ(queries, 1);
}

TEST_P(Coroutines, ThatBeganAtOnceLeadToWhoCameLater) {
  const auto pages = in("loads_page");
  ASSERT_EQ(pages.size(), 1U);
  if (GetParam() == untold)
    EXPECT_THAT(places(pages[0]), ElementsAre("loads_page :0", "renders_page :0"));
  else
    EXPECT_THAT(places(pages[0]),
                ElementsAre(at("loads_page", "co_await happens;  // of a page"), at("renders_page", "co_await page")));
}

TEST_P(Coroutines, WithAnExecutorBeforeTheirAwaiterLeadToThat) {
  const auto entries = in("stores_entry");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_THAT(places(entries[0]), ElementsAre(at("stores_entry", "co_await happens;  // of an entry"),
                                              at("stores_log", "co_await stores_entry()")));
}

TEST_P(Coroutines, ThatAreAwaitedTogetherAreStacksOfTheirOwn) {
  const auto all = in("fetches_all");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].wait().kind(), v1::Wait::TASKS);
  EXPECT_THAT(places(all[0]), ElementsAre(at("fetches_all", "co_await shards")));
  int members = 0;
  for (const auto& each : in("reads_row")) {
    if (each.parent_id() != all[0].id()) continue;
    ++members;
    EXPECT_THAT(places(each), ElementsAre(at("reads_row", "co_await happens;  // of a row"),
                                          at("fetches", "co_await reads_row(shard)")));
  }
  EXPECT_EQ(members, 2);
}

TEST_P(Coroutines, ThatHandOutValuesStandWhereTheyDid) {
  const auto numbers = in("counts_up");
  ASSERT_EQ(numbers.size(), 1U);
  EXPECT_THAT(places(numbers[0]), ElementsAre(at("counts_up", "co_yield i")));
}

TEST_P(Coroutines, ThatNobodyAwaitsAreAlone) {
  const auto beats = in("beats");
  ASSERT_EQ(beats.size(), 1U);
  EXPECT_THAT(places(beats[0]),
              ElementsAre(GetParam() == untold ? "beats :0" : at("beats", "co_await happens;  // of a beat")));
}

TEST_P(Coroutines, AreDrawnAsATree) {
  EXPECT_THAT(text({"tree", target_.pid_text()}), HasSubstr("coroutines::fetches_all()"));
}

}  // namespace
}  // namespace tasks::testing
