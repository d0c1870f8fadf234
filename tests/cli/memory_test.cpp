// `tasks memory`: of programs/memory.cpp, with the hook and without, held against what it says of itself.

#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "linux/smaps.hpp"
#include "support/program.hpp"
#include "support/view.hpp"
#include "surveys/resident.hpp"

namespace tasks::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::uint64_t number(const std::string& text) { return std::stoull(text, nullptr, 0); }

/// "small(chan&)" of "memory::small(memory::chan&)"; without what is in brackets.
std::string bare(std::string function) {
  function = function.substr(0, function.find('('));
  return function.substr(function.rfind(':') + 1);
}

class Memory : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] v1::MemoryView look(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"memory", "-p", target_.pid_text()});
    return view<v1::MemoryView>(more);
  }
  [[nodiscard]] std::uint64_t said(std::string_view name) const { return number(target_.value(name)); }
  [[nodiscard]] bool has_hook() const { return GetParam() == std::string("memory"); }

  /// Its agent would allocate when it likes.
  program target_{{program_path(GetParam())}, {"TASKS_AGENT=off"}};
};
INSTANTIATE_TEST_SUITE_P(Of, Memory, ::testing::Values("memory", "memory_plain"));

const v1::FunctionMemoryView* function_in(const v1::MemoryView& seen, const std::string& name) {
  // Not what co_spawn has put around it.
  for (const auto& each : seen.functions())
    if (bare(each.function()) == name && !each.function().starts_with("entry of ")) return &each;
  return nullptr;
}

/// The only group whose innermost function is called so.
const v1::KeeperView* group_in(const v1::MemoryView& seen, const std::string& name) {
  const v1::KeeperView* found = nullptr;
  for (const auto& each : seen.groups()) {
    if (each.group().frames_size() == 0 || bare(each.group().frames(0).function()) != name) continue;
    EXPECT_EQ(found, nullptr) << name;
    found = &each;
  }
  return found;
}

TEST_P(Memory, OfEveryFrameIsTheChunkThatHoldsIt) {
  const auto seen = look({"--limit", "100"});
  EXPECT_EQ(seen.tasks(), 11U);
  const auto* small = function_in(seen, "small");
  const auto* large = function_in(seen, "large");
  ASSERT_TRUE(small != nullptr && large != nullptr) << seen.ShortDebugString();
  EXPECT_EQ(small->memory().frames(), 3U);
  EXPECT_EQ(large->memory().frames(), 2U);
  EXPECT_EQ(large->memory().bytes(), 2 * large->most_bytes());
  EXPECT_EQ(large->least_bytes(), large->most_bytes());
  EXPECT_GE(large->least_bytes(), 8000 + small->least_bytes());
  EXPECT_LT(large->least_bytes(), 9000U);
  EXPECT_LT(small->most_bytes(), 1000U);
  std::uint64_t frames = 0, bytes = 0;
  for (const auto& each : seen.functions()) {
    frames += each.memory().frames();
    bytes += each.memory().bytes();
    EXPECT_EQ(each.memory().unknown_frames(), 0U) << each.function();
    EXPECT_EQ(each.memory().has_requested_bytes(), has_hook());
    if (has_hook()) {
      EXPECT_GT(each.memory().bytes(), each.memory().requested_bytes());
    }
  }
  EXPECT_EQ(seen.frames().frames(), frames);
  EXPECT_EQ(seen.frames().bytes(), bytes);
  EXPECT_EQ(seen.functions(0).function(), large->function()) << "the largest first";
  EXPECT_LT(bytes, seen.heap().in_use_bytes());
}

