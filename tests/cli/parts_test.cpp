// What a task is said to wait for whose operation has several parts, one after the other or at once:
// programs/groups.cpp, composed.cpp, composed_of_asio.cpp and beast.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// The first line of the task with this function among its frames.
std::string line_of(const std::string& text, const std::string& function) {
  const auto at = text.find("\n" + function + "(");
  if (at == text.npos) return "no " + function + " in " + text;
  const auto begin = text.rfind("task ", at);
  return text.substr(begin, text.find('\n', begin) - begin);
}

class Groups : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] std::string stack() const {
    std::vector<std::string> command{"stack", target_.pid_text()};
    if (*GetParam() != 0) command.emplace_back(GetParam());
    return text(command);
  }
  program target_{{program_path("groups")}};
};

TEST_P(Groups, AReplyThatHasComeIsNotWhatATaskWaitsFor) {
  EXPECT_THAT(line_of(stack(), "at_least"), ContainsRegex("\\[timer, .*, expires in .*; 1 of 2 has ended\\]"));
}

TEST_P(Groups, ATimerThatWasCancelledIsNotWhatATaskWaitsFor) {
  const auto line = line_of(stack(), "keeps_for");
  EXPECT_THAT(line, ContainsRegex("\\[timer, .*, expires in .*; 1 of 2 has ended\\]"));
  EXPECT_THAT(line, Not(HasSubstr("never")));
}

TEST_P(Groups, WhatIsLeftOfAGroupIsTheTaskThatItSpawned) {
  const auto all = stack();
  EXPECT_THAT(line_of(all, "session"), ContainsRegex("\\[blocked: tasks, .*; 1 of 2 has ended\\]"));
  EXPECT_THAT(line_of(all, "reads"), HasSubstr("[socket read, "));
}

TEST_P(Groups, ASocketComesBeforeTheChannelAndTheTimerBesideIt) {
  EXPECT_THAT(
      line_of(stack(), "both"),
      ContainsRegex("\\[socket read, .*, fd [0-9]+ 127.0.0.1:[0-9]+; channel receive; timer, expires in .*\\]"));
}

TEST_P(Groups, AnOperationThatIsNotAsiosHasTheNameOfWhatBeganIt) {
  EXPECT_THAT(line_of(stack(), "acquires"),
              ContainsRegex("\\[(pool::async_acquire\\(\\)|<lambda at groups.cpp:[0-9]+>), <?[0-9]"));
}

INSTANTIATE_TEST_SUITE_P(Of, Groups, ::testing::Values("", "--direct"),
                         [](const auto& chosen) { return *chosen.param == 0 ? "TheAgent" : "Memory"; });

TEST(GroupsOfTasks, WhyAndTheAlarmLookAtWhatPends) {
  const program target({program_path("groups")});
  EXPECT_FALSE(view<v1::VitalsView>({"vitals", target.pid_text()}).all_on_channels());
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  for (const auto& task : stacks.tasks()) {
    if (place(task.frames(0)).find("both") == std::string::npos) continue;
    EXPECT_EQ(task.members(), 3u);
    ASSERT_EQ(task.also_size(), 2);
    EXPECT_EQ(task.also(0).kind(), v1::Wait::CHANNEL_RECEIVE);
    EXPECT_EQ(task.also(0).capacity(), 5u);
    EXPECT_TRUE(task.also(1).has_expires_in_seconds());
  }
}

#if defined(TASKS_TEST_COMPOSED)

class Composed : public ::testing::Test {
 protected:
  Composed() {
    std::istringstream line(target_.read_line());
    line >> websocket_ >> tls_ >> nobody_;
    text_ = text({"stack", target_.pid_text()});
  }
  program target_{{program_path("composed")}};
  std::string websocket_, tls_, nobody_, text_;
};

TEST_F(Composed, AWebsocketThatReadsIsOnItsSocket) {
  EXPECT_THAT(line_of(text_, "receives"),
              ContainsRegex("\\[socket read, .*, fd [0-9]+ 127.0.0.1:" + websocket_ + "[],]"));
}

TEST_F(Composed, ACloseThatIsParkedBehindAReadWaitsForNoSocket) {
  EXPECT_THAT(line_of(text_, "closes"), HasSubstr("[stream.async_close(), "));
}

