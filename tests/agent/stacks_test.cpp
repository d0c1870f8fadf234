// tasks::count() and tasks::write_stacks().
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <sstream>
#include <thread>

#include "registry/registry.hpp"
#include "reports/text.hpp"
#include "support/fake_task.hpp"
#include "tasks/agent.hpp"
#include "tasks/this_task.hpp"

namespace tasks {
namespace {

using detail::function_name;
using detail::load;
using detail::store;
using layout::record_state;
using layout::wait_kind;
using testing::fake_task;
using ::testing::MatchesRegex;

std::string written(stacks_format format) {
  std::ostringstream out;
  write_stacks(out, format);
  return out.str();
}

TEST(Count, IsExactAtRestOnWhateverThreadATaskEnds) {
  const auto before = count();
  std::deque<fake_task> tasks(1000);
  EXPECT_EQ(count(), before + 1000);
  std::thread([&tasks] { tasks.clear(); }).join();
  EXPECT_EQ(count(), before);
}

/// While the initiation of an operation asks for the stack, the operation may end on another thread, and the task too.
TEST(Stack, OfATaskThatEndsElsewhereMeanwhileIsItsOwnOrNone) {
  constexpr std::uint64_t no_pointer = 0x4141'4141'4141'4140;
  fake_task task;
  task.run();
  ASSERT_TRUE(this_task::set_name("spawns"));
  for (int i = 0; i < 18; ++i) task.enter();
  auto& record = *task.record();
  auto& last = record.stack[layout::inline_entries - 1].where;
  const auto where = load(last), overflow = load(record.overflow), annotations = load(record.annotations);
  const auto change = [&record](record_state state, std::uint64_t depth) {
    store(record.word, detail::next_word(load(record.word), state, depth));
  };
  std::atomic<bool> done = false;
  std::thread other([&] {
    const auto linger = [&record] {
      for (int i = 0; i < 50; ++i) static_cast<void>(load(record.id));
    };
    for (int i = 0; i < 300'000; ++i) {
      change(record_state::free, 0);
      for (auto* word : {&last, &record.overflow, &record.annotations}) store(*word, no_pointer);
      linger();
      store(last, where);
      store(record.overflow, overflow);
      store(record.annotations, annotations);
      change(record_state::running, task.depth());
      linger();
    }
    done = true;
  });
  while (!done) {
    const auto stack = this_task::stack();
    if (stack.empty()) continue;
    EXPECT_EQ(stack.task_name(), "spawns");
    for (const auto frame : stack) EXPECT_NE(frame.line(), 0U);
  }
  other.join();
  detail::this_thread.current = nullptr;
}

TEST(WriteStacks, OfEachTaskLooksLikeGosDebug2) {
  fake_task parent;
  parent.run();
  fake_task child;
  child.run().enter().wait(wait_kind::channel_receive);
  detail::this_thread.current = nullptr;
  // task 7 [channel receive]:
  // …TestBody()
  // 	/…/stacks_test.cpp:42
  // …TestBody()
  // 	/…/stacks_test.cpp:42
  // spawned by task 6 in …fake_task()
  // 	after /…/stacks_test.cpp:42
  const auto text = written(stacks_format::each);
  const auto id = std::to_string(child.id());
  const auto at = text.find("task " + id + " [");
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_THAT(text.substr(at), MatchesRegex("task " + id +
                                            " \\[channel receive\\]:\n"
                                            ".*TestBody\\(\\)\n\t/.*stacks_test.cpp:[0-9]+\n"
                                            ".*TestBody\\(\\)\n\t/.*stacks_test.cpp:[0-9]+\n"
                                            "spawned by task " +
                                            std::to_string(parent.id()) +
                                            " in .*fake_task\\(\\)\n\tafter /.*stacks_test.cpp:[0-9]+\n\n"));
  EXPECT_LT(text.find("task " + std::to_string(parent.id()) + " [running]:\n"), at);
}

TEST(WriteStacks, HaveNamesAndLabels) {
  fake_task task;
  task.run();
  this_task::set_name("conn 42");
  this_task::set_label("user", "ann");
  task.wait(wait_kind::timer);
  detail::this_thread.current = nullptr;
  EXPECT_THAT(written(stacks_format::each),
              ::testing::HasSubstr("task " + std::to_string(task.id()) + " \"conn 42\" user=ann [timer]:\n"));
}

TEST(WriteStacks, HaveWhereATaskOfATaskWasSpawned) {
  fake_task parent;
  parent.run();
  fake_task child;
  detail::this_thread.current = nullptr;
  EXPECT_THAT(written(stacks_format::each),
              ::testing::ContainsRegex("spawned by task " + std::to_string(parent.id()) +
                                       " in [^\n]*fake_task\\(\\)\n\tafter /[^\n]*stacks_test.cpp:[0-9]+\n"));
}

TEST(WriteStacks, AnAgeIsPrintedFromASecondOn) {
  fake_task task;
  task.run().wait(wait_kind::timer);
  detail::store(task.record()->since, 1);  // since the machine was started, which may be a moment ago
  EXPECT_THAT(written(stacks_format::each), ::testing::ContainsRegex(" \\[timer, [0-9hm]*[0-9]s\\]:\n"));
  EXPECT_EQ(detail::duration(999), "");
  EXPECT_EQ(detail::duration(59'999), "59s");
  EXPECT_EQ(detail::duration(192'500), "3m12s");
  EXPECT_EQ(detail::duration(7'205'000), "2h0m5s");
}

TEST(WriteStacks, GroupedLooksLikeGosDebug1) {
  std::deque<fake_task> tasks(3);
  for (auto& task : tasks) task.run().wait(wait_kind::channel_send);
  const auto text = written(stacks_format::grouped);
  EXPECT_THAT(text, MatchesRegex("task profile: total 3\n"
                                 "3 @ 0x[0-9a-f]+\n"
                                 "# state: channel send\n"
                                 "#\t0x[0-9a-f]+\t.*TestBody\\(\\)\t/.*stacks_test.cpp:[0-9]+\n\n"));
}

TEST(FunctionName, IsAsShortAsTheExecutablePrintsIt) {
  EXPECT_EQ(function_name("void worker(worker(std::shared_ptr<chan>)::_Z6workerSt10shared_ptrI4chanE.Frame*)"),
            "worker(std::shared_ptr<chan>)");
  EXPECT_EQ(function_name("asio::awaitable<void> inner(chan&)"), "inner(chan&)");
  EXPECT_EQ(function_name("session(asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor>)"),
            "session(tcp::socket)");
}

}  // namespace
}  // namespace tasks
