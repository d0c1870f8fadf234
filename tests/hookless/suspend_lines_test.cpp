/// The lines of co_awaits in this program's own coroutines, found as in any other process: each notes where it is when
/// it suspends.
///
///   outer(): co_await inner() ──> inner(): co_await pause ──> here: both lines are looked up

#include "coroutines/suspend_lines.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <coroutine>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>

#include "coroutines/bodies.hpp"
#include "coroutines/body_machine.hpp"
#include "coroutines/code_bytes.hpp"
#include "coroutines/frame_layout.hpp"
#include "linux/memory.hpp"
#include "symbols/debug_units.hpp"
#include "symbols/modules.hpp"

namespace {

using tasks::cli::source_line;

/// A coroutine that begins when it is awaited, and then goes on with whoever awaited it.
class [[nodiscard]] lazy {
 public:
  struct promise_type {
    std::coroutine_handle<> awaiter = std::noop_coroutine();
    int result = 0;

    lazy get_return_object() { return lazy(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct back {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
          return ended.promise().awaiter;
        }
        void await_resume() noexcept {}
      };
      return back{};
    }
    void return_value(int value) noexcept { result = value; }
    void unhandled_exception() { std::terminate(); }
  };

  lazy(lazy&& from) noexcept : frame_(std::exchange(from.frame_, nullptr)) {}
  lazy& operator=(lazy&&) = delete;
  ~lazy() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    frame_.promise().awaiter = awaiter;
    return frame_;
  }
  int await_resume() const noexcept { return frame_.promise().result; }

  void start() { frame_.resume(); }
  [[nodiscard]] bool is_done() const { return frame_.done(); }
  [[nodiscard]] std::coroutine_handle<> frame() const noexcept { return frame_; }

 private:
  explicit lazy(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

/// What the coroutines below suspend with.
class stage {
 public:
  class pause {
   public:
    pause(stage& on, unsigned line) : on_(on), line_(line) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> who) const noexcept {
      on_.waits_ = who;
      on_.line_ = line_;
    }
    int await_resume() const noexcept { return on_.given_; }

   private:
    stage& on_;
    unsigned line_;
  };

  pause next(std::source_location here = std::source_location::current()) { return pause(*this, here.line()); }
  /// Says where a frame is that awaits another one.
  lazy at(unsigned& line, lazy what, std::source_location here = std::source_location::current()) {
    line = here.line();
    return what;
  }

  void go_on(int given) {
    given_ = given;
    std::exchange(waits_, nullptr).resume();
  }
  [[nodiscard]] std::coroutine_handle<> waits() const noexcept { return waits_; }
  [[nodiscard]] unsigned line() const noexcept { return line_; }

 private:
  std::coroutine_handle<> waits_;
  unsigned line_ = 0;
  int given_ = 0;
};

lazy straight(stage& on) {
  const int first = co_await on.next();
  co_await on.next();

  const int third = co_await on.next();
  co_return first + third;
}

lazy branches(stage& on) {
  int sum = 0;
  for (int i = 0; i < 2; ++i) {
    if (co_await on.next() == 1) {
      sum += co_await on.next();
    } else {
      sum -= co_await on.next();
    }
  }
  try {
    sum += co_await on.next();
    if (sum > 100) throw std::runtime_error("more than it was given");
  } catch (const std::runtime_error&) {
    sum = 0;
  }
  while (sum-- > 0) co_await on.next();
  co_return co_await on.next();
}

lazy expression(stage& on) {
  co_return co_await on.next() +  //
      2 * co_await on.next() +    //
      3 * co_await on.next();
}

lazy inner(stage& on) {
  const std::string kept = "kept";
  co_await on.next();
  co_return static_cast<int>(kept.size()) + co_await on.next();
}

lazy outer(stage& on, unsigned& line) {
  const int first = co_await on.at(line, inner(on));

  co_return first + co_await on.at(line, inner(on));
}

lazy once(stage& on) { co_return co_await on.next(); }

/// What the program has changed since: it suspended while this was set.
bool is_open = true;

lazy while_open(stage& on) {
  while (is_open) {
    co_await on.next();
  }
  co_return 0;
}

class SuspendLines : public testing::Test {
 protected:
  /// Of all tests: reading the symbols of a program takes a while.
  struct reader {
    tasks::cli::modules code{getpid()};
    std::unique_ptr<tasks::cli::memory> memory = tasks::cli::process_memory(getpid());
    tasks::cli::program_code bodies{code};
    tasks::cli::code_bytes bytes{*memory, code};
    tasks::cli::debug_units debug{code};
    tasks::cli::frame_layouts layouts{debug};
    tasks::cli::body_machine machine{bytes};
    tasks::cli::suspend_lines lines{bytes, code, debug, machine};
  };
  static void SetUpTestSuite() { reads_ = std::make_unique<reader>(); }
  static void TearDownTestSuite() { reads_.reset(); }

