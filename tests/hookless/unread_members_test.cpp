/// Which variables of this program's own coroutines are not there while they are suspended:
///
///   behind_waits(): stop ──> {first, second}    stop ──> {second}    stop ──> {}

#include "coroutines/unread_members.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <coroutine>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "coroutines/program.hpp"
#include "linux/memory.hpp"
#include "symbols/modules.hpp"

namespace {

/// A coroutine that runs as far as its next co_await each time that it is told to.
class [[nodiscard]] steps {
 public:
  struct promise_type {
    steps get_return_object() { return steps(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() { std::terminate(); }
  };

  steps(const steps&) = delete;
  steps& operator=(const steps&) = delete;
  ~steps() { frame_.destroy(); }

  steps& next() {
    frame_.resume();
    return *this;
  }
  [[nodiscard]] bool is_done() const { return frame_.done(); }
  [[nodiscard]] const void* frame() const noexcept { return frame_.address(); }

 private:
  explicit steps(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

/// Its last awaiter has something in it, as Asio's has.
class [[nodiscard]] ends_with_a_pointer {
 public:
  struct last {
    void* to;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
  };
  struct promise_type {
    ends_with_a_pointer get_return_object() {
      return ends_with_a_pointer(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    last final_suspend() noexcept { return {this}; }
    void return_void() noexcept {}
    void unhandled_exception() { std::terminate(); }
  };

  ends_with_a_pointer(const ends_with_a_pointer&) = delete;
  ends_with_a_pointer& operator=(const ends_with_a_pointer&) = delete;
  ~ends_with_a_pointer() { frame_.destroy(); }
  ends_with_a_pointer& next() {
    frame_.resume();
    return *this;
  }
  [[nodiscard]] const void* frame() const noexcept { return frame_.address(); }

 private:
  explicit ends_with_a_pointer(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

struct stop {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const noexcept { return 1; }
};

using owner = std::shared_ptr<int>;
std::uintptr_t hidden_last = 0;  ///< the complement of the address of what was made last
[[gnu::noinline]] owner make() {
  auto made = std::make_shared<int>(1);
  hidden_last = ~reinterpret_cast<std::uintptr_t>(made.get());
  return made;
}
[[gnu::noinline]] std::string text(std::size_t size) { return std::string(size, 'x'); }
/// What is used after a co_await lives in the frame, whatever is optimized.
[[gnu::noinline]] void use(const void* one) { asm volatile("" : : "r"(one) : "memory"); }
template <class... T>
void uses(const T&... these) {
  (use(&these), ...);
}

struct job {
  std::string line;
  owner to;
  int* number = nullptr;
};
[[gnu::noinline]] job job_of(int size) { return {text(static_cast<std::size_t>(size)), make(), nullptr}; }
struct numbered {
  owner of;
  int number = 0;
};

namespace other {
/// Its destructor has no need to look.
template <class T>
struct shared_ptr {
  shared_ptr() : of(nullptr) {}
  ~shared_ptr() {}
  shared_ptr(const shared_ptr&) = delete;
  shared_ptr& operator=(const shared_ptr&) = delete;
  T* of;
};
template <class T>
struct allocator {
  using value_type = T;
  T* allocate(std::size_t size) { return static_cast<T*>(::operator new(size * sizeof(T))); }
  void deallocate(T*, std::size_t) {}
  bool operator==(const allocator&) const = default;
};
}  // namespace other

steps behind_waits(std::size_t size) {
  co_await stop();
  const std::string first = text(size);
  co_await stop();
  const owner second = make();
  co_await stop();
  uses(first, second);
}

steps with_its_result() {
  for (int turn = 0; turn < 3; ++turn) {
    const job next = job_of(co_await stop());
    uses(next);
    co_await stop();
    uses(next);
  }
}

ends_with_a_pointer to_its_end() {
  co_await stop();
  const owner of_last = make();
  co_await stop();
  uses(of_last);
}

steps in_turns() {
  const owner of_all = make();
  for (int turn = 0; turn < 3; ++turn) {
    co_await stop();
    const owner of_turn = make();
    co_await stop();
    uses(of_all, of_turn);
  }
}

steps in_branches(bool first) {
  if (first) {
    const owner of_first = make();
    co_await stop();
    uses(of_first);
  } else {
    const owner of_second = make();
    co_await stop();
    uses(of_second);
  }
}

steps moved_on(owner parameter) {
  co_await stop();
  const owner kept = std::move(parameter);
  co_await stop();
  uses(kept, parameter);
}

/// In the middle of making one: compilers forget what is made already where they destroy the frame.
steps in_initializers() {
  const numbered held{make(), co_await stop()};
  const auto closure = [of = make(), number = co_await stop()] { uses(of, number); };
  closure();
  uses(held);
}
steps in_initializers_of_turns() {
  for (int turn = 0; turn < 2; ++turn) {
    const numbered held{make(), co_await stop()};
    uses(held);
  }
}

steps behind_a_handler(bool throws) {
  owner made;
  try {
    co_await stop();
    if (throws) throw std::runtime_error("as it was told");
    const owner in_try = make();
    uses(in_try);
  } catch (const std::runtime_error&) {
    made = make();
  }
  co_await stop();
  uses(made);
}

steps behind_a_block() {
  {
    const owner closed = make();
    co_await stop();
    uses(closed);
  }
  co_await stop();
}

steps by_goto() {
  int turn = 0;
again:
  const owner held = make();
  if (turn++ == 0) {
    co_await stop();
    goto again;
  }
  co_await stop();
  uses(held);
}

/// Types of which nothing says that they are there.
steps others() {
  co_await stop();
  const other::shared_ptr<int> pointer;
  const std::vector<int, other::allocator<int>> numbers(2);
  int* const bare = new int(1);
  const std::unique_ptr<int> unique(bare);
  co_await stop();
  uses(pointer, numbers, bare, unique);
}

steps of_each_type() {
  co_await stop();
  const std::vector<int> numbers(2);
  const std::function<void()> then = [] {};
  const std::weak_ptr<int> weak = make();
  const std::exception_ptr thrown = std::make_exception_ptr(1);
  co_await stop();
  uses(numbers, then, weak, thrown);
}

class UnreadMembers : public testing::Test {
 protected:
  struct reader {
    tasks::cli::modules code{getpid()};
    std::unique_ptr<tasks::cli::memory> memory = tasks::cli::process_memory(getpid());
    tasks::cli::coroutine_program program{*memory, code};
    tasks::cli::unread_member_finder finder{program, code};
  };
  static void SetUpTestSuite() { reads_ = std::make_unique<reader>(); }
  static void TearDownTestSuite() { reads_.reset(); }

  using names = std::set<std::string>;
  /// What was made last lies in none of them.
  template <class Coroutine>
  static names dead_in(const Coroutine& of, bool is_alive = false) {
    const auto* bytes = static_cast<const unsigned char*>(of.frame());
    std::uint64_t resume = 0, index = 0;
    std::memcpy(&resume, bytes, sizeof resume);
    const auto* body = reads_->program.code.body_at(resume);
    if (!body) return {"no body"};
    const auto& layout = reads_->program.layouts.of(*body);
    if (layout.index_size > sizeof index) return {"no index"};
    std::memcpy(&index, bytes + layout.index, layout.index_size);
    names found;
    const auto members = reads_->program.layouts.members_of(*body);
    for (const auto& part : reads_->finder.at(*body, layout, index).dead) {
      const auto its = std::ranges::find_if(members, [&](const auto& each) { return each.offset > part.begin; }) - 1;
      for (auto at = part.begin; is_alive && at + sizeof index <= part.end; at += sizeof index) {
        std::memcpy(&index, bytes + at, sizeof index);
        EXPECT_NE(index, ~hidden_last) << its->name;
      }
      found.insert(its->name.substr(0, its->name.find_first_of("0123456789") - 1));
    }
    return found;
  }
  /// clang's variables share places.
  static names dead([[maybe_unused]] names all) {
#if defined(__clang__)
    all.clear();
#endif
    return all;
  }

 private:
  static inline std::unique_ptr<reader> reads_;
};

TEST_F(UnreadMembers, AreVariablesBehindTheWait) {
  auto runs = behind_waits(1);
  EXPECT_EQ(dead_in(runs.next()), dead({"first", "second"}));
  EXPECT_EQ(dead_in(runs.next()), dead({"second"}));
  EXPECT_EQ(dead_in(runs.next()), names());
}

TEST_F(UnreadMembers, AreAwaitersOfTheFinalSuspendPointUntilThen) {
  auto runs = to_its_end();
  EXPECT_EQ(dead_in(runs.next()), dead({"Fs", "of_last"}));
  EXPECT_EQ(dead_in(runs.next()), dead({"Fs"}));
  EXPECT_EQ(dead_in(runs.next()), names({"no body"}));  // it has come to its end
}

TEST_F(UnreadMembers, AreThoseOfTheTurnBefore) {
  auto runs = in_turns();
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_EQ(dead_in(runs.next()), dead({"of_turn"}));
    EXPECT_EQ(dead_in(runs.next(), true), names());
  }
}

TEST_F(UnreadMembers, AreMadeOfWhatTheWaitGives) {
  auto runs = with_its_result();
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_EQ(dead_in(runs.next()), dead({"next"}));
    EXPECT_EQ(dead_in(runs.next()), names());
  }
}

TEST_F(UnreadMembers, AreThoseOfTheOtherBranch) {
  auto first = in_branches(true), second = in_branches(false);
  EXPECT_EQ(dead_in(first.next()), dead({"of_second"}));
  EXPECT_EQ(dead_in(second.next()), dead({"of_first"}));
}

TEST_F(UnreadMembers, AreOfEachTypeWhoseDestructorHasToLook) {
  auto runs = of_each_type();
  EXPECT_EQ(dead_in(runs.next()), dead({"numbers", "then", "thrown", "weak"}));
  EXPECT_EQ(dead_in(runs.next()), names());
}

TEST_F(UnreadMembers, AreNotOfOtherTypes) {
  auto runs = others();
  EXPECT_EQ(dead_in(runs.next()), names());
}

TEST_F(UnreadMembers, AreNotParameters) {
  auto runs = moved_on(make());
  EXPECT_EQ(dead_in(runs), dead({"kept"}));
  EXPECT_EQ(dead_in(runs.next()), dead({"kept"}));
  EXPECT_EQ(dead_in(runs.next()), names());
}

TEST_F(UnreadMembers, AreNotWhatIsBeingMade) {
  // Never destroyed: g++ 12 would destroy what is not there. It keeps in a temporary what is made, until all is.
  auto& runs = *new steps(in_initializers());
  static_cast<void>(dead_in(runs.next(), true));
  static_cast<void>(dead_in(runs.next(), true));
  auto& turns = *new steps(in_initializers_of_turns());
  for (int turn = 0; turn < 2; ++turn) static_cast<void>(dead_in(turns.next(), true));
}

TEST_F(UnreadMembers, AreNotWhatAHandlerHasMade) {
  for (const bool throws : {false, true}) {
    auto runs = behind_a_handler(throws);
    EXPECT_EQ(dead_in(runs.next()), dead({"in_try"}));
    EXPECT_EQ(dead_in(runs.next()).count("made"), 0U);
  }
}

/// All ways have come to it: that it is over is known by its destructor alone, which is one reason too few.
TEST_F(UnreadMembers, AreNotThoseOfABlockThatIsOver) {
  auto runs = behind_a_block();
  EXPECT_EQ(dead_in(runs), dead({"closed"}));
  EXPECT_EQ(dead_in(runs.next()), names());
  EXPECT_EQ(dead_in(runs.next()), names());
}

TEST_F(UnreadMembers, AreNotWhatALoopByGotoHas) {
  auto runs = by_goto();
  EXPECT_EQ(dead_in(runs.next()), names());
  EXPECT_EQ(dead_in(runs.next()), names());
}

}  // namespace