TEST_P(Memory, ThatOnlyOneGroupLeadsToIsKeptAliveByIt) {
#if defined(__clang__)
  GTEST_SKIP() << "what was moved from main()'s variable is on its stack still, where clang has put it a second time";
#endif
  const auto seen = look({"--limit", "100"});
  const auto* owner = group_in(seen, "owner");
  const auto* borrower = group_in(seen, "borrower");
  const auto* small = group_in(seen, "small");
  ASSERT_TRUE(owner != nullptr && borrower != nullptr && small != nullptr) << seen.ShortDebugString();
  EXPECT_EQ(owner->kept_bytes(), said("owned"));
  EXPECT_EQ(owner->kept_allocations(), 1U);
  EXPECT_EQ(borrower->kept_bytes(), 0U) << "main() has it, too";
  EXPECT_EQ(small->kept_bytes(), 0U);
  EXPECT_EQ(small->leaked(), v1::KeeperView::LEAKED_UNSPECIFIED);
  EXPECT_EQ(small->group().count(), 3U);
  EXPECT_EQ(small->frames().frames(), 9U);
}

/// What belongs to the waits themselves comes on top: a channel, and the operation that waits.
TEST_P(Memory, OfALeakedGroupIsNamedWithWhatItKeepsAlive) {
  constexpr std::uint64_t of_a_wait = 2048;
  const auto seen = look({"--limit", "100"});
  EXPECT_EQ(seen.leaked_tasks(), 4U);
  const auto* forgotten = group_in(seen, "forgotten");
  ASSERT_NE(forgotten, nullptr) << seen.ShortDebugString();
  // A thread that is not asleep yet is stopped, and then its registers are known.
  EXPECT_THAT(forgotten->leaked(), ::testing::AnyOf(v1::KeeperView::LEAK_LIKELY, v1::KeeperView::LEAK_PROVEN));
  EXPECT_EQ(forgotten->group().count(), 2U);
  EXPECT_GE(forgotten->kept_bytes(), 2 * said("forgotten"));
  EXPECT_LT(forgotten->kept_bytes(), 2 * (said("forgotten") + of_a_wait));
  std::uint64_t kept = forgotten->kept_bytes();
  for (const auto* name : {"left", "right"}) {
    const auto* each = group_in(seen, name);
    ASSERT_NE(each, nullptr) << name;
    EXPECT_LT(each->kept_bytes(), of_a_wait) << "the buffer is another's, too";
    kept += each->kept_bytes();
  }
  EXPECT_GE(seen.kept_by_leaked_bytes(), kept + said("shared"));
  EXPECT_LT(seen.kept_by_leaked_bytes(), kept + said("shared") + of_a_wait);
}

/// To the byte: nothing has been allocated since. But malloc_info(3) counts the flag in the size of each hole, too.
TEST_P(Memory, OfEachArenaIsWhatMallocInfoSays) {
  const auto seen = look();
  ASSERT_EQ(seen.heap().arenas_size(), 2);
  EXPECT_EQ(seen.heap().refused_arenas(), 0U);
  EXPECT_TRUE(seen.heap().arenas(0).main());
  EXPECT_FALSE(seen.heap().arenas(1).main());
  for (int i = 0; i < 2; ++i) {
    const auto& arena = seen.heap().arenas(i);
    std::istringstream words(target_.value("heap" + std::to_string(i)));
    std::uint64_t system = 0, rest_chunks = 0, rest = 0, fast_chunks = 0, fast = 0;
    words >> system >> rest_chunks >> rest >> fast_chunks >> fast;
    rest -= rest_chunks - 1;
    EXPECT_EQ(arena.bytes(), system) << i;
    EXPECT_EQ(arena.holes() + 1, rest_chunks) << i << ": with the top";
    EXPECT_EQ(arena.hole_bytes() + arena.top_bytes(), rest) << i;
    EXPECT_EQ(arena.fast_chunks(), fast_chunks) << i;
    EXPECT_EQ(arena.fast_bytes(), fast) << i;
    EXPECT_EQ(arena.free_bytes(), rest + fast + arena.cached_bytes()) << i;
    EXPECT_EQ(arena.in_use_bytes() + arena.free_bytes(), system) << i;
  }
}

