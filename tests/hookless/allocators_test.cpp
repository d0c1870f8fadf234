// A program without the hook on each allocator: what lasts is found, and what has ended is not, whatever is left of it.

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

struct allocator {
  const char* name;
  const char* program = "waves";
  const char* library = "";  ///< a file of /usr/lib/x86_64-linux-gnu
};

void PrintTo(const allocator& which, std::ostream* out) { *out << which.name; }

constexpr allocator allocators[] = {
    {"glibc"},
    {"jemalloc", "waves", "libjemalloc.so.2"},
    {"tcmalloc", "waves", "libtcmalloc_minimal.so.4"},
    {"mimalloc", "waves", "libmimalloc.so.2"},
    {"AddressSanitizer", "waves_asan"},
    {"AddressSanitizerWithoutOptimization", "waves_asan_0"},
};

/// How many tasks that were destroyed while they waited may be taken for some that last: clang marks none, and jemalloc
/// writes nothing into what it is given back. Of 2,400 by then.
std::size_t most_left_over([[maybe_unused]] const allocator& which) {
#if defined(__clang__)
  if (which.library == std::string_view("libjemalloc.so.2")) return 60;
#endif
  return 0;
}

/// clang's code for AddressSanitizer, not optimized, hides some suspend points from who reads it: then no line is told.
bool may_lack_lines([[maybe_unused]] const allocator& which) {
#if defined(__clang__)
  return which.program == std::string_view("waves_asan_0");
#else
  return false;
#endif
}

/// What is told of each is right; where lines may be lacking, nothing may be told of one.
void expect_places(const std::vector<v1::TaskView>& tasks, const std::vector<std::string>& right, bool may_lack) {
  for (const auto& task : tasks) {
    const auto told = places(task);
    ASSERT_EQ(told.size(), right.size());
    for (std::size_t i = 0; i < right.size(); ++i)
      if (!may_lack || !task.frames(static_cast<int>(i)).file().empty()) {
        EXPECT_EQ(told[i], right[i]);
      }
  }
}

std::size_t waiting(const std::vector<v1::TaskView>& tasks, v1::Wait::Kind kind) {
  return static_cast<std::size_t>(
      std::ranges::count_if(tasks, [kind](const v1::TaskView& task) { return task.wait().kind() == kind; }));
}

/// With so many waves of tasks before it rests.
class Allocator : public ::testing::TestWithParam<std::tuple<allocator, int>> {};

// receiver(): receive()   [channel receive]
// sleeper():  nap()       [timer]
TEST_P(Allocator, WhatLastsIsFoundAndNothingElse) {
  const auto& [which, waves] = GetParam();
  environment env{"ASAN_OPTIONS=detect_leaks=0"};
  if (*which.library != '\0') {
    const auto library = std::filesystem::path("/usr/lib/x86_64-linux-gnu") / which.library;
    if (!std::filesystem::exists(library)) GTEST_SKIP() << "needs " << library;
    env.push_back("LD_PRELOAD=" + library.string());
  }
  const program target({program_path(which.program), std::to_string(waves)}, env);
  const auto lasting = std::stoul(target.value("tasks"));
  const auto seen = view<v1::StackView>({"stack", target.pid_text(), "--no-hook"});
  EXPECT_THAT(static_cast<std::size_t>(seen.tasks_size()), AllOf(Ge(lasting), Le(lasting + most_left_over(which))));
  const auto receivers = tasks_in(seen, "receive"), sleepers = tasks_in(seen, "nap");
  EXPECT_EQ(receivers.size() + sleepers.size(), static_cast<std::size_t>(seen.tasks_size()));
  const auto right = AllOf(Ge(lasting / 2), Le(lasting / 2 + most_left_over(which)));
  EXPECT_THAT(waiting(receivers, v1::Wait::CHANNEL_RECEIVE), right);
  EXPECT_THAT(waiting(sleepers, v1::Wait::TIMER), right);
  const std::string source = TASKS_WAVES_SOURCE;
  expect_places(
      receivers,
      {place("receive", source, "from.async_receive("), place("receiver", source, "co_await receive(it, from)")},
      may_lack_lines(which));
  expect_places(sleepers,
                {place("nap", source, "co_await timer.async_wait("), place("sleeper", source, "co_await nap(it,")},
                may_lack_lines(which));
  // Nothing is proven where the allocator is not known, and nobody leaks here.
  EXPECT_EQ(run({tasks_executable(), "leaks", target.pid_text()}).end.code, std::string(which.name) == "glibc" ? 0 : 4);
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<allocator, int>>& parameter) {
  const auto& [which, waves] = parameter.param;
  return std::string(which.name) + (waves == 0 ? "_fresh" : "_after_churn");
}

INSTANTIATE_TEST_SUITE_P(All, Allocator, ::testing::Combine(::testing::ValuesIn(allocators), ::testing::Values(0, 3)),
                         name_of);

}  // namespace
}  // namespace tasks::testing
