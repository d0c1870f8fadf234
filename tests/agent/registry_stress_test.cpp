// Snapshots without pause while tasks begin, nest, wait and end as fast as they can: every copy must be whole.

#include <gmock/gmock.h>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <latch>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "readers/record_reader.hpp"
#include "registry/registry.hpp"
#include "support/look.hpp"

namespace {

using asio::awaitable;
using asio::use_awaitable;
using tasks::layout::record_state;
using tasks::layout::wait_kind;
using channel = asio::experimental::concurrent_channel<void(std::error_code, int)>;

// Under a sanitizer a part of it: that looks at every access, and finds a missing order without having to meet it.
#if defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#    define SANITIZED
#  endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(SANITIZED)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

constexpr int threads = 4;
constexpr int rounds = sanitized ? 3 : 10;
constexpr int tasks_a_round = 100'000;

/// In which round a task ran, by its id. Written by the task itself.
std::vector<std::atomic<std::uint8_t>> round_of(4'000'000);
std::atomic<int> ended_rounds = 0;

void note_round(std::uint8_t round) {
  const auto id = tasks::detail::this_thread.current->id.load();
  if (id < round_of.size()) round_of[id] = round;
}

awaitable<void> sending_side(channel& c, int depth) {
  if (depth > 0)
    co_await sending_side(c, depth - 1);
  else
    co_await c.async_send({}, 1, use_awaitable);
}

awaitable<void> receiving_side(channel& c, int depth) {
  if (depth > 0)
    co_await receiving_side(c, depth - 1);
  else
    co_await c.async_receive(use_awaitable);
}

awaitable<void> sender(channel& c, std::uint8_t round, int i) {
  note_round(round);
  co_await sending_side(c, i % 12);
}

awaitable<void> receiver(channel& c, std::uint8_t round, int i) {
  note_round(round);
  co_await receiving_side(c, i % 12);
}

awaitable<void> spawner(channel& c, std::uint8_t round) {
  note_round(round);
  auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i < tasks_a_round / threads / 2; ++i) {
    co_spawn(executor, sender(c, round, i), asio::detached);
    co_spawn(executor, receiver(c, round, i), asio::detached);
    if (i % 16 == 0) co_await asio::post(use_awaitable);
  }
}

/// A frame belongs below another, and a wait to the function that waits so: a torn copy would mix them.
void check(const tasks::testing::seen_task& t, int ended_before, const std::set<std::uint64_t>& ids) {
  const bool sends = t.runs("sending_side") || t.runs("sender(");
  const bool receives = t.runs("receiving_side") || t.runs("receiver(");
  ASSERT_FALSE(sends && receives) << "task " << t.id << " has frames of two tasks";
  if (t.state == record_state::blocked) {
    ASSERT_TRUE(!sends || t.kind == wait_kind::channel_send) << static_cast<int>(t.kind);
    ASSERT_TRUE(!receives || t.kind == wait_kind::channel_receive) << static_cast<int>(t.kind);
    ASSERT_NE(t.object, 0u);
  }
  ASSERT_LE(t.frames.size(), 16u);
  for (std::size_t i = 0; i + 1 < t.frames.size(); ++i)
    if (t.frames[i].function.find("co_spawn_entry_point") != std::string::npos)
      FAIL() << "an entry point is not the outermost frame of task " << t.id;
  const int ran_in = t.id < round_of.size() ? round_of[t.id].load() : 0;
  ASSERT_TRUE(ran_in == 0 || ran_in > ended_before) << "task " << t.id << " of round " << ran_in << " had ended";
  if (t.parent != 0 && !ids.contains(t.parent)) {
    // It has ended: spawners of this round only end after their children began, those of others ended with theirs.
    ASSERT_LT(t.parent, round_of.size());
    ASSERT_NE(round_of[t.parent].load(), 0) << "task " << t.id << " has a parent that never ran";
  }
}

TEST(RegistryStress, OfCrowdsOfTasksEverySnapshotIsWhole) {
  std::atomic<bool> done = false;
  std::atomic<int> snapshots = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!done && !testing::Test::HasFatalFailure()) {
        const int ended_before = ended_rounds;
        const auto seen = tasks::testing::look();
        std::set<std::uint64_t> ids;
        for (const auto& t : seen) ASSERT_TRUE(ids.insert(t.id).second) << "task " << t.id << " is there twice";
        for (const auto& t : seen) ASSERT_NO_FATAL_FAILURE(check(t, ended_before, ids));
        ++snapshots;
      }
    });
  for (int round = 1; round <= rounds; ++round) {
    asio::io_context context(threads);
    channel c(context, 8);
    for (int i = 0; i < threads; ++i) co_spawn(context, spawner(c, static_cast<std::uint8_t>(round)), asio::detached);
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i) workers.emplace_back([&] { context.run(); });
    workers.clear();
    ended_rounds = round;
  }
  done = true;
  readers.clear();
  EXPECT_GT(snapshots, 0);
  EXPECT_TRUE(tasks::testing::look().empty());
}

constexpr std::uint64_t blocked_copies = sanitized ? 50'000 : 500'000;

/// What one writer and the readers below agree on: everything in the record follows from one number.
constexpr std::uint64_t object_of(std::uint64_t n) { return n * 0x9e37'79b9'7f4a'7c15; }

TEST(RegistryStress, ARecordThatIsRewrittenWithoutPauseIsNeverCopiedTorn) {
  using namespace tasks::detail;
  using tasks::layout::detail_kind;
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> copies = 0;
  std::latch begun(1);
  std::jthread writer([&] {
    int frame = 0;
    entry* root = begin_task(&frame);
    entry* leaf = root;
    push(leaf, &frame, 0);
    pop(root);  // as if the first dispatch had completed: it runs
    begun.count_down();
    for (std::uint64_t n = 1; !done; n = n % 0x7fff'ffff + 1) {
      entry* top = root;
      push(top, reinterpret_cast<void*>(n), n);
      block(owner(root));
      publish_wait(
          owner(root),
          tasks::layout::pack_wait(wait_kind::socket_read, detail_kind::capacity, static_cast<std::uint32_t>(n)),
          object_of(n), n);
      // Long enough, now and then, for a reader to get through; without it hardly a copy succeeds.
      for (std::uint64_t spin = 0; spin < n % 64; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
      pop(root);
    }
    end_task(owner(root));
  });
  begun.wait();  // a slab_map knows the registries that there are when it is made
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      slab_map slabs;
      task_copy copy{};
      for (std::uint64_t blocked = 0; blocked < blocked_copies;) {
        for (auto* home : slabs.registries()) {
          const auto used = home->used.load();
          for (std::uint64_t r = 0; r < used; ++r) {
            const auto* slab = home->slabs[r / tasks::layout::slab_records].load();
            if (slab == nullptr || !tasks::layout::is_task(slab[r % tasks::layout::slab_records].word.load())) continue;
            if (copy_task(slab[r % tasks::layout::slab_records], slabs, copy) != copied::whole) continue;
            ++copies;
            if (tasks::layout::state_of(copy.word) != record_state::blocked) continue;
            ++blocked;
            const std::uint64_t n = tasks::layout::descriptor_of(copy.wait);
            ASSERT_EQ(copy.object, object_of(n));
            ASSERT_EQ(copy.detail, n);
            ASSERT_EQ(copy.depth, 2u);
            ASSERT_EQ(copy.where[1], ~n);
          }
        }
      }
    });
  readers.clear();
  done = true;
  writer.join();
  EXPECT_GE(copies, 2 * blocked_copies);
}

}  // namespace
