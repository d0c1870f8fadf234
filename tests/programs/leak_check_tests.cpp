// Tests that leak and tests that do not, for each way to have GoogleTest check it: run by leak_check_gtest_test, which
// picks them by --gtest_filter. With an argument a leak_listener looks at all of them, for that many seconds.

#include <tasks/gtest.hpp>

#include <asio.hpp>
#include <asio/experimental/channel.hpp>
#include <memory>
#include <string>

namespace {

using namespace std::chrono_literals;
using channel = asio::experimental::channel<void(std::error_code, int)>;

struct world {
  asio::io_context context;
  channel replies{context, 0};
};
/// Outlives every test, as what a leaked task waits on does.
world& outside() {
  static auto* const w = new world;
  return *w;
}

asio::awaitable<void> ask(channel& c) { co_await c.async_send({}, 1, asio::use_awaitable); }
asio::awaitable<void> listen(channel& c) { co_await c.async_receive(asio::use_awaitable); }

void leak(world& w) {
  co_spawn(w.context, ask(w.replies), asio::detached);
  w.context.restart();
  w.context.poll();
}

const tasks::leak_options at_once{.deadline = 0ms};

TEST(Plain, Leaks) { leak(outside()); }
TEST(Plain, IsClean) { SUCCEED(); }
TEST(Plain, LeaksAfterAFailure) {
  leak(outside());
  FAIL() << "of its own";
}
TEST(Plain, LeaksUnderACheckOfItsOwn) {
  const tasks::leak_check check(at_once);
  leak(outside());
}

class Suite : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    world& w = outside();
    co_spawn(w.context, listen(w.replies), asio::detached);
    w.context.restart();
    w.context.poll();
  }
};
class LeakingSuite : public Suite {};
class CleanSuite : public Suite {
 protected:
  static void TearDownTestSuite() {
    outside().replies.cancel();
    outside().context.restart();
    outside().context.poll();
  }
};
TEST_F(LeakingSuite, UsesIt) { SUCCEED(); }
TEST_F(CleanSuite, UsesIt) { SUCCEED(); }

class Fixture : public tasks::gtest::leak_free_test {
 protected:
  Fixture() : leak_free_test(at_once) {}
  world w;
};
TEST_F(Fixture, Leaks) { leak(w); }
TEST_F(Fixture, LeaksAfterAFailure) {
  leaks().deadline = 1h;  // not waited for
  leak(w);
  FAIL() << "of its own";
}
TEST_F(Fixture, IsClean) {
  leak(w);
  w.replies.cancel();
  w.context.poll();
}
TEST_F(Fixture, EndsLater) {
  leaks().deadline = 5min;
  leaks().poll = tasks::polling(w.context);
  co_spawn(
      w.context,
      [this]() -> asio::awaitable<void> {
        asio::steady_timer timer(w.context, 50ms);
        co_await timer.async_wait(asio::use_awaitable);
      },
      asio::detached);
}
TEST_F(Fixture, ExcusesWhatIsThere) {
  leak(w);
  ignore_current_tasks();
}

TEST(Check, Leaks) {
  world w;
  const tasks::gtest::leak_check check(at_once);
  leak(w);
}
TEST(Check, IsClean) { const tasks::gtest::leak_check check; }

TEST(Assertion, Leaks) {
  world w;
  leak(w);
  EXPECT_TRUE(tasks::gtest::no_leaks(at_once));
}
TEST(Assertion, IsClean) { EXPECT_TRUE(tasks::gtest::no_leaks(at_once)); }

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1)
    testing::UnitTest::GetInstance()->listeners().Append(
        new tasks::gtest::leak_listener({.deadline = std::chrono::seconds(std::stoi(argv[1]))}));
  return RUN_ALL_TESTS();
}
