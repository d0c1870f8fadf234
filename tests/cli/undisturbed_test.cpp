// A look disturbs nothing: whatever becomes of `tasks`, no thread of the target stays stopped, no signal is lost, no
// system call returns EINTR that would not have, and who was stopped by a signal stays so.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/threads_of.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using words = std::vector<std::string>;

class Look : public ::testing::TestWithParam<words> {
 protected:
  using counts = std::map<std::string, int>;

  /// What it has counted, when signals have come since.
  counts ask() {
    auto seen = ask_once();
    const int enough = seen["received"] + 16;  // more than are on their way at a time
    wait_for("signals to come", [&] { return (seen = ask_once())["received"] >= enough; });
    return seen;
  }

  counts ask_once() {
    target_.write("?\n");
    std::istringstream pairs(target_.read_until("counts "));
    counts seen;
    for (std::string pair; pairs >> pair;)
      seen[pair.substr(0, pair.find('='))] = std::stoi(pair.substr(pair.find('=') + 1));
    return seen;
  }

  [[nodiscard]] outcome look(environment more = {}) const {
    words command{tasks_executable()};
    command.insert(command.end(), GetParam().begin(), GetParam().end());
    command.push_back(target_.pid_text());
    more.push_back("LD_PRELOAD=" TASKS_SENT_AT_CALL);
    return run(command, more);
  }

  /// How often a look that nobody ends calls: the next may more often, or less.
  [[nodiscard]] int count_calls(environment more = {}) const {
    char name[] = "/tmp/tasks-test-XXXXXX";
    ::close(::mkstemp(name));
    more.push_back("TASKS_TEST_CALLS=" + std::string(name));
    EXPECT_EQ(look(more).end.signal, 0);
    int calls = 0;
    std::ifstream(name) >> calls;
    fs::remove(name);
    EXPECT_GT(calls, 0);
    return calls;
  }

  /// False: the look was over before.
  [[nodiscard]] bool look_and_send_to_target(int at, int signal) const {
    return count_calls({"TASKS_TEST_TO=" + target_.pid_text(), "TASKS_TEST_AT=" + std::to_string(at),
                        "TASKS_TEST_SEND=" + std::to_string(signal)}) >= at;
  }

  [[nodiscard]] outcome look_and_send(int at, int signal, environment more = {}) const {
    more.push_back("TASKS_TEST_AT=" + std::to_string(at));
    more.push_back("TASKS_TEST_SEND=" + std::to_string(signal));
    return look(more);
  }

  void expect_that_it_goes_on() const {
    const auto seen = states_of(target_.pid());
    EXPECT_EQ(seen.letters.find_first_of("tT"), std::string::npos) << seen.letters;
    EXPECT_FALSE(seen.is_traced);
  }

  /// `allowed`: calls that may have returned EINTR.
  void expect_undisturbed(const counts& seen, const words& allowed = {}) const {
    for (const auto& [name, count] : seen) {
      if (name == "received" || (count != 0 && std::find(allowed.begin(), allowed.end(), name) != allowed.end()))
        continue;
      EXPECT_EQ(count, 0) << name;
    }
  }

  program target_{{program_path("interruptions")}};
};

const words no_hook{"stack", "--no-hook"}, leaks{"leaks"}, threads{"threads"}, stack{"stack"}, report{"report"};
INSTANTIATE_TEST_SUITE_P(By, Look, ::testing::Values(leaks, no_hook, threads, stack, report), [](const auto& of) {
  return of.param.front() + (of.param.size() > 1 ? "_without_hook" : "");
});

/// Where the look is killed between the stop of a thread and its being told to go on waiting, these return EINTR.
const words begun_anew_by_us{"epoll_timed", "recv_timed", "sigtimedwait", "epoll_wait", "sigwaitinfo"};
#if defined(__x86_64__)
/// The kernel has no other way for them: a call with a time-out of which nobody knows what is left. They do as after
/// SIGSTOP and SIGCONT.
const words with_time_out{"epoll_timed", "recv_timed", "sigtimedwait"};
#else
const words& with_time_out = begun_anew_by_us;  // nobody can tell them
#endif

