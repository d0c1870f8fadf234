// From looks and a proof to groups: which verdict, in which order, with which words.

#include "surveys/leak_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tasks::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct task {
  std::uint64_t id;
  std::uint32_t location;
  std::uint64_t age_ms = 60'000;
  std::uint64_t object = 0x1000;
  std::uint64_t resumes = 3;
  v1::Wait::Kind kind = v1::Wait::CHANNEL_SEND;
  v1::Task::State state = v1::Task::BLOCKED;
};

/// Locations 1 and 2 are two lines of one function; `shift` makes their numbers differ from look to look.
v1::Chunk look(const std::vector<task>& tasks, std::uint32_t shift = 0) {
  v1::Chunk chunk;
  for (const std::uint32_t line : {1u, 2u}) {
    auto& l = *chunk.add_locations();
    l.set_id(line + shift);
    l.set_function("send()");
    l.set_file("/src/a.cpp");
    l.set_line(line);
  }
  for (const auto& t : tasks) {
    auto& to = *chunk.add_tasks();
    to.set_id(t.id);
    to.set_state(t.state);
    to.set_age_ms(t.age_ms);
    to.set_resumes(t.resumes);
    to.add_frames(t.location + shift);
    if (t.state == v1::Task::BLOCKED) {
      to.mutable_wait()->set_kind(t.kind);
      to.mutable_wait()->set_object(t.object);
    }
  }
  return chunk;
}

resolver& no_process() {
  static resolver names{resolver_options{}};
  return names;
}

task_count counted(const v1::Chunk& chunk) {
  task_count count(no_process());
  count.add(chunk);
  return count;
}

proof_result proof_of(const std::vector<finding>& findings) {
  proof_result proof;
  for (const auto& each : findings) proof.add(each);
  return proof;
}
finding proven(std::uint64_t id, bool closed = false) {
  finding found;
  found.task = id;
  found.object = 0x1000;
  found.verdict = certainty::proven;
  found.closed = closed;
  return found;
}

