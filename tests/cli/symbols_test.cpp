// Code addresses: frames without the hook, spawn sites, and functions inlined there.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "support/lab_script.hpp"
#include "support/program.hpp"
#include "symbols/symbolizer.hpp"

namespace asio::detail {
/// Stands for Asio's part of a spawn: the address is taken in it.
[[gnu::noinline]] std::uint64_t spawn() { return reinterpret_cast<std::uint64_t>(__builtin_return_address(0)); }
}  // namespace asio::detail

namespace asio {
[[gnu::always_inline]] inline std::uint64_t co_spawn() { return detail::spawn(); }
}  // namespace asio

constexpr unsigned spawn_line = __LINE__ + 2;
[[gnu::noinline]] std::uint64_t user_spawns() {
  const auto address = asio::co_spawn();
  asm volatile("");
  return address;
}

namespace local {
namespace {
[[gnu::always_inline]] inline std::uint64_t inlined_here() { return asio::detail::spawn(); }
}  // namespace
}  // namespace local

[[gnu::noinline]] std::uint64_t hidden_spawns() {
  const auto address = local::inlined_here();
  asm volatile("");
  return address;
}

constexpr unsigned legacy_line = __LINE__ + 1;
[[gnu::noinline]] int legacy_coroutine(int value) { return value + 1; }