TEST_P(Memory, OfAnArenaHasItsLargestHoleFirst) {
  constexpr std::uint64_t header = 16;
  const auto seen = look({"--limit", "1"});
  const std::pair<const char*, std::uint64_t> holes[] = {{"hole", 5 * 100'016}, {"other_hole", 5 * 10'016}};
  for (int i = 0; i < 2; ++i) {
    const auto& arena = seen.heap().arenas(i);
    ASSERT_EQ(arena.largest_holes_size(), 1) << i;
    EXPECT_EQ(number(arena.largest_holes(0).address()) + header, said(holes[i].first));
    EXPECT_EQ(arena.largest_holes(0).bytes(), holes[i].second);
  }
}

TEST_P(Memory, ThatIsResidentIsSummedUpByMapping) {
  const auto seen = look({"--limit", "100"});
  EXPECT_EQ(seen.heap().mapped_allocations(), 1U);
  EXPECT_EQ(seen.heap().mapped_bytes(), said("mapped"));
  std::uint64_t sum = 0, heap = 0, stacks = 0, own = 0;
  for (const auto& each : seen.mappings()) {
    sum += each.resident_bytes();
    if (each.kind() == v1::MappingView::HEAP) heap = each.resident_bytes();
    if (each.kind() == v1::MappingView::STACKS) stacks = each.resident_bytes();
    if (each.path() == program_path(GetParam())) own = each.resident_bytes();
    EXPECT_LE(each.resident_bytes(), each.bytes()) << each.path();
  }
  EXPECT_EQ(seen.resident_bytes(), sum);
  EXPECT_GT(heap, 3U << 20) << "what was filled";
  EXPECT_LT(heap, 8U << 20);
  EXPECT_GT(stacks, 0U);
  EXPECT_GT(own, 0U);
}

/// What is said of all tasks does not change, and no group keeps more alone because others are not shown.
TEST_P(Memory, OfFunctionsAndGroupsIsThatOfTheTasksAskedFor) {
  const auto all = look({"--limit", "100"});
  EXPECT_FALSE(all.has_matched_tasks());
  const auto seen = look({"--limit", "100", "--function", "::(owner|forgotten|left)\\("});
  EXPECT_EQ(seen.matched_tasks(), 4U);
  EXPECT_EQ(seen.tasks(), 11U);
  EXPECT_EQ(seen.groups_size(), 3);
  EXPECT_EQ(seen.frames().frames(), all.frames().frames());
  EXPECT_EQ(seen.frames().bytes(), all.frames().bytes());
  EXPECT_EQ(seen.heap().in_use_bytes(), all.heap().in_use_bytes());
  EXPECT_EQ(seen.leaked_tasks(), 4U);
  EXPECT_EQ(seen.kept_by_leaked_bytes(), all.kept_by_leaked_bytes());
  for (const auto* name : {"owner", "forgotten", "left"}) {
    const auto *before = group_in(all, name), *after = group_in(seen, name);
    ASSERT_TRUE(before != nullptr && after != nullptr) << name;
    EXPECT_EQ(after->kept_bytes(), before->kept_bytes()) << name;
    EXPECT_EQ(function_in(seen, name)->memory().frames(), after->group().count());
  }
  EXPECT_EQ(function_in(seen, "small"), nullptr);
}

/// Of three alike tasks one: what they have in common is not its own.
TEST_P(Memory, OfOneOfAGroupIsItsOwn) {
  const auto stacks = view<v1::StackView>({"stack", target_.pid_text(), "--function", "::small\\("});
  ASSERT_EQ(stacks.tasks_size(), 3);
  const auto seen = look({"--task", std::to_string(stacks.tasks(1).id())});
  ASSERT_EQ(seen.groups_size(), 1);
  EXPECT_THAT(seen.groups(0).group().ids(), ::testing::ElementsAre(stacks.tasks(1).id()));
  EXPECT_EQ(function_in(seen, "small")->memory().frames(), 1U);
}

