// Labels that tasks inherit, and those of a block.

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "readers/record_reader.hpp"
#include "registry/registry.hpp"
#include "support/fake_task.hpp"
#include "tasks/this_task.hpp"

namespace tasks::detail {
namespace {

using layout::wait_kind;
using testing::fake_task;
using this_task::inherit;
using this_task::label_scope;
using texts = std::map<std::string, std::string>;

/// As a reader sees them: the name under "".
texts texts_of(const fake_task& task) {
  slab_map slabs;
  task_copy copy{};
  EXPECT_EQ(copy_task(*task.record(), slabs, copy), copied::whole);
  std::vector<annotation_copy> all;
  copy_annotations(copy, slabs, all);
  texts found;
  for (const auto& each : all) EXPECT_TRUE(found.emplace(each.key.data(), each.value.data()).second);
  return found;
}

void nobody_runs() { this_thread.current = nullptr; }
/// As after what a task has spawned was destroyed within it.
void goes_on(const fake_task& task) { this_thread.current = task.record(); }

TEST(Labels, AreInheritedByWhatALabelledTaskSpawnsAndByWhatThatSpawns) {
  fake_task parent;
  parent.run();
  ASSERT_TRUE(this_task::set_name("parent"));
  ASSERT_TRUE(this_task::set_label("request", "7c1f"));
  ASSERT_TRUE(this_task::set_label("attempt", "1", inherit::no));
  ASSERT_TRUE(this_task::set_label("user", "ann"));
  fake_task child;
  EXPECT_EQ(texts_of(child), (texts{{"request", "7c1f"}, {"user", "ann"}}));
  child.run();
  fake_task grandchild;
  EXPECT_EQ(texts_of(grandchild), texts_of(child));
  EXPECT_EQ(texts_of(parent).size(), 4U);
  nobody_runs();
}

TEST(Labels, OfAParentThatHasNoneAreNone) {
  fake_task outside;
  outside.run();
  fake_task child;
  EXPECT_EQ(load(child.record()->annotations), 0U);
  ASSERT_TRUE(this_task::set_name("named"));
  ASSERT_TRUE(this_task::set_label("own", "alone", inherit::no));
  fake_task other;
  EXPECT_EQ(load(other.record()->annotations), 0U);
  nobody_runs();
  fake_task of_nobody;
  EXPECT_EQ(load(of_nobody.record()->annotations), 0U);
}

TEST(Labels, ThatWereInheritedAreATasksOwn) {
  auto parent = std::make_unique<fake_task>();
  parent->run();
  ASSERT_TRUE(this_task::set_label("request", "first"));
  fake_task child;
  ASSERT_TRUE(this_task::set_label("request", "second"));
  EXPECT_EQ(texts_of(child), (texts{{"request", "first"}}));
  parent->wait(wait_kind::timer);
  child.run();
  ASSERT_TRUE(this_task::set_label("request", "third"));
  EXPECT_EQ(texts_of(*parent), (texts{{"request", "second"}}));
  parent.reset();
  EXPECT_EQ(texts_of(child), (texts{{"request", "third"}}));
  nobody_runs();
}

TEST(Labels, MayBeMadeOnesThatAreNotInheritedAndBack) {
  fake_task parent;
  parent.run();
  ASSERT_TRUE(this_task::set_label("request", "7c1f"));
  ASSERT_TRUE(this_task::set_label("request", "7c1f", inherit::no));
  fake_task first;
  EXPECT_EQ(texts_of(first), texts{});
  ASSERT_TRUE(this_task::set_label("request", "7c1f"));
  fake_task second;
  EXPECT_EQ(texts_of(second).size(), 1U);
  nobody_runs();
}

TEST(Labels, AllSixteenAreInheritedAndCounted) {
  fake_task parent;
  parent.run();
  for (int i = 0; i < this_task::max_labels; ++i)
    ASSERT_TRUE(this_task::set_label("key " + std::to_string(i), std::string(this_task::max_text, 'x')));
  fake_task child;
  EXPECT_EQ(texts_of(child), texts_of(parent));
  child.run();
  EXPECT_FALSE(this_task::set_label("one more", "x"));
  EXPECT_TRUE(this_task::set_label("key 3", "replaced"));
  nobody_runs();
}

/// While the initiation of an operation spawns, the operation may end on another thread.
TEST(Labels, OfATaskThatHasEndedWhileItSpawnsAreNone) {
  auto parent = std::make_unique<fake_task>();
  auto* record = parent->run().record();
  ASSERT_TRUE(this_task::set_label("request", "7c1f"));
  fake_task other;
  parent.reset();
  other.run();
  // Its record is a label's by then, and none of its words is what it was.
  for (int i = 0; layout::state_of(load(record->word)) != layout::record_state::annotation; ++i)
    ASSERT_TRUE(this_task::set_label(std::to_string(i), std::string(this_task::max_text, 'x')));
  this_thread.current = record;
  fake_task child;
  EXPECT_EQ(load(child.record()->annotations), 0U);
  nobody_runs();
}

TEST(Labels, OfATaskThatHasGoneOnElsewhereWhileItSpawnsAreNone) {
  fake_task parent;
  parent.run();
  ASSERT_TRUE(this_task::set_label("request", "7c1f"));
  parent.wait(wait_kind::timer);
  std::thread([&parent] {
    parent.wake();
    nobody_runs();
  }).join();
  goes_on(parent);
  fake_task child;
  EXPECT_EQ(texts_of(child), texts{});
  nobody_runs();
}

TEST(Labels, GiveTheirMemoryBackWithTheirTask) {
  fake_task parent;
  parent.run();
  for (const auto* key : {"a", "b", "c"}) ASSERT_TRUE(this_task::set_label(key, "x"));
  { const std::vector<fake_task> warm(1000); }
  const auto used = ensure_registry()->used.load();
  for (int round = 0; round < 20; ++round) {
    goes_on(parent);
    const std::vector<fake_task> many(1000);
  }
  EXPECT_EQ(ensure_registry()->used.load(), used);
  nobody_runs();
}

TEST(LabelScope, GivesBackWhatTheLabelWas) {
  fake_task task;
  task.run();
  ASSERT_TRUE(this_task::set_label("user", "ann", inherit::no));
  {
    const label_scope user("user", "bob");
    const label_scope request("request", "7c1f");
    EXPECT_TRUE(user && request);
    EXPECT_EQ(texts_of(task), (texts{{"user", "bob"}, {"request", "7c1f"}}));
    {
      const label_scope inner("request", "9a2e");
      EXPECT_EQ(texts_of(task).at("request"), "9a2e");
    }
    EXPECT_EQ(texts_of(task).at("request"), "7c1f");
    {
      fake_task child;
      EXPECT_EQ(texts_of(child), texts_of(task));
    }
    goes_on(task);
  }
  EXPECT_EQ(texts_of(task), (texts{{"user", "ann"}}));
  fake_task child;
  EXPECT_EQ(texts_of(child), texts{}) << "nor is it inherited any more";
  nobody_runs();
}

TEST(LabelScope, IsTheTasksAndNotTheThreads) {
  fake_task task, other;
  task.run();
  auto scope = std::make_unique<label_scope>("request", "7c1f");
  task.wait(wait_kind::timer);
  other.run();
  EXPECT_EQ(texts_of(other), texts{});
  ASSERT_TRUE(this_task::set_label("request", "another's"));
  std::thread([&] {
    task.wake();
    scope.reset();
    nobody_runs();
  }).join();
  EXPECT_EQ(texts_of(task), texts{});
  EXPECT_EQ(texts_of(other), (texts{{"request", "another's"}}));
  nobody_runs();
}

TEST(LabelScope, WhoseTaskDoesNotRunIsOfNoEffect) {
  const label_scope outside("request", "7c1f");
  EXPECT_FALSE(outside);
  auto task = std::make_unique<fake_task>();
  task->run();
  EXPECT_FALSE(label_scope("", "nothing"));
  auto scope = std::make_unique<label_scope>("request", "7c1f");
  auto of_ended = std::make_unique<label_scope>("other", "x");
  fake_task other;
  ASSERT_EQ(texts_of(other).size(), 2U);
  other.run();
  scope.reset();
  EXPECT_EQ(texts_of(other).size(), 2U);
  EXPECT_EQ(texts_of(*task).size(), 2U);
  task.reset();
  nobody_runs();
  of_ended.reset();
}

TEST(LabelScope, TakesNoMoreMemoryTheMoreThereWere) {
  fake_task task;
  task.run();
  for (int i = 0; i < 1000; ++i) const label_scope warm("key", "value");
  const auto used = ensure_registry()->used.load();
  for (int i = 0; i < 1000; ++i) {
    const label_scope one(std::to_string(i), "value"), two("two", "value");
    ASSERT_TRUE(one && two);
  }
  EXPECT_LE(ensure_registry()->used.load(), used + layout::batch_records);
  std::size_t places = 0;
  for (auto at = load(task.record()->annotations); at != 0;
       at = load(reinterpret_cast<layout::annotation_record*>(at)->next))
    ++places;
  EXPECT_EQ(places, 2U);
  nobody_runs();
}

/// Whoever reads sees each label whole or not at all, and those that stay each time.
TEST(LabelScope, MayComeAndGoWhileSomebodyReads) {
  std::atomic<fake_task*> shown = nullptr;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    fake_task task;
    task.run();
    this_task::set_label("first", "stays");
    shown = &task;
    for (int i = 0; !done; ++i) {
      const std::string text(static_cast<std::size_t>(1 + i % 60), static_cast<char>('a' + i % 26));
      const label_scope scope(text, text);
      { fake_task child; }
      goes_on(task);
    }
    nobody_runs();
  });
  while (shown == nullptr) std::this_thread::yield();
  slab_map slabs;
  std::vector<annotation_copy> all;
  for (int i = 0; i < 2000; ++i) {
    task_copy copy{};
    if (copy_task(*shown.load()->record(), slabs, copy) != copied::whole) continue;
    copy_annotations(copy, slabs, all);
    bool stays = false;
    for (const auto& each : all) {
      const std::string key = each.key.data(), value = each.value.data();
      if (key == "first")
        stays = value == "stays";
      else
        EXPECT_EQ(key, value);
    }
    EXPECT_TRUE(stays);
  }
  done = true;
  writer.join();
}

}  // namespace
}  // namespace tasks::detail
