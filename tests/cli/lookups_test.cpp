// Names that Asio looks up: who does it, which, for whom, and who waits for a turn; and lookups that keep a worker.

#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// Standalone Asio's program, and Boost's where there is one.
class Lookups : public ::testing::TestWithParam<const char*> {
 protected:
  static program start(const char* how) { return program({program_path(GetParam()), how}); }
};
#if defined(TASKS_TEST_BOOST)
const auto programs = ::testing::Values("lookups", "lookups_boost");
#else
const auto programs = ::testing::Values("lookups");
#endif
INSTANTIATE_TEST_SUITE_P(Of, Lookups, programs, [](const auto& parameter) { return std::string(parameter.param); });

std::vector<v1::ThreadView> resolvers_of(const program& target) {
  std::vector<v1::ThreadView> found;
  const auto seen = view<v1::ThreadsView>({"threads", target.pid_text()});
  for (const auto& thread : seen.threads())
    if (thread.role() == v1::ThreadView::RESOLVER) found.push_back(thread);
  return found;
}

/// Of a task whose lookup asks for `host`.
v1::TaskView task_for(const v1::StackView& stacks, std::string_view host) {
  for (const auto& task : stacks.tasks())
    if (task.has_lookup() && task.lookup().host() == host) return task;
  throw std::runtime_error("no task waits for " + std::string(host));
}

constexpr const char* long_name = "a-rather-long-name-of-a-cache.internal";

TEST_P(Lookups, TheThreadThatDoesOneIsNamedWithWhatItLooksUpAndForWhom) {
  const auto target = start("queue");
  const auto resolvers = resolvers_of(target);
  ASSERT_EQ(resolvers.size(), 1U);
  const auto& lookup = resolvers[0].lookup();
  EXPECT_EQ(lookup.host(), "db.internal");
  EXPECT_EQ(lookup.service(), "5432");
  EXPECT_EQ(lookup.task_id(), task_for(view<v1::StackView>({"stack", target.pid_text()}), "db.internal").id());
  EXPECT_EQ(lookup.tid(), resolvers[0].tid());
  EXPECT_EQ(resolvers[0].queued_lookups(), 3U);
  const auto expected = "\\[resolver, looks up db.internal:5432 for task " + std::to_string(lookup.task_id()) +
                        ", which has waited [<0-9a-z]+; 3 more are queued\\]";
  EXPECT_THAT(text({"threads", target.pid_text()}), ContainsRegex(expected));
  EXPECT_THAT(text({"threads", target.pid_text(), "--no-native"}), ContainsRegex(expected));
}

TEST_P(Lookups, TasksSayWhatTheyWaitForAndBehindWhom) {
  const auto target = start("queue");
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto first = task_for(stacks, "db.internal");
  EXPECT_EQ(first.lookup().before(), 0U);
  EXPECT_TRUE(first.lookup().has_tid());
  const auto second = task_for(stacks, "");
  EXPECT_EQ(second.lookup().service(), "http");
  EXPECT_EQ(second.lookup().before(), 1U);
  const auto third = task_for(stacks, "192.0.2.7");
  EXPECT_TRUE(third.lookup().of_address());
  EXPECT_EQ(third.lookup().service(), "443");
  EXPECT_EQ(third.lookup().before(), 2U);
  const auto fourth = task_for(stacks, long_name);
  EXPECT_EQ(fourth.lookup().before(), 3U);
  EXPECT_EQ(fourth.lookup().task_id(), fourth.id());
  const auto seen = text({"stack", target.pid_text()});
  const auto tid = std::to_string(first.lookup().tid());
  const auto now = ", now db.internal:5432 of task " + std::to_string(first.id()) + "]:";
  EXPECT_THAT(seen, HasSubstr(", db.internal:5432, which thread " + tid + " looks up]:"));
  EXPECT_THAT(seen, HasSubstr(", :http, queued behind 1 lookup" + now));
  EXPECT_THAT(seen, HasSubstr(", the name of 192.0.2.7:443, queued behind 2 lookups" + now));
  EXPECT_THAT(text({"tree", target.pid_text()}), HasSubstr("queued behind 3 lookups, now db.internal:5432"));
}

