// Tasks that end while they are looked at.

#include <gmock/gmock.h>

#include "support/program.hpp"
#include "surveys/why.hpp"

namespace tasks::cli {
namespace {

/// A source whose only task waits on a channel, as long as it has not been asked so often.
class short_lived final : public snapshot_source {
 public:
  static constexpr std::uint64_t id = 4711;

  short_lived(std::shared_ptr<target> from, int answers) : from_(std::move(from)), answers_(answers) {}
  [[nodiscard]] pid_t pid() const override { return from_->pid(); }
  [[nodiscard]] target* from() const override { return from_.get(); }
  [[nodiscard]] std::string description() const override { return "a test"; }
  result<v1::Vitals> vitals(bool, const chunk_visitor&) override { return v1::Vitals(); }
  result<v1::Trailer> stacks(const v1::StacksRequest&, const chunk_visitor& visit) override {
    v1::Trailer trailer;
    if (answers_-- <= 0) return trailer;
    v1::Chunk chunk;
    auto& task = *chunk.add_tasks();
    task.set_id(id);
    task.set_state(v1::Task::BLOCKED);
    task.mutable_wait()->set_kind(v1::Wait::CHANNEL_RECEIVE);
    task.mutable_wait()->set_object(0x1000);
    trailer.set_total(1);
    trailer.set_matched(1);
    if (!visit(chunk)) return v1::Trailer();
    return trailer;
  }

 private:
  std::shared_ptr<target> from_;
  int answers_;
};

class Why : public ::testing::Test {
 protected:
  [[nodiscard]] result<why_survey> ask(int answers, bool memory) const {
    short_lived source(live_target(lab_.pid()), answers);
    return survey_wait(source, short_lived::id, {.memory = memory});
  }

  testing::program lab_{{testing::program_path("lab")}};
};

TEST_F(Why, OfATaskThatHasEndedBetweenTwoLooksSaysSo) {
  const auto survey = ask(1, false);
  ASSERT_FALSE(survey);
  EXPECT_EQ(survey.why().code, error_code::no_such_task);
  EXPECT_EQ(message(survey.why()), "tasks: " + subject_of(lab_.pid()) + ": task 4711 has ended");
  EXPECT_EQ(exit_code(survey.why().code), 1);
}

TEST_F(Why, OfATaskThatIsNotInThePictureOfMemorySaysSo) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "of a sanitizer's address space no picture is taken";
#endif
  const auto survey = ask(1000, true);
  ASSERT_FALSE(survey);
  EXPECT_EQ(survey.why().fact, "task 4711 has ended");
}

TEST_F(Why, OfATaskThatWasNeverSeenDoesNotClaimThatItEnded) {
  const auto survey = ask(0, false);
  ASSERT_FALSE(survey);
  EXPECT_EQ(survey.why().fact, "task 4711 is not there");
}

TEST_F(Why, OfATaskThatStaysTellsItsWait) {
  const auto survey = ask(1000, false);
  ASSERT_TRUE(survey);
  EXPECT_EQ(survey->subject.task.id(), short_lived::id);
}

}  // namespace
}  // namespace tasks::cli
