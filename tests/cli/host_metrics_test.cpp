// What is gathered for /metrics, of real processes and of agents that misbehave. Others run beside these.

#include "serve/host_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "linux/proc.hpp"
#include "support/client.hpp"
#include "support/lab_script.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

using namespace std::chrono_literals;
using cli::host_metrics;
using cli::metrics_collector;
using cli::process_metrics;
using teller = process_metrics::teller;
using manner = fake_agent::manner;

/// Who answers at all is given all the time it needs. What others have begun is left alone.
metrics_collector patient_collector(const std::string& of) {
  return metrics_collector({.timeout = guard, .chosen = [of](const std::string& name) { return name == of; }});
}

const process_metrics* find(const host_metrics& host, pid_t pid) {
  for (const auto& each : host.processes)
    if (each.pid == pid) return &each;
  return nullptr;
}

std::uint64_t tasks_of(const process_metrics& of) {
  std::uint64_t count = 0;
  for (const auto& group : of.groups) count += group.count;
  return count;
}

TEST(HostMetrics, TellsEveryTaskOfAProcessInOneGroup) {
  const program lab({program_path("lab"), "--leak", "send"});
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
  auto collector = patient_collector("lab");
  const auto host = collector.look(0ms);
  const auto* seen = find(*host, lab.pid());
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(seen->told_by, teller::agent);
  EXPECT_EQ(seen->reason, "");
  EXPECT_EQ(seen->name, "lab");
  EXPECT_EQ(tasks_of(*seen), seen->counts.tasks());
  EXPECT_EQ(seen->counters.spawned, seen->counts.tasks() + seen->counters.ended);
  EXPECT_GT(seen->counts.rss_bytes(), 0U);
  const auto leak = std::find_if(seen->groups.begin(), seen->groups.end(), [](const auto& group) {
    return group.inner_function.starts_with("lab::ask_replica(");
  });
  ASSERT_NE(leak, seen->groups.end());
  EXPECT_EQ(leak->count, 2U);
  EXPECT_EQ(leak->kind, v1::Wait::CHANNEL_SEND);
  EXPECT_EQ(leak->function, leak->inner_function);
  EXPECT_TRUE(leak->inner_file.ends_with("lab.cpp"));
  EXPECT_NE(leak->inner_line, 0U);
  const auto worker = std::find_if(seen->groups.begin(), seen->groups.end(), [](const auto& group) {
    return group.inner_function.starts_with("lab::next_job(");
  });
  ASSERT_NE(worker, seen->groups.end());
  EXPECT_TRUE(worker->function.starts_with("lab::worker("));
}

TEST(HostMetrics, CountsResumptionsFromLookToLook) {
  const program lab({program_path("lab")});
  client one(static_cast<std::uint16_t>(std::stoi(lab.value("port"))));
  auto collector = patient_collector("lab");
  const auto before = collector.look(0ms);
  ASSERT_NE(find(*before, lab.pid()), nullptr);
  EXPECT_EQ(find(*before, lab.pid())->resumes, 0U);
  one.send("hello\n");
  EXPECT_EQ(one.receive(1).size(), 1U);
  const auto after = collector.look(0ms);
  ASSERT_NE(find(*after, lab.pid()), nullptr);
  EXPECT_GT(*find(*after, lab.pid())->resumes, 0U);
}

TEST(HostMetrics, CountersNeverFall) {
  const program churn({program_path("churn")});
  auto collector = patient_collector("churn");
  process_metrics before;
  for (int i = 0; i < 30; ++i) {
    const auto host = collector.look(0ms);
    const auto* seen = find(*host, churn.pid());
    ASSERT_NE(seen, nullptr);
    EXPECT_EQ(seen->told_by, teller::agent);
    EXPECT_GE(seen->counters.spawned, before.counters.spawned);
    EXPECT_GE(seen->counters.ended, before.counters.ended);
    EXPECT_GE(seen->resumes.value_or(0), before.resumes.value_or(0));
    EXPECT_GE(seen->counters.cpu_ms, before.counters.cpu_ms);
    if (i != 0) {
      EXPECT_EQ(seen->started_at, before.started_at);
    }
    before = *seen;
  }
  EXPECT_GT(before.counters.ended, 0U);
}

TEST(HostMetrics, ACounterIsTheMostThatWasCounted) {
  cli::process_counters counters;
  v1::Vitals counted;
  counted.set_tasks(10);
  counted.set_ended(5);
  counted.set_failed(2);
  counted.set_cpu_time_ms(70);
  counters.raise(counted);
  EXPECT_EQ(counters.spawned, 15U);
  // Five have ended, of which only three were counted so by then.
  counted.set_tasks(5);
  counted.set_ended(8);
  counted.set_failed(1);
  counted.set_cpu_time_ms(60);
  counters.raise(counted);
  EXPECT_EQ(counters.spawned, 15U);
  EXPECT_EQ(counters.ended, 8U);
  EXPECT_EQ(counters.failed, 2U);
  EXPECT_EQ(counters.cpu_ms, 70U);
}

