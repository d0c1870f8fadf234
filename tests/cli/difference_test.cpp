// What changed between two snapshots, of sources that are made here.

#include "surveys/difference.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "views/difference.hpp"

namespace tasks::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A snapshot as a recording tells it.
class made_source final : public snapshot_source {
 public:
  [[nodiscard]] pid_t pid() const override { return 7; }
  [[nodiscard]] target* from() const override { return nullptr; }
  [[nodiscard]] const v1::RecordedFacts* recorded() const override { return &facts_; }
  [[nodiscard]] std::string description() const override { return "made"; }
  result<v1::Vitals> vitals(bool, const chunk_visitor&) override { return v1::Vitals(); }
  result<v1::Trailer> stacks(const v1::StacksRequest&, const chunk_visitor& visit) override {
    visit(chunk_);
    v1::Trailer end;
    end.set_tick_resolution_ms(100);
    return end;
  }

  /// A task in `function`, whose location has the number that `shift` gives it: answers number as they like.
  v1::Task& add(std::uint64_t id, const char* function, std::uint64_t version = 1) {
    auto& task = *chunk_.add_tasks();
    task.set_id(id);
    task.set_version(version);
    task.set_state(v1::Task::BLOCKED);
    task.mutable_wait()->set_kind(v1::Wait::OTHER);
    task.set_age_ms(5000);
    task.add_frames(location_of(function));
    return task;
  }
  v1::Task& add_on_channel(std::uint64_t id, v1::Wait::Kind kind, std::uint64_t channel) {
    auto& task = add(id, "use_channel()");
    task.mutable_wait()->set_kind(kind);
    task.mutable_wait()->set_object(channel);
    task.mutable_wait()->set_capacity(2);
    return task;
  }
  void add_reader(std::uint64_t id, std::uint32_t fd, std::uint64_t unread) {
    auto& task = add(id, "read_some()");
    task.mutable_wait()->set_kind(v1::Wait::SOCKET_READ);
    task.mutable_wait()->set_fd(fd);
    auto& descriptor = *facts_.add_descriptors();
    descriptor.set_fd(fd);
    descriptor.set_kind(static_cast<std::uint32_t>(endpoint::kind::socket));
    descriptor.set_name("tcp");
    descriptor.set_peer("127.0.0.1:4000");
    descriptor.set_receive_queue(unread);
    descriptor.set_send_queue(0);
  }
  void add_running(std::uint64_t id, std::uint64_t resumes) {
    auto& task = add(id, "spin()");
    task.clear_wait();
    task.set_state(v1::Task::RUNNING);
    task.set_thread(12);
    task.set_resumes(resumes);
  }
  void shift_locations(std::uint32_t by) { next_ += by; }

 private:
  std::uint32_t location_of(const std::string& function) {
    for (const auto& each : chunk_.locations())
      if (each.function() == function) return each.id();
    auto& made = *chunk_.add_locations();
    made.set_id(next_++);
    made.set_function(function);
    made.set_file("/src/server.cpp");
    made.set_line(10);
    return made.id();
  }

  v1::RecordedFacts facts_;
  v1::Chunk chunk_;
  std::uint32_t next_ = 1;
};

class Difference : public ::testing::Test {
 protected:
  difference compare(bool same_process = true, double seconds = 60) {
    EXPECT_TRUE(survey_.read_earlier(before_));
    names_.emplace(after_, resolver_options{});
    auto found = survey_.compare(after_, *names_, seconds, same_process);
    EXPECT_TRUE(found);
    return *std::move(found);
  }
  static std::string text_of(const difference& found) {
    fmt::memory_buffer out;
    render_difference(out, found, {"then", "now", 20}, {.style = {}, .pid = 7});
    return fmt::to_string(out);
  }

  made_source before_, after_;
  difference_survey survey_;
  std::optional<resolver> names_;
};

TEST_F(Difference, TellsTasksThatCameWentAndStayed) {
  before_.add(1, "work()");
  before_.add(2, "work()");
  before_.add(3, "work()");
  after_.shift_locations(40);
  after_.add(2, "work()");
  after_.add(3, "work()", 2);  // another wait at the same place
  after_.add(4, "work()");
  after_.add(5, "work()");
  const auto found = compare();
  ASSERT_EQ(found.groups.size(), 1U);
  const auto& group = found.groups[0];
  EXPECT_EQ(group.before, 3U);
  EXPECT_EQ(group.after, 4U);
  EXPECT_EQ(group.came, 3U);
  EXPECT_EQ(group.went, 2U);
  EXPECT_EQ(group.stayed, 1U);
  EXPECT_EQ(group.group.ids(0), 3U);
  const auto text = text_of(found);
  EXPECT_THAT(text, HasSubstr("then → now\ntasks: 3 → 4, +1/min: 3 came, 2 went, 1 stayed\n"));
  EXPECT_THAT(text, HasSubstr("\nmore: 3 → 4 tasks [blocked, oldest 5s], +1/min; 3 came, 2 went, 1 stayed:\nwork()\n"));
}