TEST_P(Memory, SaysWhatIsOfAllTasks) {
  const auto some = text({"memory", target_.pid_text(), "--function", "::owner\\("});
  EXPECT_THAT(some, ContainsRegex("\ncoroutine frames: 33 of 11 tasks, [^\n]*\n"));
  EXPECT_THAT(some, HasSubstr("\n1 of 11 tasks matches: functions and groups are theirs, all else is of all tasks\n"));
  EXPECT_THAT(some, ContainsRegex("\nof all tasks, 4 tasks are (likely )?leaked "));
  const auto none = text({"memory", target_.pid_text(), "--state", "running"});
  EXPECT_THAT(none, HasSubstr("\nnone of 11 tasks matches\n"));
  EXPECT_THAT(none, Not(HasSubstr("FUNCTION")));
  EXPECT_THAT(none, HasSubstr("\nARENA "));
}

TEST_P(Memory, ReadsAsTables) {
  const auto seen = text({"memory", target_.pid_text(), "--limit", "3"});
  EXPECT_THAT(seen, ContainsRegex("^resident: [0-9.]+ MiB\nheap: [0-9.]+ MiB: [0-9.]+ MiB in use by [0-9,]+ "
                                  "allocations, [0-9.]+ KiB free\ncoroutine frames: 33 of 11 tasks, [0-9.]+ KiB, "));
  EXPECT_THAT(seen, ContainsRegex("\nFRAMES +BYTES +EACH  FUNCTION +FILE\n +2 +1[0-9.]+ KiB +[0-9.]+ KiB  "
                                  "memory::large\\("));
  EXPECT_THAT(seen, ContainsRegex("\nTASKS +FRAMES +KEEP ALIVE  LEAKED  WAIT +FUNCTION\n +2 +[0-9.]+ KiB +[0-9.]+ KiB  "
                                  "(likely|proven)  channel receive"));
  EXPECT_THAT(seen, ContainsRegex("\n4 tasks are (likely )?leaked \\(tasks leaks -p " + target_.pid_text() +
                                  "( proves it)?\\); besides their frames they keep "));
  EXPECT_THAT(seen, ContainsRegex("\nARENA +SIZE +IN USE +FREE +TOP +CACHED +HOLES  LARGEST HOLE\nmain "));
  EXPECT_THAT(seen, HasSubstr("\n1 allocation with a mapping of its own: 192.0 MiB\n"));
  EXPECT_THAT(seen, ContainsRegex("\n *RESIDENT +SIZE +MAPPINGS  OF\n"));
  EXPECT_THAT(seen, HasSubstr("… "));
  EXPECT_THAT(seen, ContainsRegex("\ntarget (not stopped|stopped [0-9.]+ ms to be copied)\n"));
  EXPECT_THAT(seen, Not(HasSubstr("! ")));
}

TEST(MemoryOf, TheSameProgramHasTheSameFramesWithoutAHook) {
  const program hooked({program_path("memory")}), plain({program_path("memory_plain")});
  const auto frames_of = [](const program& target, std::vector<std::string> more) {
    more.insert(more.begin(), {"memory", target.pid_text(), "--limit", "100"});
    std::vector<std::pair<std::string, std::uint64_t>> frames;
    const auto seen = view<v1::MemoryView>(more);
    for (const auto& each : seen.functions()) frames.emplace_back(each.function(), each.memory().frames());
    std::sort(frames.begin(), frames.end());
    return frames;
  };
  const auto with = frames_of(hooked, {"--no-hook"});
  EXPECT_EQ(with, frames_of(plain, {}));
  EXPECT_EQ(with.size(), frames_of(hooked, {}).size());
}

