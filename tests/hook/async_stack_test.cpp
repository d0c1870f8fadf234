// tasks::this_task::stack(): the chain of the task that runs, as a value.

#include <gmock/gmock.h>

#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>

#include "support/net.hpp"
#include "tasks/exceptions.hpp"
#include "tasks/format.hpp"
#include "tasks/this_task.hpp"

// Of its own: compiled with the other tests of hooks as one source, which have functions of the same names.
namespace async_stack_test {
namespace {

using tasks::async_stacktrace;
using tasks::this_task::stack;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

unsigned line_of_stack = 0, line_of_middle = 0, line_of_outer = 0;

awaitable<void> takes(async_stacktrace& to) {
  co_await net::post(use_awaitable);
  line_of_stack = __LINE__ + 1;
  to = stack();
}
awaitable<void> middle(async_stacktrace& to) {
  line_of_middle = __LINE__ + 1;
  co_await takes(to);
}
awaitable<void> outer(async_stacktrace& to) {
  line_of_outer = __LINE__ + 1;
  co_await middle(to);
}

TEST(AsyncStack, HasEachFrameAtTheLineWhereItStands) {
  net::io_context context;
  async_stacktrace taken;
  co_spawn(context, outer(taken), net::detached);
  context.run();
  // takes    line_of_stack
  // middle   line_of_middle
  // outer    line_of_outer
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken.missing(), 0u);
  EXPECT_THAT(taken[0].function_name(), HasSubstr("takes"));
  EXPECT_EQ(taken[0].line(), line_of_stack);
  EXPECT_THAT(taken[0].file_name(), testing::EndsWith("async_stack_test.cpp"));
  EXPECT_FALSE(taken[0].is_after());
  EXPECT_EQ(taken[1].line(), line_of_middle);
  EXPECT_EQ(taken[2].line(), line_of_outer);
  EXPECT_NE(taken.task(), 0u);
  for (const auto frame : taken) EXPECT_EQ(frame.task(), taken.task());
}

async_stacktrace called() { return stack(); }
awaitable<void> calls(async_stacktrace& to) {
  co_await net::post(use_awaitable);
  to = called();
}

TEST(AsyncStack, OfACalledFunctionBeginsWithThatFunction) {
  net::io_context context;
  async_stacktrace taken;
  co_spawn(context, calls(taken), net::detached);
  context.run();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_THAT(taken[0].function_name(), HasSubstr("called"));
  EXPECT_FALSE(taken[0].is_after());
  EXPECT_THAT(taken[1].function_name(), HasSubstr("calls"));
  EXPECT_TRUE(taken[1].is_after());
}

TEST(AsyncStack, OutsideOfAnyTaskIsEmptyAndSaysSo) {
  net::io_context context;
  async_stacktrace taken;
  std::string text;
  post(context, [&] { text = to_string(taken = stack()); });
  context.run();
  EXPECT_TRUE(taken.empty());
  EXPECT_FALSE(taken);
  EXPECT_EQ(taken.size(), 0u);
  EXPECT_EQ(taken.task(), 0u);
  EXPECT_EQ(text, "outside of any task\n");
  EXPECT_EQ(to_string(async_stacktrace()), "no task is known\n");
}

awaitable<void> waits_and_takes(async_stacktrace& to, net::steady_timer& until) {
  co_await until.async_wait(as_tuple(use_awaitable));
  to = stack();
}
awaitable<void> spawns_and_ends(async_stacktrace& to, net::steady_timer& until) {
  co_spawn(co_await net::this_coro::executor, waits_and_takes(to, until), net::detached);
}
awaitable<void> spawns_and_lives(async_stacktrace& to, net::steady_timer& until) {
  co_spawn(co_await net::this_coro::executor, outer(to), net::detached);
  co_await until.async_wait(as_tuple(use_awaitable));
}
awaitable<void> spawns_the_spawner(async_stacktrace& to, net::steady_timer& until) {
  co_spawn(co_await net::this_coro::executor, spawns_and_lives(to, until), net::detached);
  co_await until.async_wait(as_tuple(use_awaitable));
}

TEST(AsyncStack, GoesOnWithWhoSpawnedTheTask) {
  net::io_context context;
  net::steady_timer until(context, std::chrono::hours(1));
  async_stacktrace taken;
  co_spawn(context, spawns_the_spawner(taken, until), net::detached);
  context.poll();
  until.cancel();
  context.run();
  ASSERT_EQ(taken.size(), 3u);
  // takes … outer
  // spawned by task N in spawns_and_lives(…)
  // spawned by task M in spawns_the_spawner(…)
  // spawned in …TestBody()
  const auto text = to_string(taken);
  EXPECT_THAT(text, MatchesRegex("task [0-9]+:\n"
                                 "[^\n]*takes\\([^\n]*\n\t/[^\n]*async_stack_test.cpp:" +
                                 std::to_string(line_of_stack) +
                                 "\n[^\n]*middle\\([^\n]*\n\t/[^\n]*:" + std::to_string(line_of_middle) +
                                 "\n[^\n]*outer\\([^\n]*\n\t/[^\n]*:" + std::to_string(line_of_outer) +
                                 "\nspawned by task [0-9]+ in [^\n]*spawns_and_lives[^\n]*\n(\tafter [^\n]*\n)?"
                                 "spawned by task [0-9]+ in [^\n]*spawns_the_spawner[^\n]*\n(\tafter [^\n]*\n)?"
                                 "spawned in [^\n]*TestBody\\(\\)\n"));
}

TEST(AsyncStack, EndsWithATaskThatHasEnded) {
  net::io_context context;
  net::steady_timer until(context, std::chrono::hours(1));
  async_stacktrace taken;
  co_spawn(context, spawns_and_ends(taken, until), net::detached);
  context.poll();
  until.cancel();
  context.run();
  EXPECT_EQ(taken.words().tasks, 1u);
  EXPECT_THAT(to_string(taken), HasSubstr("\nspawned by task "));
}

unsigned line_of_join = 0;
awaitable<void> joins(async_stacktrace& to) {
  auto executor = co_await net::this_coro::executor;
  line_of_join = __LINE__ + 1;
  co_await co_spawn(executor, outer(to), use_awaitable);
}
awaitable<void> awaits_joins(async_stacktrace& to) { co_await joins(to); }

TEST(AsyncStack, GoesOnWithTheFramesOfATaskThatAwaitsIt) {
  net::io_context context;
  async_stacktrace taken;
  co_spawn(context, awaits_joins(taken), net::detached);
  context.run();
  std::string functions;
  bool at_the_join = false;
  for (const auto frame : taken) {
    functions += std::string(frame.function_name()) + ";";
    at_the_join = at_the_join || (frame.line() == line_of_join && frame.task() != taken.task());
  }
  EXPECT_TRUE(at_the_join) << functions;
  EXPECT_THAT(to_string(taken), ::testing::ContainsRegex("outer\\([^\n]*\n[^\n]*\nawaited by task [0-9]+:\n"
                                                         "[^\n]*joins\\([^\n]*\n[^\n]*\n[^\n]*awaits_joins\\("));
}

awaitable<void> goes_down(int levels, async_stacktrace& to) {
  if (levels == 0)
    co_await takes(to);
  else
    co_await goes_down(levels - 1, to);
}

TEST(AsyncStack, KeepsTheInnermost64FramesAndCountsTheOthers) {
  net::io_context context;
  async_stacktrace taken;
  for (const int levels : {5, 6, 7, 20, 21, 61, 62, 63, 64, 200}) {
    co_spawn(context, goes_down(levels, taken), net::detached);
    context.run();
    context.restart();
    const auto all = static_cast<std::size_t>(levels) + 2;
    EXPECT_EQ(taken.size(), std::min<std::size_t>(all, 64)) << levels;
    EXPECT_EQ(taken.size() + taken.missing(), all);
    EXPECT_THAT(taken[0].function_name(), HasSubstr("takes"));
    EXPECT_THAT(taken[taken.size() - 1].function_name(), HasSubstr("goes_down"));
  }
  EXPECT_THAT(to_string(taken), HasSubstr("…138 more frames\n"));
}

awaitable<void> named(async_stacktrace& to) {
  tasks::this_task::set_label("user", "ann");
  tasks::this_task::set_name("conn 42");
  co_await takes(to);
}

TEST(AsyncStack, HasTheNameOfItsTask) {
  net::io_context context;
  async_stacktrace taken;
  co_spawn(context, named(taken), net::detached);
  context.run();
  EXPECT_EQ(taken.task_name(), "conn 42");
  std::ostringstream out;
  out << taken;
  EXPECT_THAT(out.str(), testing::StartsWith("task " + std::to_string(taken.task()) + " \"conn 42\":\n"));
  EXPECT_EQ(out.str(), format_as(taken));
#if defined(__cpp_lib_format)
  EXPECT_EQ(out.str(), std::format("{}", taken));
#endif
  const async_stacktrace copy = taken;
  EXPECT_EQ(to_string(copy), out.str());
}

unsigned line_of_throw = 0;
awaitable<void> throws() {
  co_await net::post(use_awaitable);
  line_of_throw = __LINE__ + 1;
  throw tasks::with_stack(std::runtime_error("bad frame length"));
}
awaitable<void> lets_through() { co_await throws(); }

TEST(WithStack, IsFoundWhereverTheExceptionArrives) {
  net::io_context context;
  std::exception_ptr arrived;
  co_spawn(context, lets_through(), [&](std::exception_ptr e) { arrived = e; });
  context.run();
  ASSERT_TRUE(arrived);
  const auto of_pointer = tasks::stack_of(arrived);
  ASSERT_EQ(of_pointer.size(), 2u);
  EXPECT_EQ(of_pointer[0].line(), line_of_throw);
  try {
    std::rethrow_exception(arrived);
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "bad frame length");
    EXPECT_EQ(to_string(tasks::stack_of(e)), to_string(of_pointer));
  }
}

TEST(StackOf, IsEmptyWhereNoneWasTaken) {
  EXPECT_TRUE(tasks::stack_of(nullptr).empty());
  EXPECT_TRUE(tasks::stack_of(std::make_exception_ptr(42)).empty());
  EXPECT_TRUE(tasks::stack_of(std::runtime_error("never thrown")).empty());
}

}  // namespace
}  // namespace async_stack_test
