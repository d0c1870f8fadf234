// What a recorder makes of the answers of a source, as it is read again.

#include "surveys/recorder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "proof/wait_graph.hpp"
#include "sources/recorded_source.hpp"
#include "surveys/recorded_facts.hpp"

namespace tasks::cli {
namespace {

/// A source that answers what it was given.
class made_source final : public snapshot_source {
 public:
  v1::Chunk tasks, failures;

  [[nodiscard]] pid_t pid() const override { return 7; }
  [[nodiscard]] target* from() const override { return nullptr; }
  [[nodiscard]] std::string description() const override { return "made"; }
  result<v1::Vitals> vitals(bool, const chunk_visitor& visit) override {
    visit(failures);
    return v1::Vitals();
  }
  result<v1::Trailer> stacks(const v1::StacksRequest&, const chunk_visitor& visit) override {
    visit(tasks);
    return v1::Trailer();
  }
};

void add_location(v1::Chunk& to, std::uint32_t id, const char* function, const char* file) {
  auto& location = *to.add_locations();
  location.set_id(id);
  location.set_function(function);
  location.set_file(file);
}

struct read_again {
  v1::Chunk tasks, failures;
};

read_again read(const taken_snapshot& taken) {
  read_again all;
  auto source = open_recorded(taken.head, taken.parts, "");
  EXPECT_TRUE(source);
  if (!source) return all;
  const auto vitals = (*source)->vitals(false, [&](const v1::Chunk& chunk) {
    all.failures.MergeFrom(chunk);
    return true;
  });
  const auto tasks = (*source)->stacks({}, [&](const v1::Chunk& chunk) {
    all.tasks.MergeFrom(chunk);
    return true;
  });
  EXPECT_TRUE(vitals && tasks);
  return all;
}

/// Names of files and functions may be any bytes, which protobuf refuses to read.
TEST(Recorder, KeepsNamesThatAreNoUtf8) {
  made_source source;
  add_location(source.tasks, 4, "work()", "/src/caf\xe9.cpp");
  auto& task = *source.tasks.add_tasks();
  task.set_id(1);
  task.add_frames(4);
  add_location(source.failures, 9, "fails()", "/src/\xff.cpp");
  auto& failure = *source.failures.add_failures();
  failure.set_location(9);
  failure.set_message("no \xe9");
  auto taken = recorder().take(source, {});
  ASSERT_TRUE(taken);
  const auto again = read(*taken);
  ASSERT_EQ(again.tasks.tasks_size(), 1);
  ASSERT_EQ(again.failures.failures_size(), 1);
  EXPECT_EQ(again.failures.failures(0).message(), "no ?");
  std::string files;
  for (const auto& each : again.tasks.locations()) files += each.file() + " ";
  EXPECT_EQ(files, "/src/?.cpp /src/caf?.cpp ");
}

/// Whatever number an answer gives a location, and however old a task is.
TEST(Recorder, MakesTheSameBytesOfATaskThatStays) {
  made_source source;
  add_location(source.tasks, 4, "work()", "/src/a.cpp");
  auto& task = *source.tasks.add_tasks();
  task.set_id(1);
  task.set_version(3);
  task.set_state(v1::Task::BLOCKED);
  task.set_age_ms(5'000);
  task.add_frames(4);
  recorder one;
  const auto first = one.take(source, {});
  source.tasks.mutable_locations(0)->set_id(70);
  task.set_frames(0, 70);
  task.set_age_ms(15'500);
  const auto second = one.take(source, {});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(read(*first).tasks.tasks(0).age_ms(), 5'000U);
  EXPECT_EQ(read(*second).tasks.tasks(0).age_ms(), 15'500U);
  // Its part is the last one.
  const auto of_task = first->parts.substr(first->parts.size() - 20);
  EXPECT_EQ(of_task, second->parts.substr(second->parts.size() - 20));
}

TEST(Recorder, KeepsTheAgeOfATaskThatHadNoneBefore) {
  made_source source;
  auto& task = *source.tasks.add_tasks();
  task.set_id(1);
  task.set_version(3);
  task.set_state(v1::Task::BLOCKED);
  recorder one;
  for (const std::uint64_t age : {0U, 500U, 1'000U}) {
    task.set_age_ms(age);
    const auto taken = one.take(source, {});
    ASSERT_TRUE(taken);
    EXPECT_EQ(read(*taken).tasks.tasks(0).age_ms(), age);
  }
}

/// Of ten thousand tasks that wait on one object, what points to that is told once.
TEST(ARecordedGraph, IsAsLargeAsItsTasksAndObjectsAre) {
  constexpr std::uint64_t object = 0x7000, tasks = 10'000, others = 1'000;
  wait_graph graph;
  for (std::uint64_t id = 1; id <= tasks; ++id)
    graph.tasks[id] = {layout::wait_kind::channel_receive, object, true, {}, {}, tasks - 1, false};
  auto& shared = graph.objects[object];
  shared.wakers = {3, 9};
  for (std::uint64_t i = 0; i < others; ++i)
    shared.others.push_back({object, {holder::kind::memory, i, 8, 0, "/usr/bin/server", "pool"}, 2});
  const auto message = to_message(graph);
  EXPECT_LT(message.ByteSizeLong(), tasks * 40 + others * 80);
  const auto part = part_of(from_message(message), 17);
  ASSERT_EQ(part.tasks.size(), 3U);
  const auto& node = part.tasks.at(17);
  EXPECT_THAT(node.wakers, ::testing::ElementsAre(3, 9));
  ASSERT_EQ(node.others.size(), others);
  EXPECT_EQ(node.others[5].from, graph.objects[object].others[5].from);
  EXPECT_EQ(node.others[5].allocations, 2U);
}

}  // namespace
}  // namespace tasks::cli
