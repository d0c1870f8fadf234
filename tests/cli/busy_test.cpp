// Tasks that never rest, in every view that a user would look at, and who resumes them.

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

program busy_program(const std::string& how) {
  program target({program_path("busy"), how});
  wait_until_shown({"vitals", target.pid_text()}, "! busy: task ");
  return target;
}

std::vector<v1::TaskView> busy_of(const v1::StackView& stacks) {
  std::vector<v1::TaskView> busy;
  std::copy_if(stacks.tasks().begin(), stacks.tasks().end(), std::back_inserter(busy),
               [](const v1::TaskView& task) { return task.has_busy(); });
  return busy;
}

/// As soon as a look finds so many: one during which the machine gives them no turn sees none of their resumptions.
std::vector<v1::TaskView> busy_in(const program& target, std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + guard;
  for (;;) {
    auto busy = busy_of(view<v1::StackView>({"stack", target.pid_text()}));
    if (busy.size() == count || std::chrono::steady_clock::now() > deadline) return busy;
  }
}

/// The part of a text from the line that begins so.
std::string from_line(const std::string& all, const std::string& begin) {
  const auto at = all.find("\n" + begin);
  return at == std::string::npos ? "" : all.substr(at + 1);
}

TEST(Busy, EachViewSaysSoInsteadOfAWaitThatNeverLasts) {
  const auto target = busy_program("post");
  const auto pid = target.pid_text();
  const auto stacks = view<v1::StackView>({"stack", pid});
  const auto busy = busy_of(stacks);
  ASSERT_EQ(busy.size(), 1U);
  EXPECT_THAT(places(busy[0]).front(), StartsWith("poll_queue busy.cpp:"));
  EXPECT_FALSE(busy[0].has_wait());
  EXPECT_GE(busy[0].busy().resumptions_per_second(), 10'000);
  const auto id = std::to_string(busy[0].id());
  EXPECT_THAT(from_line(text({"stack", pid}), "task " + id), StartsWith("task " + id + " [busy, "));
  EXPECT_THAT(text({"stack", pid, "--group"}), AllOf(HasSubstr("1 task [busy, "), HasSubstr("200 tasks [timer, ")));
  EXPECT_THAT(from_line(text({"tree", pid}), "task " + id), HasSubstr("[busy, "));
  EXPECT_THAT(text({"why", pid, id}),
              AllOf(HasSubstr("[busy, "), HasSubstr("\nis resumed "), Not(HasSubstr("its turn"))));
  const auto report = text({"report", pid});
  EXPECT_THAT(report, AllOf(HasSubstr("! busy: task " + id + ", "), HasSubstr("1 task [busy, "),
                            HasSubstr("\ntask " + id + " [busy, "), HasSubstr("[worker, resumes task " + id + " ")));
}

TEST(Busy, AListMarksTheProcess) {
  const auto target = busy_program("post");
  wait_until_shown({"list"}, target.pid_text() + "*!");
  const auto list = run({tasks_executable(), "list", "--json"});
  EXPECT_THAT(list.out, HasSubstr("\"busy: task 201, "));
}

TEST(Busy, ThreadsSayInHowManyLooksTheyHadResumedIt) {
  const auto target = busy_program("post");
  EXPECT_THAT(text({"threads", target.pid_text()}),
              AllOf(HasSubstr("[worker, resumes task 201 "), HasSubstr(" times/s, busy::poll_queue() busy.cpp:"),
                    HasSubstr("; in 100 looks it had resumed it since the last one in ")));
  const auto threads = view<v1::ThreadsView>({"threads", target.pid_text()});
  int resuming = 0;
  for (const auto& thread : threads.threads()) {
    if (thread.resumes().empty()) continue;
    ++resuming;
    EXPECT_EQ(thread.role(), v1::ThreadView::WORKER);
    ASSERT_EQ(thread.resumes_size(), 1);
    ASSERT_EQ(thread.resumes(0).resumed_by_size(), 1);
    const auto& by = thread.resumes(0).resumed_by(0);
    EXPECT_EQ(by.thread(), thread.target_tid());
    EXPECT_GE(by.looks(), 1U);
    EXPECT_LE(by.looks(), thread.resumes(0).looks());
    EXPECT_LE(by.looks_that_it_ran(), by.looks());
  }
  EXPECT_EQ(resuming, 1);
}

TEST(Busy, OfAPoolEachWorkerThatResumesItIsNamed) {
  const auto target = busy_program("pool");
  const auto threads = view<v1::ThreadsView>({"threads", target.pid_text()});
  std::uint32_t looks = 0, seen = 0;  // in all
  for (const auto& thread : threads.threads()) {
    if (thread.resumes().empty()) continue;
    EXPECT_EQ(thread.role(), v1::ThreadView::WORKER);
    EXPECT_EQ(thread.resumes(0).task_id(), 201U);
    looks = thread.resumes(0).looks();
    for (const auto& by : thread.resumes(0).resumed_by())
      if (by.thread() == thread.target_tid()) seen += by.looks();
  }
  EXPECT_GE(seen, 1U);
  EXPECT_LE(seen, looks);
  EXPECT_EQ(busy_in(target, 1).size(), 1U);
}

TEST(Busy, ATimerThatHasExpiredIsNoRest) {
  const auto target = busy_program("timer");
  const auto busy = busy_in(target, 1);
  ASSERT_EQ(busy.size(), 1U);
  EXPECT_THAT(places(busy[0]).front(), StartsWith("poll_clock busy.cpp:"));
  wait_until_shown({"list"}, target.pid_text() + "*!");
}

TEST(Busy, TasksThatPassANumberToAndFroAre) {
  const auto target = busy_program("channel");
  const auto busy = busy_in(target, 2);
  ASSERT_EQ(busy.size(), 2U);
  EXPECT_THAT(places(busy[0]).front(), StartsWith("serve busy.cpp:"));
  EXPECT_THAT(places(busy[1]).front(), StartsWith("return_it busy.cpp:"));
  EXPECT_THAT(text({"why", target.pid_text(), std::to_string(busy[0].id())}), HasSubstr("\nis resumed "));
}

TEST(Busy, WhatComesFromOutsideOrSlowlyIsWaitedFor) {
  for (const auto* how : {"fed", "paced"}) {
    const program target({program_path("busy"), how});
    for (int look = 0; look < 5; ++look) {
      const auto seen = view<v1::VitalsView>({"vitals", target.pid_text()});
      for (const auto& each : seen.busy()) EXPECT_GE(each.resumptions_per_second(), 200'000) << how;
    }
    EXPECT_THAT(text({"list"}), Not(HasSubstr(target.pid_text() + "*!"))) << how;
  }
}

}  // namespace
}  // namespace tasks::testing
