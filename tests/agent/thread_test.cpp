// The agent's thread: which kind it is, and how it gets on with what its host and the kernel allow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "support/agent_client.hpp"

namespace tasks::testing {
namespace {

// The programs, that is, which may be another build's.
#if defined(TASKS_TEST_SANITIZED_PROGRAMS)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#if defined(__x86_64__)
constexpr bool has_bare_threads = !sanitized;
#else
constexpr bool has_bare_threads = false;
#endif

std::string ask_host(program& host, const std::string& command) {
  host.write(command + "\n");
  return host.read_line();
}

std::string path_of(const temporary_directory& dir, const program& host) { return dir.path() + "/" + host.pid_text(); }

TEST(Thread, LeavesAProgramWithoutPrivilegesSingleThreaded) {
  if (sanitized) GTEST_SKIP() << "sanitizers have threads of their own";
  const temporary_directory dir;
  std::vector<std::string> words{program_path("agent_host"), "--tasks", "3"};
  if (geteuid() == 0) {
    ASSERT_EQ(::chown(dir.path().c_str(), 65534, 65534), 0);
    words.insert(words.end(), {"--user", "65534"});
  }
  program host(words, {dir.variable(), "TASKS_AGENT_THREAD"});
  EXPECT_EQ(ask_host(host, "single_threaded"), has_bare_threads ? "1" : "0");
  const auto seen = ask(path_of(dir, host), vitals_request());
  EXPECT_EQ(seen.vitals->tasks(), 3u);
  EXPECT_EQ(seen.vitals->os_threads(), 2u);
  EXPECT_EQ(ask_host(host, "stop"), "9 0 ");
  EXPECT_EQ(ask_host(host, "start"), "2 0 " + path_of(dir, host));
  EXPECT_EQ(ask_host(host, "single_threaded"), has_bare_threads ? "1" : "0");
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

TEST(Thread, IsOneThatLibcTellsWherePrivilegesMayBeDropped) {
  if (geteuid() != 0) GTEST_SKIP() << "this is not root";
  const temporary_directory dir;
  program host({program_path("agent_host")}, {dir.variable(), "TASKS_AGENT_THREAD"});
  EXPECT_EQ(ask_host(host, "single_threaded"), "0");
  ASSERT_EQ(ask_host(host, "drop_privileges"), "0");
  EXPECT_EQ(
      run({"sh", "-c", "cat /proc/" + host.pid_text() + "/task/*/status | grep ^Uid: | grep -vc 65534.65534.65534"})
          .out,
      "0\n");
}

TEST(Thread, EndsWithTheProgramsLast) {
  if (!has_bare_threads) GTEST_SKIP() << "a pthread goes on";
  const temporary_directory dir;
  program host({program_path("agent_host"), "--tasks", "3"}, {dir.variable(), "TASKS_AGENT_THREAD=bare"});
  ASSERT_EQ(ask_host(host, "leave_main"), "left");
  EXPECT_TRUE(ask(path_of(dir, host), vitals_request()).vitals.has_value());
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

class EitherThread : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] environment variables() const {
    return {dir_.variable(), std::string("TASKS_AGENT_THREAD=") + GetParam()};
  }

  temporary_directory dir_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, EitherThread, ::testing::Values("bare", "pthread"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(EitherThread, WithoutMemoryClosesConnectionsAndGoesOn) {
  if (sanitized) GTEST_SKIP() << "sanitizers need memory";
  program host({program_path("agent_host"), "--tasks", "20000"}, variables());
  const auto path = path_of(dir_, host);
  for (int round = 0; round < 3; ++round) {
    agent_client idle(path);
    idle.hello();
    EXPECT_EQ(ask(path, vitals_request(true)).vitals->tasks(), 20000u);
    ASSERT_EQ(ask_host(host, "limit_memory"), "0");
    agent_client reader(path);
    try {
      reader.hello();
      reader.send(stacks_request());
      while (const auto part = reader.receive()) ASSERT_FALSE(part->has_trailer());
    } catch (const std::exception&) {  // closed before it could ask
    }
    EXPECT_EQ(ask_host(host, "status"), "2 0 " + path);
    ASSERT_EQ(ask_host(host, "free_memory"), "0");
    EXPECT_FALSE(idle.receive().has_value());
    EXPECT_EQ(ask(path, stacks_request()).trailer->shown(), 20000u);
    // A new thread has nothing left from the time before.
    EXPECT_EQ(ask_host(host, "stop"), "9 0 ");
    EXPECT_EQ(ask_host(host, "start"), "2 0 " + path);
  }
  EXPECT_EQ(ask_host(host, "stop"), "9 0 ");
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_P(EitherThread, IsNotWaitedForWhereASandboxEndsIt) {
  if (sanitized) GTEST_SKIP() << "under ThreadSanitizer it asks for nothing that is forbidden here";
  program host({program_path("agent_host"), "--no-unshare"}, variables());
  EXPECT_EQ(ask_host(host, "status"), "7 1 ");
  EXPECT_THROW(agent_client{path_of(dir_, host)}, std::system_error);
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_P(EitherThread, MayBeEndedByASandboxWhileItServes) {
  if (sanitized) GTEST_SKIP() << "sanitizers have threads of their own";
  program host({program_path("agent_host")}, variables());
  agent_client reader(path_of(dir_, host));
  reader.hello();
  ASSERT_EQ(ask_host(host, "forbid_poll"), "0");
  reader.send(vitals_request());
  while (reader.receive().has_value()) continue;
  while (run({"sh", "-c", "ls /proc/" + host.pid_text() + "/task | wc -l"}).out != "1\n") continue;
  EXPECT_EQ(ask_host(host, "stop"), "9 0 ");
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_P(EitherThread, LeavesNothingToChildrenThatAreForkedWhileItStarts) {
  if (sanitized) GTEST_SKIP() << "under ThreadSanitizer it has no table of descriptors of its own";
  program host({program_path("agent_host"), "--no-agent"}, variables());
  EXPECT_EQ(ask_host(host, "fork_while_starting"), "0");
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_P(EitherThread, LetsHandlersFork) {
  if (sanitized) GTEST_SKIP() << "ThreadSanitizer puts handlers off";
  program host({program_path("agent_host")}, variables());
  EXPECT_EQ(ask_host(host, "fork_in_handlers"), "0");
  EXPECT_EQ(ask_host(host, "status"), "2 0 " + path_of(dir_, host));
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_P(EitherThread, IsThereAgainWhenMoreDescriptorsAreAllowed) {
  program host({program_path("agent_host"), "--tasks", "3"}, variables());
  const auto path = path_of(dir_, host);
  const auto allow = [&](const std::string& descriptors) {
    return run({"prlimit", "--pid", host.pid_text(), "--nofile=" + descriptors + ":"}).end.code;
  };
  for (const auto* few : {"6", "1"}) {
    std::vector<agent_client> idle;
    for (int i = 0; i < 6; ++i) idle.emplace_back(path).hello();
    ASSERT_EQ(allow(few), 0);
    EXPECT_FALSE(idle.back().receive().has_value());
    ASSERT_EQ(allow("1024"), 0);
    EXPECT_EQ(ask(path, vitals_request()).vitals->tasks(), 3u);
    EXPECT_EQ(ask_host(host, "status"), "2 0 " + path);
  }
  ASSERT_EQ(allow("1"), 0);
  EXPECT_EQ(ask_host(host, "stop"), "9 0 ");
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

/// More than its stack has room for, if each went on in the former one's.
TEST_P(EitherThread, AnswersAsManyRequestsAsComeAtOnce) {
  program host({program_path("agent_host"), "--tasks", "3"}, variables());
  const auto path = path_of(dir_, host);
  agent_client reader(path);
  reader.hello();
  const std::string empty(65536, '\0');
  const std::jthread sender([&] { reader.send_bytes(empty); });
  std::size_t answers = 0;
  while (answers < empty.size() && reader.receive().has_value()) ++answers;
  EXPECT_EQ(answers, empty.size());
  EXPECT_EQ(ask(path, vitals_request()).vitals->tasks(), 3u);
}

}  // namespace
}  // namespace tasks::testing