  struct suspend_point {
    const tasks::cli::coroutine_body* body = nullptr;
    const tasks::cli::frame_layout* layout = nullptr;
    std::uint64_t index = 0;
  };
  static suspend_point look(std::coroutine_handle<> frame) {
    const auto* bytes = static_cast<const unsigned char*>(frame.address());
    std::uint64_t resume = 0;
    std::memcpy(&resume, bytes, sizeof resume);
    suspend_point found;
    found.body = reads_->bodies.body_at(resume);
    if (!found.body) return found;
    found.layout = &reads_->layouts.of(*found.body);
    if (found.layout->index_size > sizeof found.index) return found;
    std::memcpy(&found.index, bytes + found.layout->index, found.layout->index_size);
    return found;
  }
  /// 0: not found.
  static unsigned line_of(std::coroutine_handle<> frame) {
    const auto at = look(frame);
    if (!at.body) return 0;
    const auto& found = reads_->lines.line_of(*at.body, *at.layout, at.index);
    if (!found) return 0;
    EXPECT_TRUE(found->file.ends_with("suspend_lines_test.cpp")) << found->file;
    return found->line;
  }
  static tasks::cli::body_machine& machine() { return reads_->machine; }
  static tasks::cli::suspend_lines& lines() { return reads_->lines; }

 private:
  static inline std::unique_ptr<reader> reads_;
};

TEST_F(SuspendLines, EachCoAwaitOfABodyHasItsOwn) {
  stage on;
  auto runs = straight(on);
  runs.start();
  int suspended = 0;
  for (; !runs.is_done(); ++suspended, on.go_on(1)) EXPECT_EQ(line_of(on.waits()), on.line());
  EXPECT_EQ(suspended, 3);
}

TEST_F(SuspendLines, AreFoundInBranchesLoopsAndTries) {
  stage on;
  auto runs = branches(on);
  runs.start();
  int suspended = 0;
  for (; !runs.is_done(); ++suspended) {
    EXPECT_EQ(line_of(on.waits()), on.line());
    on.go_on(suspended < 2 ? 1 : 2);  // into the first branch, then into the other
  }
  EXPECT_GT(suspended, 5);
}

TEST_F(SuspendLines, AreThoseOfTheCoAwaitsWithinAnExpression) {
  stage on;
  auto runs = expression(on);
  runs.start();
  int suspended = 0;
  for (; !runs.is_done(); ++suspended, on.go_on(1)) EXPECT_EQ(line_of(on.waits()), on.line());
  EXPECT_EQ(suspended, 3);
}

TEST_F(SuspendLines, OfAFrameThatAwaitsAnotherIsWhereItDoes) {
  stage on;
  unsigned line = 0;
  auto runs = outer(on, line);
  runs.start();
  int suspended = 0;
  for (; !runs.is_done(); ++suspended, on.go_on(1)) {
    EXPECT_EQ(line_of(on.waits()), on.line());
    EXPECT_EQ(line_of(runs.frame()), line);
  }
  EXPECT_EQ(suspended, 4);
}

TEST_F(SuspendLines, IsFoundOfABodyWithOneCoAwait) {
  stage on;
  auto runs = once(on);
  runs.start();
  EXPECT_EQ(line_of(on.waits()), on.line());
  on.go_on(1);
  EXPECT_TRUE(runs.is_done());
}

TEST_F(SuspendLines, IsFoundOfALambda) {
  stage on;
  const auto made = [](stage& with) -> lazy {
    co_await with.next();
    co_return co_await with.next();
  };
  auto runs = made(on);
  runs.start();
  for (; !runs.is_done(); on.go_on(1)) EXPECT_EQ(line_of(on.waits()), on.line());
}

TEST_F(SuspendLines, DoNotDependOnWhatVariablesHaveBecomeSince) {
  stage on;
  is_open = true;
  auto runs = while_open(on);
  runs.start();
  is_open = false;
  EXPECT_EQ(line_of(on.waits()), on.line());
  on.go_on(1);
  EXPECT_TRUE(runs.is_done());
}

TEST_F(SuspendLines, OfAnIndexThatNoBodyStoresIsNotKnownTwice) {
  stage on;
  auto runs = straight(on);
  const auto at = look(runs.frame());
  ASSERT_NE(at.body, nullptr);
  constexpr std::uint64_t far = 60'000;
  EXPECT_EQ(lines().place_of(*at.body, *at.layout, far), std::nullopt);
  EXPECT_EQ(&lines().line_of(*at.body, *at.layout, far), &lines().line_of(*at.body, *at.layout, far));
}

TEST_F(SuspendLines, ABodyStoresAsManyIndicesAsItHasSuspendPoints) {
  stage on;
  auto runs = straight(on);
  const auto at = look(runs.frame());
  ASSERT_NE(at.body, nullptr);
  // Of three co_awaits; of the first suspend point, of the last, or of both, as the compiler has it.
  const auto found = machine().find_stores(*at.body, *at.layout).size();
  EXPECT_GE(found, 3U);
  EXPECT_LE(found, 5U);
}

TEST_F(SuspendLines, TheIndexIsFoundByItsDispatchWithoutDebugInformation) {
  stage on;
  auto runs = straight(on);
  const auto at = look(runs.frame());
  ASSERT_NE(at.body, nullptr);
  EXPECT_EQ(machine().find_index(*at.body), at.layout->index);
}

}  // namespace
