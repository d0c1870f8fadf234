// Where tasks are spawned: the return addresses that the registry keeps, once for each path.

#include <alloca.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unwind.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "readers/locations.hpp"
#include "readers/task_walk.hpp"
#include "registry/registry.hpp"
#include "support/fake_task.hpp"

namespace {

std::atomic<int> unwindings{0};

}  // namespace

/// Stands before libgcc's.
extern "C" _Unwind_Reason_Code _Unwind_Backtrace(_Unwind_Trace_Fn visit, void* to) {
  static auto* const libgccs = reinterpret_cast<decltype(&_Unwind_Backtrace)>(dlsym(RTLD_NEXT, "_Unwind_Backtrace"));
  ++unwindings;
  return libgccs(visit, to);
}

namespace tasks::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAreArray;

/// A task, and the return addresses of the functions of ours that were running when it was spawned.
struct spawned {
  std::unique_ptr<fake_task> task;
  std::vector<std::uint64_t> callers;
};

std::uint64_t path_of(const fake_task& task) {
  const auto wanted = task.id();
  detail::task_walk walk({}, detail::task_walk::order::any);
  std::uint64_t path = 0;
  for (auto step = walk.next(); step != detail::task_walk::step::end; step = walk.next())
    if (step == detail::task_walk::step::task && walk.task().id == wanted) path = walk.task().spawn_path;
  return path;
}

std::vector<std::uint64_t> calls_of(const fake_task& task) { return detail::read_own_call_path(path_of(task)); }

std::uint64_t sites() { return detail::ensure_registry()->call_sites.load(); }

#define RETURN_ADDRESS reinterpret_cast<std::uint64_t>(__builtin_return_address(0))

[[gnu::noinline]] void spawn(spawned& to) {
  to.callers.push_back(RETURN_ADDRESS);
  to.task = std::make_unique<fake_task>();
  asm volatile("");
}

[[gnu::noinline]] void outer(spawned& to, int depth) {
  to.callers.push_back(RETURN_ADDRESS);
  if (depth > 0)
    outer(to, depth - 1);
  else
    spawn(to);
  asm volatile("");
}

/// The size of its frame is the caller's choice.
[[gnu::noinline]] void above_variable_frame(spawned& to, std::size_t size) {
  auto* bytes = static_cast<char*>(alloca(size));
  std::memset(bytes, 0, size);
  to.callers.push_back(RETURN_ADDRESS);
  spawn(to);
  asm volatile("" : : "r"(bytes) : "memory");
}

TEST(CallPath, HoldsTheReturnAddressesInnermostFirst) {
  spawned seen;
  outer(seen, 2);
  auto calls = calls_of(*seen.task);
  // Behind those inside of std::make_unique and the like come ours.
  const auto ours = std::find(calls.begin(), calls.end(), seen.callers.back());
  ASSERT_NE(ours, calls.end());
  calls.erase(calls.begin(), ours);
  ASSERT_GE(calls.size(), 4u);
  calls.resize(4);
  EXPECT_THAT(calls, ElementsAreArray(seen.callers.rbegin(), seen.callers.rend()));
}

TEST(CallPath, IsKeptOnceForAllTasksThatWereSpawnedAlongIt) {
  std::set<std::uint64_t> paths;
  std::deque<spawned> all;
  std::uint64_t first = 0;
  for (int i = 0; i < 100; ++i) {
    outer(all.emplace_back(), 1);
    paths.insert(path_of(*all.back().task));
    if (i == 0) first = sites();
  }
  EXPECT_EQ(paths.size(), 1u);
  EXPECT_EQ(sites(), first);
}

TEST(CallPath, OfAnotherCallerIsAnother) {
  spawned a, b, deep;
  spawn(a);
  spawn(b);
  outer(deep, 3);
  EXPECT_NE(path_of(*a.task), path_of(*b.task));
  EXPECT_THAT(calls_of(*a.task), Contains(a.callers[0]));
  EXPECT_THAT(calls_of(*b.task), Contains(b.callers[0]));
  EXPECT_THAT(calls_of(*deep.task), Contains(deep.callers.back()));
}

TEST(CallPath, EndsAtAFrameOfVariableSizeAndIsNeverWrong) {
  std::uint64_t known = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    spawned seen;
    above_variable_frame(seen, 16 + i * 48);
    EXPECT_THAT(calls_of(*seen.task), Contains(seen.callers.back()));
    if (i == 4) known = sites();
  }
  EXPECT_EQ(sites(), known);  // it is not unwound again and again
}

/// The same, of which no other test has made known that it varies.
[[gnu::noinline]] void above_frame_of_size(spawned& to, std::size_t size) {
  auto* bytes = static_cast<char*>(alloca(size));
  std::memset(bytes, 0, size);
  to.callers.push_back(RETURN_ADDRESS);
  spawn(to);
  asm volatile("" : : "r"(bytes) : "memory");
}

/// Runs on a thread behind whose stack nobody may read.
template <class Function>
void on_stack_before_a_wall(Function function) {
  constexpr std::size_t size = 4 << 20;  // of which sanitizers take one for themselves
  void* memory = ::mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(::mprotect(static_cast<char*>(memory) + size, size, PROT_NONE), 0);
  pthread_attr_t how;
  pthread_attr_init(&how);
  ASSERT_EQ(pthread_attr_setstack(&how, memory, size), 0);
  pthread_t thread{};
  const auto begin = [](void* what) -> void* {
    (*static_cast<Function*>(what))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &how, begin, &function), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&how);
  ::munmap(memory, 2 * size);
}

TEST(CallPath, IsNotLookedForBeyondTheStack) {
  // First a large frame, then a small one so near to the stack's end that the large one would not have found room.
  for (const std::size_t size : {3'000'000u, 16u})
    on_stack_before_a_wall([size] {
      spawned seen;
      above_frame_of_size(seen, size);
      EXPECT_THAT(calls_of(*seen.task), Contains(seen.callers.back()));
    });
}

TEST(CallPath, ThatIsKnownIsNotUnwoundAgain) {
  int first = 0, others = 0;
  for (int i = 0; i < 10; ++i) {
    spawned seen;
    const int before = unwindings;
    outer(seen, 3);
    (i == 0 ? first : others) += unwindings - before;
  }
  EXPECT_EQ(first, 1);
  EXPECT_EQ(others, 0);
}

TEST(CallPath, IsBounded) {
  spawned seen;
  outer(seen, 100);
  EXPECT_LE(calls_of(*seen.task).size(), layout::longest_call_path);
  EXPECT_THAT(calls_of(*seen.task), Contains(seen.callers.back()));
}

TEST(CallPath, IsTheSameForAllThreads) {
  std::vector<std::thread> threads;
  std::vector<std::vector<spawned>> all(4);
  for (auto& mine : all)
    threads.emplace_back([&mine] {
      for (int i = 0; i < 200; ++i) outer(mine.emplace_back(), i % 8);
    });
  for (auto& thread : threads) thread.join();
  for (const auto& mine : all)
    for (const auto& each : mine) EXPECT_THAT(calls_of(*each.task), Contains(each.callers.back()));
  for (int depth = 0; depth < 8; ++depth) {
    std::set<std::uint64_t> paths;
    for (const auto& mine : all)
      for (std::size_t i = 8 + static_cast<std::size_t>(depth); i < mine.size(); i += 8)
        paths.insert(path_of(*mine[i].task));
    EXPECT_LE(paths.size(), 4u);  // one, unless several threads were the first at once
  }
}

}  // namespace
}  // namespace tasks::testing
