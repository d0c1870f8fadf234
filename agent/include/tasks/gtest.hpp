#pragma once

/// Leak checks that fail a GoogleTest test. Needs nothing but <gtest/gtest.h>, at the user's side.
///
///   int main(int argc, char** argv) {                               // all tests …
///     testing::InitGoogleTest(&argc, argv);
///     testing::UnitTest::GetInstance()->listeners().Append(new tasks::gtest::leak_listener);
///     return RUN_ALL_TESTS();
///   }
///   struct PoolTest : tasks::gtest::leak_free_test { … };           // … or those of one fixture …
///   TEST(Pool, Stops) { tasks::gtest::leak_check check; … }         // … or one.

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "tasks/leak_check.hpp"

namespace tasks::gtest {

/// A leak_handler: a failure at the place of the test.
inline void fail(const leak_report& report) {
  if (const auto* test = ::testing::UnitTest::GetInstance()->current_test_info())
    ADD_FAILURE_AT(test->file(), test->line()) << report.text;
  else
    ADD_FAILURE() << report.text;
}

/// EXPECT_TRUE(tasks::gtest::no_leaks());
[[nodiscard]] inline ::testing::AssertionResult no_leaks(const leak_options& options = {}) {
  const auto report = expect_no_leaks(options);
  if (report.tasks == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << report.text;
}

/// Fails the test that makes it.
class leak_check : public tasks::leak_check {
 public:
  explicit leak_check(leak_options options = {}) : tasks::leak_check(failing(std::move(options))) {}

 private:
  static leak_options failing(leak_options options) {
    if (!options.on_leak) options.on_leak = fail;
    return options;
  }
};

/// Fails each test that leaves tasks behind which began in it, and each suite whose SetUpTestSuite leaves some behind
/// after TearDownTestSuite. A test that has failed already is not looked at. leak_check outside of gtest's fails the
/// test too, as long as the listener exists. Claims the whole process: GoogleTest runs one test at a time.
class leak_listener : public ::testing::EmptyTestEventListener {
 public:
  explicit leak_listener(leak_options options = {}) : options_(std::move(options)) { options_.whole_process = true; }
  ~leak_listener() noexcept override { set_leak_handler(before_); }

  void OnTestSuiteStart(const ::testing::TestSuite&) override { suite_.emplace(options_); }
  void OnTestStart(const ::testing::TestInfo&) override { test_.emplace(options_); }
  void OnTestEnd(const ::testing::TestInfo& test) override { end(test_, test.result()->Failed()); }
  void OnTestSuiteEnd(const ::testing::TestSuite& suite) override { end(suite_, suite.ad_hoc_test_result().Failed()); }

 private:
  static void end(std::optional<tasks::leak_check>& check, bool failed) {
    if (failed) check->options().deadline = {};
    const auto report = check->end();
    check.reset();
    if (report.tasks != 0 && !failed) fail(report);
  }

  leak_options options_;
  leak_handler before_ = set_leak_handler(fail);
  std::optional<tasks::leak_check> suite_;
  std::optional<tasks::leak_check> test_;
};

/// Looks when TearDown() of the fixture begins, while its members still exist; a fixture with one of its own calls this
/// one. An io_context that is a local variable of the test takes its tasks along before that: make it a member.
class leak_free_test : public ::testing::Test {
 protected:
  explicit leak_free_test(leak_options options = {}) : check_(claiming_all(std::move(options))) {}
  ~leak_free_test() noexcept override = default;

  /// For the constructor of the fixture, or a test: leaks().poll = tasks::polling(context);
  [[nodiscard]] leak_options& leaks() noexcept { return check_.options(); }
  void ignore_current_tasks() { check_.ignore_current(); }

  void TearDown() override {
    if (HasFailure()) leaks().deadline = {};
    if (const auto report = check_.end(); report.tasks != 0 && !HasFailure()) fail(report);
  }

 private:
  static leak_options claiming_all(leak_options options) {
    options.whole_process = true;
    return options;
  }

  leak_check check_;
};

}  // namespace tasks::gtest