TEST_F(Difference, ListsNewStacksFirstThenThoseThatVanishedThenOthersByGrowth) {
  for (std::uint64_t id = 1; id <= 4; ++id) before_.add(id, "shrinks()");
  before_.add(10, "vanishes()");
  before_.add(11, "stays()");
  before_.add(20, "grows()");
  after_.add(1, "shrinks()");
  after_.add(2, "shrinks()");
  after_.add(3, "shrinks()");
  after_.add(11, "stays()");
  for (std::uint64_t id = 20; id <= 28; ++id) after_.add(id, "grows()");
  after_.add(40, "is_new()");
  const auto found = compare();
  std::vector<std::string> order;
  for (const auto& each : found.groups) order.push_back(each.meaning.frames.at(0).location->function);
  EXPECT_EQ(order, (std::vector<std::string>{"is_new()", "vanishes()", "grows()", "shrinks()"}));
  EXPECT_EQ(found.unchanged, 1U);
  const auto text = text_of(found);
  EXPECT_THAT(text, HasSubstr("new: 1 task ["));
  EXPECT_THAT(text, HasSubstr("vanished: 1 task ["));
  EXPECT_THAT(text, HasSubstr("fewer: 4 → 3 tasks ["));
  EXPECT_THAT(text, HasSubstr("\n1 stack did not change\n"));
}

TEST_F(Difference, OfTwoProcessesIsOfNumbers) {
  before_.add(1, "work()");
  before_.add(2, "work()");
  after_.add(1, "work()");
  after_.add(2, "work()", 9);
  after_.add(3, "work()");
  const auto found = compare(false);
  ASSERT_EQ(found.groups.size(), 1U);
  EXPECT_EQ(found.groups[0].came, 1U);
  EXPECT_EQ(found.groups[0].went, 0U);
  EXPECT_EQ(found.groups[0].stayed, 2U);
  EXPECT_THAT(text_of(found), HasSubstr("two processes"));
}

TEST_F(Difference, NamesChannelsThatFilled) {
  before_.add_on_channel(1, v1::Wait::CHANNEL_SEND, 0x1000);
  before_.add_on_channel(2, v1::Wait::CHANNEL_RECEIVE, 0x2000);
  for (std::uint64_t id = 1; id <= 3; ++id) after_.add_on_channel(id + 10, v1::Wait::CHANNEL_SEND, 0x1000);
  after_.add_on_channel(2, v1::Wait::CHANNEL_RECEIVE, 0x2000);
  const auto found = compare();
  ASSERT_EQ(found.channels.size(), 1U);
  EXPECT_THAT(text_of(found), HasSubstr("filled: channel 0x1000 [capacity 2]  1 → 3 senders\n"));
}

TEST_F(Difference, NamesTasksThatRanAllTheWhile) {
  before_.add_running(1, 5);
  before_.add_running(2, 5);
  after_.add_running(1, 5);
  after_.add_running(2, 6);
  const auto found = compare();
  ASSERT_EQ(found.stalled.size(), 1U);
  EXPECT_THAT(text_of(found), HasSubstr("stalled: thread 12 has run task 1 all the while, for 5s\n"));
}

TEST_F(Difference, NamesSocketsWhoseQueuesGrew) {
  before_.add_reader(1, 8, 10);
  before_.add_reader(2, 9, 10);
  after_.add_reader(1, 8, 4096);
  after_.add_reader(2, 9, 10);
  const auto found = compare();
  ASSERT_EQ(found.queues.size(), 1U);
  EXPECT_THAT(text_of(found), HasSubstr("queue: fd 8 127.0.0.1:4000  10 → 4096 bytes unread\n"));
}

TEST_F(Difference, WithoutTimeHasNoRate) {
  after_.add(1, "work()");
  const auto found = compare(true, 0);
  EXPECT_THAT(text_of(found), Not(HasSubstr("/min")));
  v1::DiffView view;
  fill_view(found, {"then", "now", 20}, view);
  ASSERT_EQ(view.groups_size(), 1);
  EXPECT_FALSE(view.groups(0).has_growth_per_minute());
}

TEST_F(Difference, OfOneMoreThanIsShownIsOneGroup) {
  for (std::uint64_t id = 1; id <= 21; ++id) after_.add(id, fmt::format("work_{}()", id).c_str());
  EXPECT_THAT(text_of(compare()), HasSubstr("\n1 group left out (--limit)\n"));
}

TEST_F(Difference, ThatIsLongIsCutAndSaysSo) {
  for (std::uint64_t id = 1; id <= 30; ++id) after_.add(id, fmt::format("work_{}()", id).c_str());
  const auto found = compare();
  EXPECT_THAT(text_of(found), HasSubstr("\n10 groups left out (--limit)\n"));
  v1::DiffView view;
  fill_view(found, {"then", "now", 20}, view);
  EXPECT_EQ(view.groups_size(), 20);
  EXPECT_EQ(view.groups_left_out(), 10U);
}

}  // namespace
}  // namespace tasks::cli