TEST(HostMetrics, WhoDoesNotAnswerCostsNobodyElse) {
  auto says_nothing = small_script(), rubbish = small_script();
  says_nothing.how = manner::says_nothing;
  rubbish.how = manner::sends_rubbish;
  auto half = lab_script();
  half.how = manner::closes_half_way;
  const fake_agent silent(says_nothing), no_agent(rubbish), hangs_up(half), answers(lab_script());
  const auto own = [](const std::string& name) { return name == "cli_host_metrics_test"; };
  metrics_collector collector({.timeout = 3s, .chosen = own});
  const auto threads = cli::read_stat(answers.pid())->threads;  // it begins more, for readers too
  const auto host = collector.look(0ms);
  for (const auto* each : {&silent, &no_agent, &hangs_up, &answers}) ASSERT_NE(find(*host, each->pid()), nullptr);
  EXPECT_EQ(find(*host, silent.pid())->reason, "silent");
  EXPECT_EQ(find(*host, no_agent.pid())->reason, "failed");
  EXPECT_EQ(find(*host, hangs_up.pid())->reason, "failed");
  EXPECT_GE(host->errors.at("silent"), 1U);
  EXPECT_GE(host->errors.at("failed"), 2U);
  const auto* good = find(*host, answers.pid());
  EXPECT_EQ(good->told_by, teller::agent);
  EXPECT_EQ(tasks_of(*good), 6U);  // as many as it lists
  EXPECT_EQ(good->counts.workers(), 4U);
  // Agents need not be asked: this one would say something else.
  EXPECT_GE(good->counts.os_threads(), threads);
  EXPECT_LT(good->counts.os_threads(), 9U);
  EXPECT_GT(good->counts.rss_bytes(), 0U);
}

TEST(HostMetrics, WhoEndsMeanwhileIsNotThere) {
  auto dies = lab_script();
  dies.how = manner::dies_half_way;
  const fake_agent ends(dies);
  metrics_collector collector(
      {.timeout = 3s, .chosen = [](const std::string& name) { return name == "cli_host_metrics_test"; }});
  EXPECT_EQ(find(*collector.look(0ms), ends.pid()), nullptr);
}

TEST(HostMetrics, ReadsTheMemoryOfWhoIsStopped) {
  const program lab({program_path("lab")});
  wait_until_shown({"vitals", "-p", lab.pid_text()}, "tasks");
  auto collector = patient_collector("lab");
  const auto before = collector.look(0ms);
  ASSERT_NE(find(*before, lab.pid()), nullptr);
  lab.suspend();
  const auto host = collector.look(0ms);
  const auto* seen = find(*host, lab.pid());
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(seen->told_by, teller::memory);
  EXPECT_EQ(seen->reason, "stopped");
  EXPECT_EQ(tasks_of(*seen), tasks_of(*find(*before, lab.pid())));
  lab.send_signal(SIGCONT);
}

TEST(HostMetrics, TellsOfStalledWorkers) {
  const program hung({program_path("hung"), "loop"});
  auto collector = patient_collector("hung");
  const auto deadline = std::chrono::steady_clock::now() + guard;
  for (std::uint64_t stalled = 0; stalled != 2;) {
    const auto host = collector.look(0ms);
    ASSERT_NE(find(*host, hung.pid()), nullptr);
    stalled = find(*host, hung.pid())->stalled_workers;
    // No await has told where they are: their code's addresses do.
    for (const auto& group : find(*host, hung.pid())->groups) {
      if (group.state == v1::Task::RUNNING) {
        EXPECT_TRUE(group.inner_function.starts_with("hung::")) << group.inner_function;
      }
    }
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << stalled;
  }
}

TEST(HostMetrics, OfAProgramWithoutTheHookNothingIsCopied) {
  const program plain({program_path("lab_plain")});
  auto collector = patient_collector("lab_plain");
  const auto host = collector.look(0ms);
  const auto* seen = find(*host, plain.pid());
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(seen->told_by, teller::nobody);
  EXPECT_EQ(seen->reason, "no-hook");
  EXPECT_GT(seen->counts.rss_bytes(), 0U);
  // Nor when it is known already.
  const auto again = collector.look(0ms);
  ASSERT_NE(find(*again, plain.pid()), nullptr);
  EXPECT_EQ(find(*again, plain.pid())->reason, "no-hook");
}

