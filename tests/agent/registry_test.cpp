// The registry without Asio: records, ids, threads, forks.

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>
#include <vector>

#include "registry/registry.hpp"
#include "support/look.hpp"

namespace {

using namespace tasks::detail;
using tasks::testing::look;

struct task {
  int frame = 0;
  entry* slot = begin_task(&frame);
  ~task() { end_task(owner(slot)); }
};

TEST(Registry, ABegunTaskIsReadyAndAnEndedOneIsGone) {
  {
    const task t;
    ASSERT_EQ(look().size(), 1u);
    EXPECT_EQ(look()[0].state, record_state::ready);
  }
  EXPECT_TRUE(look().empty());
}

TEST(Registry, RecordsOfEndedTasksAreUsedAgain) {
  { const std::vector<task> warm(1000); }
  const auto used = ensure_registry()->used.load();
  for (int round = 0; round < 100; ++round) {
    const std::vector<task> many(1000);
    EXPECT_EQ(look().size(), 1000u);
  }
  EXPECT_EQ(ensure_registry()->used.load(), used);
}

TEST(Registry, RecordsThatEndOnAnotherThreadComeBack) {
  std::vector<std::unique_ptr<task>> tasks;
  { const std::vector<task> warm(4096); }
  const auto before = ensure_registry()->used.load();
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 1024; ++i) tasks.push_back(std::make_unique<task>());
    std::jthread([&] { tasks.clear(); }).join();
  }
  // What passes between two threads stays with them: at most a few batches each.
  EXPECT_LE(ensure_registry()->used.load(), before + 8 * tasks::layout::batch_records);
}

TEST(Registry, AThreadThatEndedLeavesItsSlotAndItsRecordsToAnother) {
  std::jthread([] { const task t; }).join();
  const auto threads = ensure_registry()->threads.load();
  const auto used = ensure_registry()->used.load();
  for (int i = 0; i < 50; ++i) std::jthread([] { const std::vector<task> some(100); }).join();
  EXPECT_EQ(ensure_registry()->threads.load(), threads);
  EXPECT_EQ(ensure_registry()->used.load(), used);
}

TEST(Registry, AThreadsTaskMayEndInAThreadLocalDestructor) {
  struct holder {
    std::unique_ptr<task> held;
  };
  std::jthread([] {
    static thread_local holder h;
    h.held = std::make_unique<task>();
  }).join();
  EXPECT_TRUE(look().empty());
}

TEST(Registry, CopiesOfAStackNeverShowAFrameThatWasPopped) {
  const task t;
  entry* top = t.slot;
  int frames[20] = {};
  std::vector<entry*> stack{top};
  for (int& frame : frames) {
    push(top, &frame, 0x1000);
    top = adopt(&frame);
    stack.push_back(top);
  }
  EXPECT_EQ(look().at(0).frames.size(), 21u);
  for (std::size_t i = 20; i-- > 0;) {
    pop(stack[i]);
    EXPECT_EQ(look().at(0).frames.size(), i + 1);
  }
}

TEST(Registry, AFrameThatNobodyPushedIsRecordedNowhere) {
  int frame = 0;
  EXPECT_EQ(adopt(&frame), nowhere_entry());
  entry* top = nowhere_entry();
  push(top, &frame, 0x1000);
  EXPECT_EQ(top, nowhere_entry());
  block(owner(top));
  pop(top);
  EXPECT_TRUE(look().empty());
}

TEST(Registry, TheChildOfAForkOwnsItsCopy) {
  const task t;
  ASSERT_EQ(this_root.pid.load(), static_cast<std::uint32_t>(getpid()));
  const auto child = fork();
  if (child == 0) {
    const bool owns = this_root.pid.load() == static_cast<std::uint32_t>(getpid());
    const bool same = look().size() == 1;
    const task another;
    const bool more = look().size() == 2;
    _exit(owns && same && more ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(this_root.pid.load(), static_cast<std::uint32_t>(getpid()));
}

TEST(Registry, AChildThatNoHandlerHasToldSeesThatItIsOne) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer knows no threads in forked children";
#endif
  const task t;
  const auto child = _Fork();
  if (child == 0) {
    // The number in this thread's slot is of no thread here.
    const auto* own = this_thread.slot;
    const auto* seen = own;
    for (int i = 0; i < 20 && seen != nullptr; ++i)
      std::thread([&] {
        const task another;
        seen = this_thread.slot != own ? this_thread.slot : nullptr;
      }).join();
    const bool owns = this_root.pid.load() == static_cast<std::uint32_t>(getpid());
    _exit((owns ? 0 : 1) | (seen != nullptr ? 0 : 2) | (look().size() == 1 ? 0 : 4));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(this_root.pid.load(), static_cast<std::uint32_t>(getpid()));
}

TEST(Registry, TheRootSaysWhenItsProcessStarted) {
  const task t;
  EXPECT_GT(this_root.start_time.load(), 0u);
  EXPECT_EQ(this_root.magic, tasks::layout::root_magic);
}

TEST(Registry, IdsBeginAtOneInTheExecutable) { EXPECT_LT(ensure_registry()->next_id.load(), 1u << 30); }

}  // namespace