TEST_P(Look, ThatEndsLeavesThemAsTheyWere) {
  for (int i = 0; i < 3; ++i) {
    const auto seen = look();
    EXPECT_EQ(seen.end.signal, 0) << seen.err;
    expect_that_it_goes_on();
  }
  // Who proves something stops those that sleep.
  expect_undisturbed(ask(), GetParam() == leaks || GetParam() == report ? with_time_out : words{});
  EXPECT_EQ(target_.stop(), (ending{0, 0}));
}

/// Each time another call is the last one, from the first to the last.
TEST_P(Look, ThatIsKilledAnywhereLeavesThemAsTheyWere) {
  const int calls = count_calls();
  constexpr int points = 12;
  int killed = 0;
  for (int i = 0; i < points; ++i) {
    const auto seen = look_and_send(1 + calls * i / points, SIGKILL);
    killed += seen.end.signal == SIGKILL ? 1 : 0;
    expect_that_it_goes_on();
  }
  EXPECT_GE(killed, points / 2);
  expect_undisturbed(ask(), begun_anew_by_us);
  EXPECT_EQ(target_.stop(), (ending{0, 0}));
}

TEST_P(Look, ThatIsEndedBySignalsLeavesThemAsTheyWere) {
  const int calls = count_calls();
  for (const int signal : {SIGINT, SIGHUP, SIGTERM})
    for (const int part : {1, 2, 3}) {
      const auto seen = look_and_send(calls * part / 4, signal);
      expect_that_it_goes_on();
    }
  expect_undisturbed(ask(), begun_anew_by_us);
  EXPECT_EQ(target_.stop(), (ending{0, 0}));
}

/// A stop is asked for, and what comes first is a signal, of which the kernel forgets what a tracer has taken.
TEST_P(Look, ThatIsKilledWhileASignalIsDeliveredLosesNone) {
  const environment first{"TASKS_TEST_FIRST=signals"};
  const int calls = count_calls(first);
  constexpr int points = 24;
  for (int i = 0; i < points; ++i) {
    static_cast<void>(look_and_send(1 + calls * i / points, SIGKILL, first));
    expect_that_it_goes_on();
  }
  expect_undisturbed(ask(), begun_anew_by_us);
  EXPECT_EQ(target_.stop(), (ending{0, 0}));
}

TEST_P(Look, ThatIsKilledLeavesAStoppedProcessStopped) {
  target_.suspend();
  const int calls = count_calls();
  constexpr int points = 4;
  for (int i = 0; i < points; ++i) {
    static_cast<void>(look_and_send(1 + calls * i / points, SIGKILL));
    wait_for("all to be stopped again", [&] { return is_stopped(target_.pid()); });
    EXPECT_FALSE(states_of(target_.pid()).is_traced);
  }
  target_.send_signal(SIGCONT);
  EXPECT_EQ(ask()["lost"], 0);
  expect_that_it_goes_on();
  EXPECT_EQ(target_.stop(), (ending{0, 0}));
}

TEST_P(Look, DoesNotKeepFromItWhatStopsItOrHasItGoOn) {
  const int calls = count_calls();
  int stopped = 0;
  for (const int part : {1, 2, 3}) {
    if (look_and_send_to_target(calls * part / 4, SIGSTOP)) {
      wait_for("all to be stopped", [&] { return is_stopped(target_.pid()); });
      ++stopped;
    } else {
      target_.suspend();
    }
    if (!look_and_send_to_target(calls * part / 4, SIGCONT)) target_.send_signal(SIGCONT);
    wait_for("all to go on", [&] { return states_of(target_.pid()).letters.find('T') == std::string::npos; });
    expect_that_it_goes_on();
  }
  EXPECT_GT(stopped, 0);
  EXPECT_EQ(ask()["lost"], 0);
  EXPECT_EQ(target_.stop(), (ending{0, 0}));
}

}  // namespace
}  // namespace tasks::testing