TEST(HostMetrics, WhatExecutesAnotherProgramIsWhatItIsNow) {
  const program executing({program_path("executing")});
  auto collector = patient_collector("executing");
  const auto before = collector.look(0ms);
  ASSERT_NE(find(*before, executing.pid()), nullptr);
  EXPECT_EQ(find(*before, executing.pid())->name, "executing");
  executing.send_signal(SIGUSR1);
  const auto deadline = std::chrono::steady_clock::now() + guard;
  while (find(*collector.look(0ms), executing.pid()) != nullptr)
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "sleep(1) has no tasks";
}

TEST(HostMetrics, CountsAnewWhatAnotherProgramDoes) {
  program executing({program_path("executing"), program_path("lab")});
  metrics_collector collector(
      {.timeout = guard, .chosen = [](const std::string& name) { return name == "executing" || name == "lab"; }});
  const auto before = collector.look(0ms);
  ASSERT_NE(find(*before, executing.pid()), nullptr);
  EXPECT_EQ(find(*before, executing.pid())->counters.spawned, 1U);
  executing.send_signal(SIGUSR1);
  executing.read_until("ready");
  const auto after = collector.look(0ms);
  const auto* seen = find(*after, executing.pid());
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(seen->name, "lab");
  EXPECT_EQ(seen->started_at, find(*before, executing.pid())->started_at);
  EXPECT_EQ(seen->counters.spawned, seen->counts.tasks() + seen->counters.ended);
  EXPECT_EQ(seen->resumes, 0U);
}

TEST(HostMetrics, LooksAtWhoIsChosenAlone) {
  const program lab({program_path("lab")}), churn({program_path("churn")});
  metrics_collector collector({.timeout = guard, .chosen = [](const std::string& name) { return name == "churn"; }});
  const auto host = collector.look(0ms);
  EXPECT_NE(find(*host, churn.pid()), nullptr);
  EXPECT_EQ(find(*host, lab.pid()), nullptr);
}

TEST(HostMetrics, ALookIsSharedUntilItIsOld) {
  metrics_collector collector({.timeout = guard, .chosen = [](const std::string& name) { return name == "nobody"; }});
  const auto first = collector.look(0ms);
  EXPECT_EQ(collector.look(1h), first);
  const auto second = collector.look(0ms);
  EXPECT_NE(second, first);
  EXPECT_EQ(second->looks, 2U);
}

/// Where looks of others take longer than a second each, somebody always waits for the next one.
TEST(HostMetrics, OldCountsAreNotToldAgainThoughSomebodyAlwaysWaitsForATurn) {
  const program lab({program_path("lab")});
  cli::look_turns turns;
  metrics_collector collector(
      {.timeout = guard, .chosen = [](const std::string& name) { return name == "lab"; }, .turns = &turns});
  const auto first = collector.look(0ms);
  ASSERT_NE(find(*first, lab.pid()), nullptr);
  const auto counted_first = find(*first, lab.pid())->counted_at;
  std::atomic<bool> is_enough{false};
  std::thread others([&] {
    while (!is_enough) turns.wait_for(lab.pid());
  });
  const auto deadline = std::chrono::steady_clock::now() + guard;
  for (auto counted = counted_first; counted == counted_first && std::chrono::steady_clock::now() < deadline;) {
    const auto begun = std::chrono::steady_clock::now();
    const auto host = collector.look(0ms);
    const auto* seen = find(*host, lab.pid());
    counted = seen != nullptr ? seen->counted_at : begun;
    EXPECT_NE(seen, nullptr);
    EXPECT_GE(counted, begun - 2 * cli::look_turns::apart);
  }
  is_enough = true;
  others.join();
  EXPECT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST(HostMetrics, KeepsWhatALookForLeaksHasFound) {
  const program lab({program_path("lab")});
  auto collector = patient_collector("lab");
  const auto before = collector.look(0ms);
  const auto* seen = find(*before, lab.pid());
  ASSERT_NE(seen, nullptr);
  EXPECT_FALSE(seen->leaks);
  v1::LeaksView found;
  found.set_proven(3);
  auto& growing = *found.add_leaks();
  growing.set_verdict(v1::LeakView::GROWING);
  growing.set_count(5);
  collector.keep_leaks(lab.pid(), seen->start_time + 1, found);  // of another process
  EXPECT_FALSE(find(*collector.look(0ms), lab.pid())->leaks);
  collector.keep_leaks(lab.pid(), seen->start_time, found);
  const auto after = collector.look(0ms);
  const auto& leaks = find(*after, lab.pid())->leaks;
  ASSERT_TRUE(leaks);
  EXPECT_THAT(leaks->tasks, ::testing::IsSupersetOf(
                                {std::pair<std::string_view, std::uint64_t>{"proven", 3}, {"growing", 5}, {"old", 0}}));
  EXPECT_GE(leaks->age_seconds, 0);
}

}  // namespace
}  // namespace tasks::testing
