// Hosts that use what the agent is made of, and hosts with several agents.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "support/agent_client.hpp"

namespace tasks::testing {
namespace {

TEST(Host, MayUseBoostAsioAndSeparatelyCompiledAsioAndProtobuf) {
#ifndef TASKS_TEST_BOOST
  GTEST_SKIP() << "Boost was not found";
#endif
  const temporary_directory dir;
  program host({program_path("host_libraries")}, {dir.variable()});
  const auto path = dir.path() + "/" + host.pid_text();
  for (int round = 1; round <= 20; ++round) {
    host.write("work\n");
    const auto n = std::to_string(round);
    EXPECT_EQ(host.read_line(), n + " " + n + " " + n);
    const auto got = ask(path, stacks_request(true));
    ASSERT_TRUE(got.trailer.has_value());
    EXPECT_EQ(got.trailer->total(), 22u);
  }
  EXPECT_EQ(host.stop(), (ending{.code = 0, .signal = 0}));
}

TEST(Host, MayStartTheAgentTwice) {
  const temporary_directory dir;
  program host({program_path("agent_host")}, {dir.variable()});
  const auto path = dir.path() + "/" + host.pid_text();
  const auto instance = agent_client(path).hello().instance();
  host.write("start_second\n");
  EXPECT_EQ(host.read_line(), "2 0 " + path);
  host.write("stop\n");
  EXPECT_EQ(host.read_line(), "2 0 " + path);
  EXPECT_EQ(agent_client(path).hello().instance(), instance);
  host.write("stop_second\n");
  EXPECT_EQ(host.read_line(), "9 0 ");
  EXPECT_THROW(agent_client{path}, std::system_error);
}

#if defined(__SANITIZE_THREAD__)
constexpr bool agent_has_descriptors_of_its_own = false;
#else
constexpr bool agent_has_descriptors_of_its_own = true;
#endif

/// Of the agent's, the host has one end of a pipe.
class HostWithDescriptors : public ::testing::Test {
 protected:
  HostWithDescriptors() {
    if (!agent_has_descriptors_of_its_own) skips_ = "ThreadSanitizer takes equal numbers for one descriptor";
  }
  std::string ask_host(const std::string& command) {
    host_.write(command + "\n");
    return host_.read_line();
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/" + host_.pid_text(); }
  [[nodiscard]] std::uint64_t tasks_told() const { return ask(path(), vitals_request()).vitals->tasks(); }

  temporary_directory dir_;
  program host_{{program_path("agent_host"), "--tasks", "3"}, {dir_.variable()}};
  const char* skips_ = nullptr;
};

TEST_F(HostWithDescriptors, HasOneMoreHoweverManyRead) {
  if (skips_ != nullptr) GTEST_SKIP() << skips_;
  const auto with_agent = ask_host("descriptors");
  agent_client first(path()), second(path());
  first.hello(), second.hello();
  EXPECT_EQ(ask_host("descriptors"), with_agent);
  EXPECT_EQ(ask_host("stop"), "9 0 ");
  EXPECT_EQ(std::stol(ask_host("descriptors")), std::stol(with_agent) - 1);
}

TEST_F(HostWithDescriptors, MayCloseAllAndUseTheirNumbers) {
  if (skips_ != nullptr) GTEST_SKIP() << skips_;
  agent_client before(path());
  before.hello();
  EXPECT_EQ(ask_host("close_all"), "0");
  EXPECT_EQ(ask_host("take_numbers"), "32");
  EXPECT_EQ(before.ask(vitals_request()).vitals->tasks(), 3u);
  EXPECT_EQ(tasks_told(), 3u);
  EXPECT_EQ(ask_host("stop"), "9 0 ");
  EXPECT_EQ(ask_host("spoiled"), "0");
  EXPECT_EQ(ask_host("start"), "2 0 " + path());
  EXPECT_EQ(tasks_told(), 3u);
  EXPECT_EQ(ask_host("spoiled"), "0");
  EXPECT_EQ(host_.stop(), (ending{.code = 0, .signal = 0}));
}

TEST_F(HostWithDescriptors, AChildOfOneThatClosedAllLosesNoneOfItsOwn) {
  if (skips_ != nullptr) GTEST_SKIP() << skips_;
  agent_client reader(path());
  reader.hello();
  EXPECT_EQ(ask_host("close_all"), "0");
  EXPECT_EQ(ask_host("take_numbers"), "32");
  EXPECT_EQ(ask_host("fork_spoiled"), "0");
  EXPECT_EQ(ask_host("spoiled"), "0");
}

TEST_F(HostWithDescriptors, IsReadWhenItHasNoNumberLeft) {
  if (skips_ != nullptr) GTEST_SKIP() << skips_;
  EXPECT_EQ(ask_host("fill"), std::to_string(EMFILE));
  EXPECT_EQ(tasks_told(), 3u);
  EXPECT_EQ(ask_host("stop"), "9 0 ");
}

TEST_F(HostWithDescriptors, ClosesItsOutputForGood) {
  if (skips_ != nullptr) GTEST_SKIP() << skips_;
  host_.write("close_output\n");
  EXPECT_THROW(static_cast<void>(host_.read_line()), std::runtime_error);
  EXPECT_EQ(tasks_told(), 3u);
}

class HostOfPlugins : public ::testing::Test {
 protected:
  void tell(const std::string& command, const std::string& answer) {
    host_.write(command + "\n");
    ASSERT_EQ(host_.read_line(), answer);
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/" + host_.pid_text(); }

  temporary_directory dir_;
  program host_{{program_path("host_plugins")}, {dir_.variable()}};
};

TEST_F(HostOfPlugins, OneAgentAnswersForAllLibraries) {
  tell("open a 3", "mapped");
  tell("open b 4", "mapped");
  const auto got = ask(path(), stacks_request());
  ASSERT_EQ(got.all.tasks_size(), 7);
  std::set<std::uint64_t> ids;
  std::multiset<std::string> stacks;
  for (const auto& task : got.all.tasks()) {
    ids.insert(task.id());
    stacks.insert(stack_text(got.all, task));
  }
  EXPECT_EQ(ids.size(), 7u);
  const auto count = [&stacks](const std::string& name) {
    return std::count_if(stacks.begin(), stacks.end(), [&name](const auto& s) { return s.find(name) != s.npos; });
  };
  EXPECT_EQ(count("worker_of_a"), 3);
  EXPECT_EQ(count("worker_of_b"), 4);
  EXPECT_EQ(ask(path(), vitals_request()).vitals->tasks(), 7u);
}

TEST_F(HostOfPlugins, ALibraryMayBeClosedWhileSnapshotsAreTaken) {
  tell("open a 3", "mapped");
  std::atomic<bool> done{false};
  std::thread reader([&] {
    agent_client client(path());
    client.hello();
    while (!done) {
      const auto got = client.ask(stacks_request());
      ASSERT_TRUE(got.trailer.has_value());
      ASSERT_GE(got.trailer->total(), 3u);
    }
  });
  for (int i = 0; i < 50; ++i) {
    tell("open b 100", "mapped");
    tell("close b", "gone");
  }
  done = true;
  reader.join();
  EXPECT_EQ(ask(path(), vitals_request()).vitals->tasks(), 3u);
}

TEST_F(HostOfPlugins, ALibraryStaysWhoseCodeExceptionsCall) {
  program host({program_path("host_plugins")}, {dir_.variable(), "TASKS_DUMP=terminate"});
  host.write("open a 3\nclose a\n");
  EXPECT_EQ(host.read_line(), "mapped");
  EXPECT_EQ(host.read_line(), "mapped");
}

TEST_F(HostOfPlugins, OneOfThemDumps) {
  program host({"sh", "-c", "ulimit -c 0; exec \"$@\" 2>&1", "sh", program_path("host_plugins")},
               {dir_.variable(), "TASKS_DUMP=terminate,SIGUSR2"});
  host.write("open a 3\nopen b 4\n");
  EXPECT_EQ(host.read_line(), "mapped");
  EXPECT_EQ(host.read_line(), "mapped");  // rather than that SIGUSR2 is handled
  host.write("abort now\n");
  EXPECT_EQ(host.read_line(), "tasks: abort: outside of any task");
  EXPECT_EQ(host.wait(), (ending{.code = -1, .signal = SIGABRT}));
  EXPECT_THROW(static_cast<void>(host.read_line()), std::runtime_error);
}

TEST_F(HostOfPlugins, MayForkWhileLibrariesComeAndGo) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer's allocator stays locked in a child that was forked while another thread used it";
#endif
  tell("reload a 200", "gone");
  EXPECT_EQ(host_.stop(), (ending{.code = 0, .signal = 0}));
}

/// Each with tasks: what an object knows of has an end.
TEST_F(HostOfPlugins, MayLoadOneOverAndOver) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer's allocator stays locked in a child that was forked while another thread used it";
#endif
  tell("open b 4", "mapped");
  tell("reload a 300", "gone");
  tell("open a 3", "mapped");
  EXPECT_EQ(ask(path(), vitals_request()).vitals->tasks(), 7u);
  std::set<std::uint64_t> ids;
  const auto got = ask(path(), stacks_request());
  for (const auto& task : got.all.tasks()) ids.insert(task.id());
  EXPECT_EQ(ids.size(), 7u);
}

TEST_F(HostOfPlugins, AChildHasAnAgentOfItsOwn) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer's allocator stays locked in a child that was forked while another thread used it";
#elif defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer knows no threads in forked children";
#endif
  tell("open a 3", "mapped");
  host_.write("fork a 4\n");
  const auto child = host_.read_line();
  EXPECT_EQ(ask(dir_.path() + "/" + child, vitals_request()).vitals->tasks(), 7u);
  EXPECT_EQ(ask(path(), vitals_request()).vitals->tasks(), 3u);
  tell("end", "0");
  EXPECT_THROW(agent_client{dir_.path() + "/" + child}, std::system_error);
  EXPECT_EQ(ask(path(), vitals_request()).vitals->tasks(), 3u);
  tell("close a", "gone");
}

TEST_F(HostOfPlugins, AnAgentStopsWithTheLibraryThatItIsIn) {
  tell("open a 3", "mapped");
  tell("close a", "gone");
  EXPECT_THROW(agent_client{path()}, std::system_error);
  tell("open b 4", "mapped");
  EXPECT_EQ(ask(path(), vitals_request()).vitals->tasks(), 4u);
}

}  // namespace
}  // namespace tasks::testing