/// Of all threads of a core the registers are known: what is leaked is proven.
TEST(MemoryOf, ACoreIsWhatTheProcessHad) {
  const program target({program_path("memory")});
  const auto live = view<v1::MemoryView>({"memory", target.pid_text(), "--limit", "100"});
  char name[] = "/tmp/tasks-test-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(name);
  const auto made = run({"gcore", "-o", folder / "core", target.pid_text()});
  ASSERT_EQ(made.end.code, 0) << made.err;
  const auto core =
      view<v1::MemoryView>({"memory", "--core", folder / ("core." + target.pid_text()), "--limit", "100"});
  std::filesystem::remove_all(folder);
  EXPECT_EQ(core.frames().bytes(), live.frames().bytes());
  EXPECT_EQ(core.kept_by_leaked_bytes(), live.kept_by_leaked_bytes());
  EXPECT_EQ(core.heap().arenas(0).largest_holes(0).address(), live.heap().arenas(0).largest_holes(0).address());
  EXPECT_EQ(group_in(core, "forgotten")->leaked(), v1::KeeperView::LEAK_PROVEN);
  EXPECT_FALSE(core.has_resident_bytes());
  EXPECT_EQ(core.mappings_size(), 0);
  EXPECT_THAT(core.notes(), ::testing::ElementsAre("what was in memory is not known of a core"));
}

TEST(MemoryOf, AnotherAllocatorIsNotGuessed) {
  const std::string allocator = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
  if (!std::filesystem::exists(allocator)) GTEST_SKIP() << "libjemalloc2 is not installed";
  const program target({program_path("memory")}, {"LD_PRELOAD=" + allocator});
  const auto seen = view<v1::MemoryView>({"memory", target.pid_text(), "--limit", "100"});
  EXPECT_EQ(seen.heap().bytes(), 0U);
  EXPECT_EQ(seen.frames().frames(), 33U);
  EXPECT_EQ(seen.frames().unknown_frames(), 33U);
  EXPECT_EQ(seen.frames().bytes(), 0U);
  EXPECT_GT(seen.frames().requested_bytes(), 16'000U) << "which the hook knows";
  for (const auto& each : seen.groups()) EXPECT_FALSE(each.has_kept_bytes());
  EXPECT_GT(seen.resident_bytes(), 0U);
  ASSERT_EQ(seen.notes_size(), 2);
  EXPECT_THAT(seen.notes(0), HasSubstr("no heap of glibc's malloc was found"));
  EXPECT_THAT(seen.notes(1), HasSubstr("33 of 33 frames are in no allocation of their own that is known"));
}

/// What both looks have in common: tasks grow older, and what is recorded is proven, for which threads are stopped.
v1::MemoryView without_time(v1::MemoryView seen) {
  seen.clear_stopped_seconds();
  for (auto& each : *seen.mutable_groups()) {
    const auto ids = each.group().ids();
    each.clear_group();
    each.clear_leaked();
    *each.mutable_group()->mutable_ids() = ids;
  }
  return seen;
}

class RecordedMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    const auto made =
        run({tasks_executable(), "record", target_.pid_text(), "-o", file(), "--for", "0", "--with", "memory"});
    ASSERT_EQ(made.end.code, 0) << made.err;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string file() const { return (folder_ / "seen.tasks").string(); }
  [[nodiscard]] v1::MemoryView look(std::vector<std::string> more) const {
    more.insert(more.begin(), {"memory", "--from", file()});
    return view<v1::MemoryView>(more);
  }

  program target_{{program_path("memory")}, {"TASKS_AGENT=off"}};
  std::filesystem::path folder_;
};

TEST_F(RecordedMemory, IsWhatTheProcessHad) {
  for (const auto& more : std::vector<std::vector<std::string>>{
           {}, {"--limit", "2"}, {"--limit", "1000"}, {"--function", "::(small|owner)\\("}, {"--state", "running"}}) {
    auto live = more;
    live.insert(live.begin(), {"memory", target_.pid_text()});
    const auto then = without_time(look(more)), now = without_time(view<v1::MemoryView>(live));
    EXPECT_EQ(then.ShortDebugString(), now.ShortDebugString());
    EXPECT_GT(then.resident_bytes(), 0U);
  }
}

