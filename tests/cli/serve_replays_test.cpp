// Recordings that are brought: how long they are kept, and why one is not taken.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "serve/look_turns.hpp"
#include "serve/replays.hpp"

namespace tasks::cli {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

std::shared_ptr<kept_look> some_look() { return std::make_shared<kept_look>(); }

TEST(KeptReplays, StayForAnHourAfterSomebodyHasAskedForThem) {
  kept_replays kept;
  const kept_replays::time begun{1h};
  const auto asked = some_look();
  kept.keep("asked", asked, begun);
  kept.keep("left", some_look(), begun);
  EXPECT_EQ(kept.find("asked", begun + 30min), asked);
  kept.forget_old(begun + 60min);
  EXPECT_NE(kept.find("left", begun), nullptr) << "an hour is not over yet";
  kept.forget_old(begun + 60min + 1s);
  EXPECT_EQ(kept.find("left", begun + 61min), nullptr);
  EXPECT_EQ(kept.find("asked", begun + 61min), asked);
  kept.forget_old(begun + 121min);
  EXPECT_NE(kept.find("asked", begun + 61min), nullptr);
  kept.forget_old(begun + 121min + 1s);
  EXPECT_EQ(kept.find("asked", begun + 122min), nullptr);
}

TEST(KeptReplays, AreFourOfWhichTheOneGoesThatNobodyHasAskedForForLongest) {
  kept_replays kept;
  const kept_replays::time begun{1h};
  for (int i = 0; i < 4; ++i) kept.keep(std::to_string(i), some_look(), begun + i * 1s);
  EXPECT_NE(kept.find("0", begun + 10s), nullptr);
  kept.keep("4", some_look(), begun + 11s);
  EXPECT_EQ(kept.find("1", begun + 12s), nullptr);
  for (const auto* each : {"0", "2", "3", "4"}) EXPECT_NE(kept.find(each, begun + 12s), nullptr) << each;
}

/// A body of so many bytes, that comes when `come` says so; whether it has come whole.
http_request request_with(
    std::string body, bool is_whole, const std::function<void()>& come = [] {}) {
  http_request request;
  request.method = "POST";
  request.body_bytes = body.size();
  request.receive_body = [=](const std::function<bool(std::string_view)>& take) {
    come();
    return take(body) && is_whole;
  };
  return request;
}

class Replays : public ::testing::Test {
 protected:
  look_turns turns_;
  kept_looks looks_{1s, turns_};
  replays brought_{looks_};
};

std::string body_of(const http_answer& answer) { return answer.body ? *answer.body : ""; }

TEST_F(Replays, AreReceivedTwoAtOnceAndTheThirdIsToldToComeAgain) {
  std::promise<void> go_on;
  const auto may_go_on = go_on.get_future().share();
  std::atomic<std::size_t> coming{0};
  const auto slow = request_with("half of", false, [&] {
    ++coming;
    may_go_on.wait();
  });
  std::vector<http_answer> answers(replays::most_received);
  std::vector<std::thread> clients;
  for (auto& each : answers) clients.emplace_back([&] { each = brought_.bring(slow); });
  while (coming != replays::most_received) std::this_thread::yield();
  const auto third = brought_.bring(request_with("x", false));
  EXPECT_EQ(third.status, 503);
  EXPECT_THAT(body_of(third), HasSubstr("2 others are being received"));
  EXPECT_THAT(third.headers, ::testing::Contains(::testing::Pair("Retry-After", "5")));
  go_on.set_value();
  for (auto& each : clients) each.join();
  for (const auto& each : answers) EXPECT_EQ(each.status, 400) << "of which no more came";
  EXPECT_EQ(brought_.bring(request_with("x", false)).status, 400) << "there is room again";
}

/// The variable as it was at the end.
class changed_variable {
 public:
  changed_variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value, 1);
  }
  changed_variable(const changed_variable&) = delete;
  changed_variable& operator=(const changed_variable&) = delete;
  ~changed_variable() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST_F(Replays, NeedAFolderToBeKeptIn) {
  const changed_variable nowhere("TMPDIR", "/proc/self/fdinfo/none");
  bool was_read = false;
  const auto refused = brought_.bring(request_with("x", true, [&] { was_read = true; }));
  EXPECT_EQ(refused.status, 507);
  EXPECT_THAT(body_of(refused), HasSubstr("there is no place for it: No such file or directory"));
  EXPECT_FALSE(was_read);
}

/// As where a disk is full: no file may be longer than what has come of this one.
TEST_F(Replays, NeedRoom) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  auto after = before;
  after.rlim_cur = 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &after), 0);
  const auto refused = brought_.bring(request_with("more than ten bytes", true));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(refused.status, 507);
  EXPECT_THAT(body_of(refused), HasSubstr("there is no room for it: File too large"));
  EXPECT_THAT(body_of(refused), HasSubstr("TMPDIR says where it is kept"));
}

}  // namespace
}  // namespace tasks::cli