TEST_F(Composed, AShutdownOfTlsReadsWhatThePeerOwes) {
  EXPECT_THAT(line_of(text_, "hangs_up"), ContainsRegex("\\[socket read, .*, fd [0-9]+ 127.0.0.1:" + tls_ + "\\]"));
}

TEST_F(Composed, AStreamsTimeOutStandsBesideItsSocket) {
  EXPECT_THAT(line_of(text_, "reads_with_time_out"),
              ContainsRegex("\\[socket read, .*, fd [0-9]+ 127.0.0.1:" + nobody_ + ", times out in .*\\]"));
}

#endif

/// What is shown of a task of a program whose tasks await one composed operation each.
struct awaited {
  const char* task;
  const char* shown;
};

std::string lines_of(const char* name) {
  const program target({program_path(name)});
  return text({"stack", target.pid_text()});
}

void expect_shown(const std::string& stack, std::initializer_list<awaited> tasks) {
  for (const auto& [task, shown] : tasks) EXPECT_THAT(line_of(stack, task), ContainsRegex(shown)) << task;
}

[[maybe_unused]] void expect_parts_of_asio(const char* name) {
  expect_shown(lines_of(name), {{"promise_of_timer", "\\[promise\\.async_wait\\(\\), "},
                                {"promise_after_channel", "\\[promise\\.async_wait\\(\\), "},
                                {"coro_that_goes_on", "\\[timer, .*, expires in "},
                                {"composed", "\\[channel receive, [^;]*\\]"},
                                {"tls_handshake", "\\[socket read, .*, fd [0-9]+ 127.0.0.1:[0-9]+\\]"},
                                {"tls_read", "\\[socket read, .*, fd [0-9]+ 127.0.0.1:[0-9]+\\]"},
                                {"tls_write", "\\[socket write, .*, fd [0-9]+ 127.0.0.1:[0-9]+\\]"},
                                {"reads_until", "\\[socket read, .*, fd [0-9]+ 127.0.0.1:[0-9]+\\]"},
                                {"group", "\\[channel receive, [^;]*; timer, expires in [^;]*\\]"}});
}

TEST(Parts, OfOperationsOfAsioAreThoseThatPend) {
#ifdef TASKS_TEST_PARTS_OF_ASIO
  expect_parts_of_asio("composed_of_asio");
#else
  GTEST_SKIP() << "no OpenSSL";
#endif
}

TEST(Parts, OfAPromiseAreNotKnownAndItIsAsiosOwn) {
#ifdef TASKS_TEST_PARTS_OF_ASIO
  const program target({program_path("composed_of_asio")});
  const auto line = line_of(text({"stack", target.pid_text()}), "promise_of_timer");
  const auto id = line.substr(5, line.find(' ', 5) - 5);
  EXPECT_THAT(text({"why", target.pid_text(), id}), HasSubstr("waits for promise.async_wait(): "));
#else
  GTEST_SKIP() << "no OpenSSL";
#endif
}

TEST(Parts, OfOperationsOfANewerAsioAreThoseThatPend) {
#ifdef TASKS_TEST_PARTS_OF_NEWER_ASIO
  expect_parts_of_asio("composed_of_newer_asio");
#else
  GTEST_SKIP() << "no OpenSSL, or no newer Asio: set TASKS_NEWER_ASIO";
#endif
}

#if defined(TASKS_TEST_COMPOSED)

TEST(Parts, OfBeastsOperationsHaveItsTimeOutsBesideThem) {
  constexpr auto read = "\\[socket read, .*, fd [0-9]+ 127.0.0.1:[0-9]+, times out in (1h|59m)";
  constexpr auto write = "\\[socket write, .*, fd [0-9]+ 127.0.0.1:[0-9]+, times out in (1h|59m)";
  expect_shown(lines_of("beast"), {{"reads_message", read},
                                   {"reads_rest_of_message", read},
                                   {"reads_message_of_tls", read},
                                   {"writes_message", write},
                                   {"shakes_hands_of_tls", read},
                                   {"shakes_hands", read},
                                   {"shakes_hands_of_stream", read},
                                   // The websocket's own time-out comes first.
                                   {"shakes_hands_in_time", "\\[socket read, .*, times out in (20m|19m)"},
                                   // At its time-out it pings.
                                   {"reads_websocket", "\\[socket read, .*, fd [0-9]+ 127.0.0.1:[0-9]+\\]"}});
}

#endif

}  // namespace
}  // namespace tasks::testing