/// What three tasks keep alive together is not what one of them does.
TEST_F(RecordedMemory, OfAPartOfAGroupIsNotGuessed) {
  const auto of_all = look({"--function", "::small\\("});
  ASSERT_EQ(of_all.groups_size(), 1);
  EXPECT_TRUE(of_all.groups(0).has_kept_bytes());
  const auto of_one = look({"--task", std::to_string(of_all.groups(0).group().ids(1))});
  ASSERT_EQ(of_one.groups_size(), 1);
  EXPECT_EQ(of_one.groups(0).group().count(), 1U);
  EXPECT_GT(of_one.groups(0).frames().bytes(), 0U);
  EXPECT_LT(of_one.groups(0).frames().bytes(), of_all.groups(0).frames().bytes());
  EXPECT_FALSE(of_one.groups(0).has_kept_bytes());
}

TEST(MemoryOf, ASanitizerIsRefused) {
  const program target({program_path("waves_asan")}, {"ASAN_OPTIONS=detect_leaks=0"});
  const auto seen = run({tasks_executable(), "memory", target.pid_text()});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_THAT(seen.err, HasSubstr("AddressSanitizer serves its memory"));
  EXPECT_EQ(seen.out, "");
}

constexpr std::string_view smaps =
    "00400000-00402000 rw-p 00000000 08:01 17  /usr/bin/server\nSize:   8 kB\nRss:     8 kB\nPss:  4 kB\nSwap:    4 "
    "kB\n"
    "VmFlags: rd wr mr mw me ac sd\n"
    "00402000-00403000 rw-p 00000000 00:00 0 \nRss:     4 kB\n"
    "01000000-01010000 rw-p 00000000 00:00 0  [heap]\nRss:    60 kB\n"
    "7f0000000000-7f0000010000 rw-p 00000000 00:00 0 \nRss:    16 kB\n"
    "7f0001000000-7f0001010000 rw-p 00000000 00:00 0 \nRss:    12 kB\n"
    "7f0002000000-7f0002010000 rw-p 00000000 00:00 0 \nRss:    0 kB\nSwap:   24 kB\n";

TEST(ResidentMemory, IsWhatSmapsSaysOfEachMapping) {
  const auto all = cli::parse_smaps(smaps);
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[0].is.path, "/usr/bin/server");
  EXPECT_EQ(all[0].resident_bytes, 8U << 10);
  EXPECT_EQ(all[0].swapped_bytes, 4U << 10);
  EXPECT_EQ(all[5].is.begin, 0x7f0002000000U);
  EXPECT_EQ(all[5].swapped_bytes, 24U << 10);
}

/// Zeros behind a file's data are the file's; anonymous memory is malloc's or a stack where those are in it.
TEST(ResidentMemory, IsOfWhatTheMappingIsFor) {
  const auto sums = cli::sum_up_mappings(cli::parse_smaps(smaps),
                                         {{0x1000010, 0x1010000}, {0x7f0000000000, 0x7f0000000800}}, {0x7f000100fff0});
  ASSERT_EQ(sums.size(), 4U);
  using kind = cli::resident_sum::kind;
  EXPECT_EQ(sums[0].is, kind::heap);
  EXPECT_EQ(sums[0].resident_bytes, 76U << 10);
  EXPECT_EQ(sums[0].mappings, 2U);
  EXPECT_EQ(sums[1].is, kind::stacks);
  EXPECT_EQ(sums[2].is, kind::file);
  EXPECT_EQ(sums[2].path, "/usr/bin/server");
  EXPECT_EQ(sums[2].resident_bytes, 12U << 10);
  EXPECT_EQ(sums[3].is, kind::anonymous);
  EXPECT_EQ(sums[3].swapped_bytes, 24U << 10);
}

}  // namespace
}  // namespace tasks::testing
