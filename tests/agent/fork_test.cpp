// fork: the child neither answers for its parent nor takes its socket away, and can have an agent of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>

#include <sstream>

#include "support/agent_client.hpp"

namespace tasks::testing {
namespace {

/// ThreadSanitizer dies of a thread that the child of a threaded process starts ("starting new threads after
/// multi-threaded fork is not supported"); told not to, it takes the new thread for one of the parent's, now and then.
#if defined(__SANITIZE_THREAD__)
constexpr bool a_child_can_start_threads = false;
#else
constexpr bool a_child_can_start_threads = true;
#endif

class Fork : public ::testing::Test {
 protected:
  struct child {
    std::string pid;
    unsigned code;
    int error;
    std::string path;
  };
  child forked(const std::string& how) {
    host_.write(how + "\n");
    std::istringstream line(host_.read_line());
    child c{};
    line >> c.pid >> c.code >> c.error >> c.path;
    return c;
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/" + host_.pid_text(); }
  void expect_parent_answers() {
    agent_client client(path());
    EXPECT_EQ(client.hello().pid(), static_cast<std::uint32_t>(host_.pid()));
    EXPECT_EQ(client.ask(vitals_request()).vitals->tasks(), 4u);
  }
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "AddressSanitizer's allocator stays locked in a child that was forked while another thread used it";
#endif
  }
  void TearDown() override {
    expect_parent_answers();
    EXPECT_EQ(host_.stop(), (ending{.code = 0, .signal = 0}));
  }

  temporary_directory dir_;
  program host_{{program_path("agent_host"), "--tasks", "4"}, {dir_.variable(), "TSAN_OPTIONS=atexit_sleep_ms=0"}};
};

TEST_F(Fork, AChildThatGoesOnDoesNotAnswer) {
  const auto c = forked("fork_continue");
  EXPECT_EQ(c.code, 10u);  // forked
  EXPECT_EQ(c.path, "");
  expect_parent_answers();
}

TEST_F(Fork, AChildCanHaveAnAgentOfItsOwn) {
  if (!a_child_can_start_threads) GTEST_SKIP() << "ThreadSanitizer knows no threads in forked children";
  const auto c = forked("fork_agent");
  EXPECT_EQ(c.code, 2u);
  EXPECT_EQ(c.path, dir_.path() + "/" + c.pid);
  agent_client client(c.path);
  EXPECT_EQ(std::to_string(client.hello().pid()), c.pid);
  EXPECT_TRUE(client.ask(vitals_request()).vitals.has_value());
  expect_parent_answers();
}

TEST_F(Fork, AChildThatExitsLeavesTheParentsSocket) {
  EXPECT_EQ(forked("fork_exit").code, 10u);
  expect_parent_answers();
}

TEST_F(Fork, AChildThatExecutesSomethingElseKeepsNothingOpen) {
  forked("fork_exec");
  expect_parent_answers();
}

TEST_F(Fork, AChildDoesNotKeepItsParentsConnectionsOpen) {
  agent_client client(path());
  client.hello();
  forked("fork_continue");
  host_.write("stop\n");
  EXPECT_EQ(host_.read_line(), "9 0 ");
  EXPECT_FALSE(client.receive().has_value());
  EXPECT_THROW(agent_client{path()}, std::system_error);
  host_.write("start\n");
  EXPECT_EQ(host_.read_line(), "2 0 " + path());
}

TEST_F(Fork, AChildHasNoneOfItsParentsSockets) {
  agent_client client(path());
  client.hello();
  const auto c = forked("fork_continue");
  EXPECT_EQ(run({"sh", "-c", "ls -l /proc/" + c.pid + "/fd | grep -c socket:"}).out, "0\n");
}

TEST_F(Fork, ForkingWhileClientsAskHangsNobody) {
  for (int i = 0; i < 50; ++i) {
    agent_client client(path());
    client.send(stacks_request());
    const bool with_agent = a_child_can_start_threads && i % 2 == 1;
    EXPECT_EQ(forked(with_agent ? "fork_agent" : "fork_exit").code, with_agent ? 2u : 10u);
    client.hello();
    EXPECT_TRUE(client.receive_answer().trailer.has_value());
  }
}

}  // namespace
}  // namespace tasks::testing
