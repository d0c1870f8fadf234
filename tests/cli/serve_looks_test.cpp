// How often `tasks serve` looks at a process, of which an agent that counts tells.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "serve/look_turns.hpp"
#include "support/client.hpp"
#include "support/http.hpp"
#include "support/lab_script.hpp"

namespace tasks::testing {
namespace {

using clock = std::chrono::steady_clock;

/// Counts, the list, two views of one snapshot and one of another depth, and who listens to events: all at once.
TEST(ServeLooks, AtAProcessOnceASecondAtMostHoweverManyAskForWhatever) {
  auto script = lab_script();
  fake_agent target(script);
  const auto begun = clock::now();
  const http_host host({"--process", "cli_serve_looks_test"});
  target.count_looks_of(host.process().pid());
  const auto of_target = "/api/v1/processes/" + target.pid_text() + "/";
  client listening(host.port());
  listening.send("GET " + of_target + "events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::atomic<bool> is_enough{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> askers;
  for (const std::string& path : {std::string("/metrics"), std::string("/api/v1/processes"), of_target + "stack",
                                  of_target + "vitals", of_target + "stack?group"})
    askers.emplace_back([&, path] {
      while (!is_enough)
        if (get(host.port(), path).status == 200) ++answered;
    });
  while (target.looks() < 4 && clock::now() - begun < guard) std::this_thread::yield();
  is_enough = true;
  for (auto& each : askers) each.join();
  const auto looks = target.looks();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock::now() - begun).count();
  EXPECT_GE(looks, 4U);
  EXPECT_LE(looks, static_cast<std::uint64_t>(seconds) + 1);
  EXPECT_GT(answered, 0);
}

TEST(LookTurns, AreOneASecond) {
  cli::look_turns turns;
  const auto begun = clock::now();
  EXPECT_TRUE(turns.take(1));
  EXPECT_TRUE(turns.take(2)) << "another process has its own";
  turns.wait_for(1);
  EXPECT_GE(clock::now() - begun, cli::look_turns::apart);
}

using turn_time = cli::turn_queue::time;
constexpr auto apart = cli::turn_queue::apart;

TEST(TurnQueue, GivesTurnsInTheOrderInWhichTheyWereAskedFor) {
  cli::turn_queue turns;
  turn_time now{std::chrono::hours(1)};
  ASSERT_TRUE(turns.take(now));
  const auto first = turns.join(), second = turns.join(), third = turns.join();
  now += apart;
  for (const auto place : {third, second}) EXPECT_FALSE(turns.take(place, now)) << "it is time, but others are before";
  EXPECT_TRUE(turns.take(first, now));
  EXPECT_FALSE(turns.take(second, now)) << "it is too soon";
  now += apart;
  EXPECT_FALSE(turns.take(third, now));
  EXPECT_TRUE(turns.take(second, now));
  const auto last = turns.join();
  now += apart;
  EXPECT_FALSE(turns.take(last, now));
  EXPECT_TRUE(turns.take(third, now));
  EXPECT_FALSE(turns.take(now + apart)) << "somebody waits";
  EXPECT_TRUE(turns.take(last, now + apart));
  EXPECT_TRUE(turns.is_empty());
  EXPECT_FALSE(turns.take(now + apart));
  EXPECT_TRUE(turns.take(now + 2 * apart));
}

TEST(TurnQueue, NeedsNotWaitForTheFirstTurn) {
  cli::turn_queue turns, others;
  const turn_time now{std::chrono::seconds(5)};
  EXPECT_TRUE(turns.take(turns.join(), now));
  EXPECT_TRUE(others.take(now));
}

/// Each sleeps until it is first, and is woken by who was.
TEST(LookTurns, AreGivenToAllWhoWait) {
  cli::look_turns turns;
  EXPECT_TRUE(turns.take(1));
  std::vector<std::thread> waiting;
  for (int i = 0; i < 3; ++i) waiting.emplace_back([&] { turns.wait_for(1); });
  for (auto& each : waiting) each.join();
}

/// Who tries each second would be first each second.
TEST(LookTurns, AreGivenToWhoWaitsBeforeWhoTries) {
  cli::look_turns turns;
  EXPECT_TRUE(turns.take(1));
  std::atomic<bool> had{false};
  std::thread waits([&] {
    turns.wait_for(1);
    had = true;
  });
  const auto begun = clock::now();
  while (!had && clock::now() - begun < guard) {
    static_cast<void>(turns.take(1));
    std::this_thread::yield();
  }
  EXPECT_TRUE(had);
  waits.join();
}

}  // namespace
}  // namespace tasks::testing