namespace tasks::testing {
namespace {

std::uint64_t address_of_legacy() { return reinterpret_cast<std::uint64_t>(&legacy_coroutine); }

std::string file_line(unsigned line) { return std::string(__FILE__) + ":" + std::to_string(line); }

TEST(Symbolizer, NamesInlinedFunctionsInnermostFirst) {
  const auto found = cli::make_symbolizer(::getpid())->resolve(user_spawns() - 1);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NE(found[0].function.find("co_spawn"), std::string::npos);
  EXPECT_NE(found[1].function.find("user_spawns"), std::string::npos);
  EXPECT_EQ(found[1].line, spawn_line);
}

TEST(Symbolizer, KnowsNothingOfAnAddressThatNoFileBacks) {
  EXPECT_TRUE(cli::make_symbolizer(::getpid())->resolve(16).empty());
  const int on_stack = 0;
  EXPECT_TRUE(cli::make_symbolizer(::getpid())->resolve(reinterpret_cast<std::uint64_t>(&on_stack)).empty());
}

/// One task with the frames that are given, innermost first. The agent is a fork of this test: its code lies where ours
/// does.
fake_agent::script one_task(v1::Task::State state, std::initializer_list<std::uint32_t> frames) {
  auto script = small_script();
  v1::Chunk chunk;
  auto* address = chunk.add_locations();
  address->set_id(1);
  address->set_address(address_of_legacy());
  *chunk.add_locations() = make_location(2, "awaitable<void> worker(int)", "/src/pool.cpp", 31);
  chunk.add_locations()->set_id(3);
  chunk.mutable_locations(2)->set_address(16);
  auto* path = chunk.add_locations();
  path->set_id(4);
  path->add_calls(reinterpret_cast<std::uint64_t>(&asio::detail::spawn) + 1);
  path->add_calls(user_spawns());
  auto* task = chunk.add_tasks();
  task->set_id(7);
  task->set_parent(1);
  task->set_state(state);
  task->set_age_ms(12'000);
  for (const auto frame : frames) task->add_frames(frame);
  task->set_spawn_path(4);
  script.stacks = {chunk};
  script.trailer.set_matched(1);
  script.trailer.set_shown(1);
  return script;
}

std::string stack_of(const fake_agent::script& script) {
  const fake_agent target(script);
  const auto seen = run({tasks_executable(), "stack", target.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  return seen.out;
}

const std::string spawned = "spawned by task 1 at user_spawns() symbols_test.cpp:" + std::to_string(spawn_line) + "\n";

TEST(Frame, ThatHasNotAwaitedYetIsNamedByItsCode) {
  EXPECT_EQ(stack_of(one_task(v1::Task::RUNNING, {1, 2})), "task 7 [running, 12s]:\nlegacy_coroutine(int)\n\t" +
                                                               file_line(legacy_line) +
                                                               "\nworker(int)\n\t/src/pool.cpp:31\n" + spawned);
}

TEST(Frame, OfABlockedTaskThatSaysNoLineIsNotInstrumented) {
  EXPECT_EQ(stack_of(one_task(v1::Task::BLOCKED, {1, 2})),
            "task 7 [blocked, 12s]:\n<not instrumented> legacy_coroutine(int)\n\t" + file_line(legacy_line) +
                "\nworker(int)\n\t/src/pool.cpp:31\n" + spawned);
}

TEST(Frame, BelowAnotherThatSaysNoLineIsNotInstrumented) {
  EXPECT_EQ(stack_of(one_task(v1::Task::RUNNING, {2, 1})),
            "task 7 [running, 12s]:\nworker(int)\n\t/src/pool.cpp:31\n"
            "<not instrumented> legacy_coroutine(int)\n\t" +
                file_line(legacy_line) + "\n" + spawned);
}

TEST(Frame, OfWhichNothingIsKnownIsStillShown) {
  EXPECT_EQ(stack_of(one_task(v1::Task::BLOCKED, {3, 0, 2})),
            "task 7 [blocked, 12s]:\n<not instrumented>\n<unknown>\nworker(int)\n\t/src/pool.cpp:31\n" + spawned);
}

TEST(Frame, OfAsioIsCalledAfterItsOperationWhereThereIsNoOther) {
  auto script = one_task(v1::Task::BLOCKED, {2});
  script.stacks[0].mutable_locations(1)->set_function(
      "static return_type asio::async_result<asio::use_awaitable_t<>, void ()>::initiate(Initiation) [Initiation = "
      "asio::basic_waitable_timer<std::chrono::steady_clock>::initiate_async_wait]");
  EXPECT_EQ(stack_of(script), "task 7 [blocked, 12s]:\ntimer.async_wait()\n" + spawned);
  script.stacks[0].mutable_locations(1)->set_function("void asio::detail::of_no_known_form()");
  EXPECT_EQ(stack_of(script), "task 7 [blocked, 12s]:\n<operation>\n" + spawned);
}

TEST(Symbolizer, KnowsTheNamespaceOfAnInlinedFunctionWithoutALinkageName) {
  const auto found = cli::make_symbolizer(::getpid())->resolve(hidden_spawns() - 1);
  ASSERT_GE(found.size(), 2u);
  EXPECT_NE(found[0].function.find("local"), std::string::npos) << found[0].function;
  EXPECT_NE(found[0].function.find("inlined_here"), std::string::npos) << found[0].function;
}

TEST(SpawnSite, ThatIsNotKnownIsSaidToBeBehindTheSpawnersLastAwait) {
  auto script = one_task(v1::Task::READY, {});
  auto& chunk = script.stacks[0];
  chunk.mutable_locations(3)->clear_calls();
  chunk.mutable_locations(3)->add_calls(16);
  chunk.mutable_tasks(0)->set_spawn_location(2);
  EXPECT_EQ(stack_of(script), "task 7 [ready]:\nspawned by task 1 in worker(int), after pool.cpp:31\n");
}

TEST(SpawnSite, OfWhichNothingIsKnownIsNotWhereTheSpawnerStandsNow) {
  auto script = one_task(v1::Task::READY, {});
  auto& chunk = script.stacks[0];
  chunk.mutable_tasks(0)->clear_spawn_path();
  auto* child = chunk.add_tasks();
  *child = chunk.tasks(0);
  auto* parent = chunk.mutable_tasks(0);
  parent->set_id(1);
  parent->clear_parent();
  parent->add_frames(2);
  EXPECT_EQ(stack_of(script),
            "task 1 [ready]:\nworker(int)\n\t/src/pool.cpp:31\n\ntask 7 [ready]:\nspawned by task 1\n");
  child->set_awaited(true);
  EXPECT_TRUE(stack_of(script).ends_with("task 7 [ready]:\nspawned by task 1 at worker(int) pool.cpp:31\n"));
}

}  // namespace
}  // namespace tasks::testing