TEST_P(Lookups, WhySaysWhichIsDoneNow) {
  const auto target = start("queue");
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto first = task_for(stacks, "db.internal"), last = task_for(stacks, long_name);
  const auto tid = std::to_string(first.lookup().tid());
  EXPECT_THAT(text({"why", "-p", target.pid_text(), std::to_string(first.id())}),
              AllOf(HasSubstr("\nwaits for db.internal:5432 to be looked up\n"),
                    HasSubstr("\nthread " + tid + " looks it up, which nothing can cancel\n"),
                    HasSubstr("\n3 more are queued behind it\n")));
  EXPECT_THAT(text({"why", "-p", target.pid_text(), std::to_string(last.id())}),
              AllOf(HasSubstr("\nqueued behind 3 lookups\n"),
                    HasSubstr("\nthread " + tid + " looks up db.internal:5432 now, for which task " +
                              std::to_string(first.id()) + " has waited ")));
}

TEST_P(Lookups, VitalsSayWhatHoldsUpTheOthers) {
  const auto target = start("queue");
  wait_until_shown({"vitals", target.pid_text()}, "! lookups: 3 are queued behind db.internal:5432, for which task ");
}

TEST_P(Lookups, ReportAndDirectSayTheSame) {
  const auto target = start("queue");
  EXPECT_THAT(text({"report", target.pid_text()}),
              AllOf(HasSubstr("[resolver, looks up db.internal:5432 for task "),
                    HasSubstr(std::string(", ") + long_name + ":6379, queued behind 3 lookups")));
  EXPECT_THAT(text({"stack", target.pid_text(), "--direct"}), HasSubstr("queued behind 3 lookups"));
}

TEST_P(Lookups, OfOneResolverEachGoesToItsTask) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "whose task an operation is is told by blocks of glibc's malloc";
#endif
  const auto target = start("shared");
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto first = task_for(stacks, "db.internal"), last = task_for(stacks, long_name);
  EXPECT_LT(first.id(), last.id());
  EXPECT_EQ(last.lookup().before(), 1U);
}

TEST_P(Lookups, InAGroupTheLookupIsNamedToo) {
  const auto target = start("group");
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  EXPECT_LT(task_for(stacks, "db.internal").id(), task_for(stacks, long_name).id());
  EXPECT_THAT(text({"stack", target.pid_text()}), ContainsRegex("resolve[^\n]*, db.internal:5432, which thread "));
}

TEST_P(Lookups, ThatOfACallbackHasNoTask) {
  const auto target = start("callback");
  const auto resolvers = resolvers_of(target);
  ASSERT_EQ(resolvers.size(), 1U);
  EXPECT_EQ(resolvers[0].lookup().host(), "db.internal");
  EXPECT_FALSE(resolvers[0].lookup().has_task_id());
  EXPECT_THAT(text({"threads", target.pid_text()}),
              HasSubstr("[resolver, looks up db.internal:5432; 1 more is queued]"));
  EXPECT_THAT(text({"stack", target.pid_text()}), HasSubstr(":6379, queued behind 1 lookup, now db.internal:5432]:"));
}

TEST_P(Lookups, AResolverWithoutWorkIsIdle) {
  const auto target = start("idle");
  wait_until_shown({"threads", target.pid_text()}, "[resolver, idle]");
  const auto resolvers = resolvers_of(target);
  ASSERT_EQ(resolvers.size(), 1U);
  EXPECT_TRUE(resolvers[0].idle());
  EXPECT_FALSE(resolvers[0].has_lookup());
  EXPECT_THAT(text({"vitals", target.pid_text()}), Not(HasSubstr("lookup")));
}

TEST_P(Lookups, AWorkerThatLooksUpIsStalled) {
  const auto target = start("worker");
  wait_until_shown({"vitals", target.pid_text()}, "! stalled: ");
  const auto seen = text({"vitals", target.pid_text()});
  EXPECT_THAT(seen, ContainsRegex("! stalled: worker [0-9]+ has run task [0-9]+ for [0-9a-z]+, and looks up a name "
                                  "\\(getaddrinfo\\)  [^\n]*look_up_at_once[^\n]*lookups\\.cpp:[0-9]+"));
  EXPECT_THAT(seen, Not(HasSubstr("blocked in")));
  EXPECT_THAT(text({"threads", target.pid_text()}),
              ContainsRegex("\\[runs task [0-9]+, [<0-9a-z]+, looks up a name \\(getaddrinfo\\)\\]"));
  const auto leaks = run({tasks_executable(), "leaks", target.pid_text()});
  EXPECT_EQ(leaks.end.code, 3) << leaks.out;
  EXPECT_THAT(leaks.out, AllOf(HasSubstr("looks up a name (getaddrinfo)"), Not(HasSubstr("usual fix"))));
  EXPECT_TRUE(resolvers_of(target).empty());
}

}  // namespace
}  // namespace tasks::testing