std::vector<leak> leaks_in(const v1::Chunk& last, const proof_result& proof = {}, const task_count* before = nullptr,
                           const task_count* halfway = nullptr) {
  leak_groups groups(no_process(), {.min_age_ms = 30'000, .interval_seconds = 5}, &proof, before, halfway);
  groups.add(last);
  return groups.finish();
}

TEST(Old, AreTasksThatHaveWaitedForAtLeastTheAge) {
  const auto found =
      leaks_in(look({{.id = 1, .location = 1, .age_ms = 30'000}, {.id = 2, .location = 2, .age_ms = 29'999}}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].verdict, v1::LeakView::OLD);
  EXPECT_THAT(found[0].group.ids(), ElementsAre(1));
}

TEST(Old, SaysWhoHoldsWhatItWaitsOn) {
  finding held;
  held.task = 1;
  held.verdict = certainty::held;
  held.by = {holder::kind::allocation, 0x2000, 48, 0, {}};
  held.root = {holder::kind::module, 0x3000, 0, 0, "/usr/bin/server"};
  const auto found = leaks_in(look({{.id = 1, .location = 1}}), proof_of({held}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].evidence, "held by an allocation of 48 bytes at 0x2000, reached from the data of /usr/bin/server");
}

TEST(Old, NamesNoHolderAsTheOneWhereOthersAreAsNear) {
  finding held;
  held.task = 1;
  held.verdict = certainty::held;
  held.by = {holder::kind::allocation, 0x2000, 48, 0, {}};
  held.root = {holder::kind::frame, 0, 0, 214, {}};
  held.ways = 12;
  const auto found = leaks_in(look({{.id = 1, .location = 1}}), proof_of({held}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(
      found[0].evidence,
      "held: reached by 12 ways, one of them from a frame of task 214 through an allocation of 48 bytes at 0x2000");
}

/// One had waited for long when its timer expired, the other would have gone on before that.
TEST(Old, OfAStoppedProcessAreTasksThatHadWaitedForSoLongWhenTheirTimersExpired) {
  auto chunk =
      look({{.id = 1, .location = 1, .kind = v1::Wait::TIMER}, {.id = 2, .location = 2, .kind = v1::Wait::TIMER}});
  chunk.mutable_tasks(0)->mutable_wait()->set_expires_in_ms(-29'000);
  chunk.mutable_tasks(1)->mutable_wait()->set_expires_in_ms(-31'000);
  leak_groups groups(no_process(), {.min_age_ms = 30'000, .all = true, .stopped = true}, nullptr, nullptr, nullptr);
  groups.add(chunk);
  const auto found = groups.finish();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].group.ids(), ElementsAre(1));
  EXPECT_EQ(found[0].evidence, "its timer has expired, and the process is stopped");
  EXPECT_EQ(groups.would_have_gone_on(), 1u);
}

TEST(Proven, TasksAndThoseThatOthersHoldInTheSamePlaceAreOneEntry) {
  const auto found = leaks_in(look({{.id = 1, .location = 1}, {.id = 2, .location = 1}, {.id = 3, .location = 1}}),
                              proof_of({proven(1), proven(3)}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].verdict, v1::LeakView::PROVEN);
  EXPECT_THAT(found[0].group.ids(), ElementsAre(1, 3));
  EXPECT_EQ(found[0].group.count(), 2u);
  EXPECT_EQ(found[0].evidence, "2 senders wait on channel 0x1000; nothing alive points to it");
  EXPECT_EQ(found[0].likely, 0u);
  EXPECT_EQ(found[0].held, 1u);
}

finding held_by(std::uint64_t id, holder::kind what, std::string variable = {}) {
  finding held;
  held.task = id;
  held.verdict = certainty::held;
  held.by.is = held.root.is = what;
  held.by_stale_words = what == holder::kind::stack && variable.empty();
  held.root.variable = held.by.variable = std::move(variable);
  return held;
}

proof_result proof_of(const std::vector<finding>& findings, std::vector<wait_cycle> cycles) {
  auto proof = proof_of(findings);
  proof.cycles = std::move(cycles);
  return proof;
}

TEST(Cycles, AreWhatLeakedTasksWaitFor) {
  const auto found = leaks_in(look({{.id = 18, .location = 1}, {.id = 19, .location = 2, .object = 0x2000}}),
                              proof_of({proven(18), proven(19)}, {{{18, 0x1000}, {19, 0x2000}}}));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].evidence,
            "1 sender waits on channel 0x1000; only leaked tasks point to it: 18 ⇄ 19 wait for each other");
  EXPECT_EQ(found[1].evidence,
            "1 sender waits on channel 0x2000; only leaked tasks point to it: 18 ⇄ 19 wait for each other");
  EXPECT_EQ(found[1].cycle, (wait_cycle{{18, 0x1000}, {19, 0x2000}}));
}

TEST(Cycles, OfMoreThanTwoAreDrawnInTheOrderInWhichTheyWait) {
  const auto found = leaks_in(look({{.id = 1, .location = 1},
                                    {.id = 2, .location = 1, .object = 0x2000},
                                    {.id = 3, .location = 1, .object = 0x3000}}),
                              proof_of({proven(1), proven(2), proven(3)}, {{{1, 0x1000}, {3, 0x3000}, {2, 0x2000}}}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].evidence, "3 senders wait on 3 channels; only leaked tasks point to them: 1 → 3 → 2 → 1");
}

TEST(Cycles, OfSomeTasksAreNotSaidOfAll) {
  const auto found = leaks_in(look({{.id = 1, .location = 1},
                                    {.id = 2, .location = 1, .object = 0x2000},
                                    {.id = 3, .location = 1, .object = 0x3000}}),
                              proof_of({proven(1), proven(2), proven(3)}, {{{1, 0x1000}, {2, 0x2000}}}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].evidence,
            "3 senders wait on 3 channels; nothing alive points to any of them; 1 ⇄ 2 wait for each other");
}

/// Recordings may claim anything.
TEST(Cycles, OfFewerThanTwoAreNone) {
  const auto found = leaks_in(look({{.id = 1, .location = 1}}), proof_of({proven(1)}, {{}, {{1, 0x1000}}}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].evidence, "1 sender waits on channel 0x1000; nothing alive points to it");
}

/// 2 is awaited by 30, which 8 has spawned.
std::string words_on_who_holds_2(std::uint64_t holding, bool awaited) {
  auto chunk = look({{.id = 2, .location = 1},
                     {.id = 29, .location = 2, .age_ms = 1, .kind = v1::Wait::TASKS},
                     {.id = 30, .location = 2, .age_ms = 1, .kind = v1::Wait::TASKS}});
  for (auto& task : *chunk.mutable_tasks()) {
    task.set_parent(task.id() == 2 ? 29 : task.id() == 29 ? 30 : 8);
    task.set_awaited(awaited && task.id() != 30);
  }
  finding held;
  held.task = 2;
  held.verdict = certainty::held;
  held.by = held.root = {holder::kind::frame, 0, 0, holding, {}};
  const auto found = leaks_in(chunk, proof_of({held}));
  return found.size() == 1 ? found[0].evidence : std::to_string(found.size()) + " entries";
}

TEST(Old, SaysWhatWhoHoldsItIsToIt) {
  EXPECT_EQ(words_on_who_holds_2(29, true), "held by its own session (task 29)");
  EXPECT_EQ(words_on_who_holds_2(30, true), "held by its own session (task 30)");
  EXPECT_EQ(words_on_who_holds_2(8, true), "held by a frame of task 8");
  EXPECT_EQ(words_on_who_holds_2(29, false), "held by the task that spawned it (task 29)");
  EXPECT_EQ(words_on_who_holds_2(30, false), "held by a frame of task 30");
  EXPECT_EQ(words_on_who_holds_2(2, true), "held by a frame of its own");
}

TEST(Likely, AreTasksBesideProvenOnesThatNothingHoldsButWordsThatMayBeStale) {
  const auto found =
      leaks_in(look({{.id = 1, .location = 1},
                     {.id = 2, .location = 1},
                     {.id = 3, .location = 1},
                     {.id = 4, .location = 1, .age_ms = 90'000},
                     {.id = 5, .location = 2}}),
               proof_of({proven(1), held_by(2, holder::kind::module), held_by(3, holder::kind::stack, "pool of run"),
                         held_by(4, holder::kind::stack), held_by(5, holder::kind::stack)}));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].verdict, v1::LeakView::PROVEN);
  EXPECT_THAT(found[0].group.ids(), ElementsAre(1, 4));
  EXPECT_EQ(found[0].group.count(), 2u);
  EXPECT_EQ(found[0].group.oldest_ms(), 90'000u);
  EXPECT_EQ(found[0].likely, 1u);
  EXPECT_EQ(found[0].held, 2u);
  EXPECT_EQ(found[0].likely_evidence,
            "task 4 is held by the stack of the main thread, at a place of no variable there: probably left behind");
  EXPECT_EQ(found[1].verdict, v1::LeakView::OLD);
  EXPECT_THAT(found[1].group.ids(), ElementsAre(5));
}

TEST(Findings, HaveTheirWordsInCommonAndSayThemInFull) {
  proof_result proof;
  auto unchecked = proven(4);
  unchecked.verdict = certainty::unchecked;
  unchecked.reason = "its timer could not be verified";
  for (const auto& each :
       {held_by(1, holder::kind::stack, "pool of run"), held_by(2, holder::kind::stack, "pool of run"), proven(3),
        unchecked, unchecked, held_by(6, holder::kind::module)})
    proof.add(each);
  EXPECT_EQ(proof.holders.size(), 3u);
  EXPECT_EQ(proof.reasons.size(), 2u);
  const auto second = proof.tell(proof.findings[1]);
  EXPECT_EQ(second.task, 2u);
  EXPECT_EQ(held_words(second), "held by pool of run on the stack of the main thread");
  EXPECT_EQ(proof.tell(proof.findings[2]).by.is, holder::kind::none);
  EXPECT_EQ(proof.tell(proof.findings[4]).reason, "its timer could not be verified");
  EXPECT_EQ(proof.tell(proof.findings[5]).root.is, holder::kind::module);
}

/// Tasks come in another order than findings, and not all of them have one.
TEST(Findings, AreFoundInWhateverOrderTasksCome) {
  const auto found = leaks_in(look({{.id = 9, .location = 1},
                                    {.id = 2, .location = 1},
                                    {.id = 3, .location = 2},
                                    {.id = 1, .location = 1},
                                    {.id = 4, .location = 1}}),
                              proof_of({proven(4), proven(1), held_by(3, holder::kind::module), proven(9)}));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_THAT(found[0].group.ids(), ElementsAre(9, 1, 4));
  EXPECT_EQ(found[0].held, 1u);
  EXPECT_EQ(found[1].verdict, v1::LeakView::OLD);
  EXPECT_EQ(found[1].evidence, "held by the data of ");
}

TEST(ByDesign, WaitsAreNoSuspects) {
  auto tasks = look({{.id = 1, .location = 1, .kind = v1::Wait::SOCKET_ACCEPT},
                     {.id = 2, .location = 1, .kind = v1::Wait::SIGNAL},
                     {.id = 3, .location = 1, .kind = v1::Wait::TIMER},
                     {.id = 4, .location = 2, .kind = v1::Wait::TIMER}});
  tasks.mutable_tasks(2)->mutable_wait()->set_expires_in_ms(5000);
  tasks.mutable_tasks(3)->mutable_wait()->set_never_expires(true);
  for (const bool all : {false, true}) {
    leak_groups groups(no_process(), {.min_age_ms = 30'000, .all = all}, nullptr, nullptr, nullptr);
    groups.add(tasks);
    EXPECT_EQ(groups.finish().size(), all ? 4u : 1u);
    EXPECT_EQ(groups.by_design(), all ? 0u : 3u);
  }
}

TEST(Proven, SaysThatTheChannelIsClosed) {
  const auto found = leaks_in(look({{.id = 1, .location = 1}}), proof_of({proven(1, true)}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].evidence, HasSubstr("it is closed, and close() does not wake senders that wait already"));
  EXPECT_THAT(found[0].hint, HasSubstr("cancel()"));
}

TEST(Proven, CountsChannelsWhereThereAreSeveral) {
  const auto found = leaks_in(look({{.id = 1, .location = 1}, {.id = 2, .location = 1, .object = 0x2000}}),
                              proof_of({proven(1), proven(2)}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].evidence, "2 senders wait on 2 channels; nothing alive points to any of them");
}

TEST(Growing, IsAGroupOfWhichMoreStayThanThereWere) {
  const auto before = counted(look({{.id = 1, .location = 1}}, 7));
  const auto halfway = counted(look({{.id = 1, .location = 1}, {.id = 2, .location = 1}}, 9));
  const auto found = leaks_in(look({{.id = 1, .location = 1}, {.id = 2, .location = 1}, {.id = 3, .location = 1}}), {},
                              &before, &halfway);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].verdict, v1::LeakView::GROWING);
  EXPECT_EQ(found[0].evidence, "1 → 3 in 5s");
}

TEST(Growing, IsNoGroupWhoseTasksComeAndGo) {
  const auto before = counted(look({{.id = 1, .location = 1}, {.id = 2, .location = 1}}));
  const auto halfway = counted(look({{.id = 2, .location = 1}, {.id = 3, .location = 1}, {.id = 4, .location = 1}}));
  const auto now = look({{.id = 4, .location = 1, .age_ms = 0},
                         {.id = 5, .location = 1, .age_ms = 0},
                         {.id = 6, .location = 1, .age_ms = 0},
                         {.id = 7, .location = 1, .age_ms = 0}});
  EXPECT_THAT(leaks_in(now, {}, &before, &halfway), IsEmpty());
}

TEST(Growing, CountsNoTaskThatWasWokenMeanwhile) {
  const auto before = counted(look({{.id = 1, .location = 1}}));
  const auto halfway = counted(look({{.id = 1, .location = 1}, {.id = 2, .location = 1}}));
  const auto now = look({{.id = 1, .location = 1, .age_ms = 0}, {.id = 2, .location = 1, .age_ms = 0, .resumes = 4}});
  EXPECT_THAT(leaks_in(now, {}, &before, &halfway), IsEmpty());
}

TEST(Growing, TellsOneLineOfAFunctionFromAnother) {
  const auto before = counted(look({{.id = 1, .location = 1}}));
  const auto halfway = counted(look({{.id = 1, .location = 1}, {.id = 2, .location = 2}}));
  const auto found = leaks_in(look({{.id = 1, .location = 1, .age_ms = 0}, {.id = 2, .location = 2, .age_ms = 0}}), {},
                              &before, &halfway);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].group.ids(), ElementsAre(2));
}

TEST(Stalled, AreRunningTasksThatWereNamed) {
  leak_groups groups(no_process(), {}, nullptr, nullptr, nullptr);
  groups.set_stalled(2, "worker 9 …", true);
  groups.add(look(
      {{.id = 1, .location = 1, .state = v1::Task::RUNNING}, {.id = 2, .location = 1, .state = v1::Task::RUNNING}}));
  const auto found = groups.finish();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].verdict, v1::LeakView::STALLED);
  EXPECT_EQ(found[0].evidence, "worker 9 …");
  EXPECT_THAT(found[0].group.ids(), ElementsAre(2));
}

TEST(Order, IsByVerdictAndThenByCountTimesAge) {
  const auto found = leaks_in(look({{.id = 1, .location = 1, .age_ms = 90'000},
                                    {.id = 2, .location = 2, .age_ms = 50'000},
                                    {.id = 3, .location = 2, .age_ms = 50'000},
                                    {.id = 4, .location = 1, .age_ms = 40'000, .kind = v1::Wait::CHANNEL_RECEIVE}}),
                              proof_of({proven(4)}));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_THAT(found[0].group.ids(), ElementsAre(4));
  EXPECT_THAT(found[1].group.ids(), ElementsAre(2, 3));
  EXPECT_THAT(found[2].group.ids(), ElementsAre(1));
}

}  // namespace
}  // namespace tasks::cli
