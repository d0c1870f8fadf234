// `tasks threads`, and what the other views say of threads that hang: of a live process, a stopped one, and a core.

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <regex>
#include <string_view>

#include "support/program.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  return run(words);
}

template <class View>
View view(std::vector<std::string> words) {
  words.emplace_back("--json");
  const auto seen = tasks_command(words);
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  View parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(seen.out, &parsed);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return parsed;
}

/// Looks until what was seen is as it has to be in the end: how soon depends on what else the machine does.
template <class View, class Predicate>
View view_once(std::vector<std::string> words, Predicate as_expected) {
  const auto deadline = std::chrono::steady_clock::now() + guard;
  for (;;) {
    auto seen = view<View>(words);
    if (as_expected(seen) || std::chrono::steady_clock::now() > deadline) return seen;
  }
}

bool is_in(const v1::ThreadView& thread, std::string_view function) {
  return std::any_of(thread.frames().begin(), thread.frames().end(),
                     [function](const auto& f) { return f.function().starts_with(function); });
}

std::vector<v1::ThreadView> threads_in(const v1::ThreadsView& view, std::string_view function) {
  std::vector<v1::ThreadView> found;
  for (const auto& thread : view.threads())
    if (is_in(thread, function)) found.push_back(thread);
  return found;
}

int count(const v1::ThreadsView& view, v1::ThreadView::Role role) {
  return static_cast<int>(std::count_if(view.threads().begin(), view.threads().end(),
                                        [role](const auto& thread) { return thread.role() == role; }));
}

/// How the program hangs, and the function in which its threads then are.
struct hang {
  const char* how;
  const char* function;
  int threads;
  const char* blocked;  ///< what a finding says of it
};
class Hung : public ::testing::TestWithParam<hang> {};
INSTANTIATE_TEST_SUITE_P(
    In, Hung,
    ::testing::Values(hang{"loop", "hung::crunch(unsigned", 2, ""},
                      hang{"deadlock", "hung::book(int)", 2,
                           ", blocked in pthread_mutex_lock, (which it has locked itself|locked by "
                           "thread [0-9]+)"},
                      hang{"blocked", "hung::fetch(int)", 1, ", blocked in [a-z_]+"},
                      hang{"future", "hung::answer_of(", 1, R"(, blocked in std::future<int>::get\(\))"}),
    [](const auto& parameter) { return std::string(parameter.param.how); });

void expect_workers(const v1::ThreadsView& seen, const hang& expected) {
  const auto threads = threads_in(seen, expected.function);
  ASSERT_EQ(threads.size(), static_cast<unsigned>(expected.threads));
  for (const auto& thread : threads) {
    EXPECT_EQ(thread.role(), v1::ThreadView::WORKER);
    EXPECT_NE(thread.task_id(), 0u);
    const auto& frames = thread.frames();
    const auto at = std::find_if(frames.begin(), frames.end(),
                                 [&](const auto& f) { return f.function().starts_with(expected.function); });
    EXPECT_THAT(at->file(), HasSubstr("hung.cpp"));
    EXPECT_NE(at->line(), 0u);
  }
}

TEST_P(Hung, WorkersAreShownWithTheirTasksAndNativeStacks) {
  program target({program_path("hung"), GetParam().how});
  const auto seen = view<v1::ThreadsView>({"threads", "-p", target.pid_text()});
  expect_workers(seen, GetParam());
  EXPECT_EQ(count(seen, v1::ThreadView::MAIN), 1);
  EXPECT_EQ(count(seen, v1::ThreadView::AGENT), 1);
  if (std::string_view(GetParam().how) == "loop") {
    EXPECT_GT(seen.longest_stop_seconds(), 0);
  }
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

/// Threads that sleep in calls which end when a thread is stopped, at two levels of optimization.
class Sleepers : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(At, Sleepers, ::testing::Values("sleepers_0", "sleepers_2"));

TEST_P(Sleepers, AreNotStoppedByALook) {
#if defined(__SANITIZE_ADDRESS__)
  if (std::string_view(GetParam()) == "sleepers_2")
    GTEST_SKIP() << "optimized interceptors need registers to be unwound, so threads in them are stopped";
#endif
  program target({program_path(GetParam())});
  constexpr std::array functions = {
    "sleepers::receive(int)",
    "sleepers::wait_in_epoll(",
#if !defined(__aarch64__)  // see the program
    "sleepers::wait_for_semaphores(",
#endif
    "sleepers::wait_for_signal(",
    "sleepers::wait_for_semaphore(",
    "sleepers::rest("
  };
  const auto all_asleep = [&](const v1::ThreadsView& seen) {
    return std::all_of(functions.begin(), functions.end(),
                       [&](const char* function) { return !threads_in(seen, function).empty(); });
  };
  const auto first = view_once<v1::ThreadsView>({"threads", target.pid_text()}, all_asleep);
  ASSERT_TRUE(all_asleep(first)) << tasks_command({"threads", target.pid_text(), "--all-frames"}).out;
  target.write("how many?\n");
  const auto before = target.read_until("interrupted ");
  constexpr int looks = 10;
  for (int look = 0; look < looks; ++look) {
    EXPECT_TRUE(all_asleep(view<v1::ThreadsView>({"threads", target.pid_text()})));
    EXPECT_THAT(tasks_command({"stack", target.pid_text()}).out, HasSubstr("sleepers::receive(int)"));
    EXPECT_THAT(tasks_command({"vitals", target.pid_text(), "--stalled-after", "0.1"}).out, HasSubstr("workers: 2"));
  }
  target.write("and now?\n");
  EXPECT_EQ(target.read_until("interrupted "), before);
}

outcome look_at(const program& target, std::string command, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {std::move(command), "-p", target.pid_text()});
  return tasks_command(more);
}

/// Its thread is no sleeper: while it is asked its clock ticks ten times a second.
const environment without_agent{"TASKS_AGENT=off"};

/// Of what is held nothing needs registers, so that nobody is stopped for a proof.
TEST_P(Sleepers, AreNotStoppedToFindThatNothingLeaks) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "of a sanitizer's address space no picture is taken";
#elif defined(__aarch64__)
  GTEST_SKIP() << "calls without a frame have their return address in a register alone there";
#endif
  program target({program_path(GetParam()), "held"}, without_agent);
  const auto waiting = view_once<v1::StackView>({"stack", target.pid_text(), "--kind", "channel-receive"},
                                                [](const auto& seen) { return seen.tasks_size() == 1; });
  ASSERT_EQ(waiting.tasks_size(), 1);
  const auto task = std::to_string(waiting.tasks(0).id());
  target.write("how many?\n");
  const auto before = target.read_until("interrupted ");
  for (int look = 0; look < 10; ++look) {
    const auto leaks = look_at(target, "leaks", {"--stalled-after", "3600"});
    EXPECT_EQ(leaks.end.code, 0) << leaks.out;
    EXPECT_THAT(leaks.out, HasSubstr("1 held elsewhere, 0 not checked; "));
    EXPECT_THAT(look_at(target, "why", {task}).out, HasSubstr("\nheld by "));
    EXPECT_THAT(look_at(target, "channels").out, HasSubstr("\nheld by "));
    EXPECT_THAT(look_at(target, "report").out, HasSubstr("\nshows    one moment: "));
  }
  target.write("and now?\n");
  EXPECT_EQ(target.read_until("interrupted "), before);
  wait_until_shown({"leaks", "-p", target.pid_text()}, "; target not stopped, ");
  wait_until_shown({"report", target.pid_text()}, "\nshows    one moment: no thread was stopped\n");
}

/// A register may hold what a task waits for: it is read before anything is proven, and not where nobody may be
/// stopped.
TEST(Threads, ThatSleepAreStoppedForAProofUnlessThatIsForbidden) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "of a sanitizer's address space no picture is taken";
#endif
  program target({program_path("sleepers_2"), "leak"}, without_agent);
  const auto waiting = view_once<v1::StackView>({"stack", target.pid_text(), "--kind", "channel-receive"},
                                                [](const auto& seen) { return seen.tasks_size() == 2; });
  ASSERT_EQ(waiting.tasks_size(), 2);
  target.write("how many?\n");
  const auto before = target.read_until("interrupted ");
  const auto likely = look_at(target, "leaks", {"--no-stop", "--stalled-after", "3600"});
  EXPECT_EQ(likely.end.code, 4) << likely.out;
  EXPECT_THAT(likely.out, HasSubstr("likely: 1 task [channel receive, "));
  EXPECT_THAT(likely.out,
              ContainsRegex("\nevidence: 1 receiver waits on channel 0x[0-9a-f]+; nothing alive points to it, "
                            "as far as its threads were read\n"));
  EXPECT_THAT(likely.out, HasSubstr("nothing proven, 1 likely: 2 of "));
  EXPECT_THAT(likely.out, HasSubstr("0 proven, 1 likely, 1 held elsewhere, 0 not checked; "));
  EXPECT_EQ(look_at(target, "leaks", {"--no-stop", "--prove"}).end.code, 2);
  EXPECT_THAT(look_at(target, "channels", {"--no-stop"}).out,
              HasSubstr("\nwho else points to it is not known: nothing that was read does, but not all was read\n"));
  target.write("and now?\n");
  EXPECT_EQ(target.read_until("interrupted "), before);
  const auto proven = look_at(target, "leaks", {"--stalled-after", "3600"});
  EXPECT_EQ(proven.end.code, 3) << proven.out;
  EXPECT_THAT(proven.out, HasSubstr("proven: 1 task [channel receive, "));
  EXPECT_THAT(proven.out, HasSubstr("; target stopped "));
}

/// The process would end by it.
TEST(Threads, OfAProcessThatHangsAtItsExitAreNotStopped) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "of a sanitizer's address space no picture is taken";
#endif
  program target({program_path("exiting")});
  wait_until_shown({"threads", "-p", target.pid_text()}, "pthread_cond_destroy");
  for (const auto& command : {"threads", "stack", "leaks", "channels", "vitals", "tree", "report"})
    EXPECT_EQ(look_at(target, command).end.code, 0) << command;
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  EXPECT_EQ(stacks.tasks_size(), 3);
  for (const auto& task : stacks.tasks()) EXPECT_EQ(look_at(target, "why", {std::to_string(task.id())}).end.code, 0);
  EXPECT_THAT(look_at(target, "threads").out,
              ContainsRegex("\npthread_cond_destroy\n[^\n]*\nexiting::flag::~flag\\(\\)\n"));
}

TEST(Threads, ThatWaitForAMutexSayWhoHasLockedIt) {
  const program target({program_path("hung"), "deadlock"});
  const std::string owner = "(which it has locked itself|locked by thread [0-9]+)";
  const auto seen = view_once<v1::ThreadsView>({"threads", target.pid_text()}, [](const v1::ThreadsView& threads) {
    const auto blocked = threads_in(threads, "hung::book(int)");
    return std::count_if(blocked.begin(), blocked.end(), [](const auto& each) { return each.mutex_owner() != 0; }) == 2;
  });
  EXPECT_THAT(tasks_command({"threads", target.pid_text()}).out,
              ContainsRegex("\nthread [0-9]+ \\[runs task [^\n]*, blocked in pthread_mutex_lock, " + owner + "\\]:\n"));
  const auto waiting = threads_in(seen, "hung::book(int)");
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].mutex_owner(), waiting[1].mutex_owner());
  const auto task = std::to_string(waiting[0].task_id());
  const auto why = tasks_command({"why", target.pid_text(), task}).out;
  EXPECT_THAT(why, ContainsRegex("\nis blocked in pthread_mutex_lock, " + owner + "\n"));
  EXPECT_THAT(why, HasSubstr("\nhung::book(int)\n"));
  EXPECT_EQ(view<v1::WhyView>({"why", target.pid_text(), task}).mutex_owner(), waiting[0].mutex_owner());
}

/// Native frames first, as in `stack`.
TEST(Threads, RunTasksOfWhichWhyShowsTheNativeStack) {
  const program target({program_path("hung"), "loop"});
  const auto why = tasks_command({"why", target.pid_text(), "1"}).out;
  EXPECT_THAT(why,
              ContainsRegex("^task 1 \\[running on thread "
                            "[0-9]+[^\n]*\\]:\n([^\n]*\n\t[^\n]*\n)?hung::crunch\\([^\n]*\n\t[^\n]*hung.cpp:[0-9]+\n"));
  EXPECT_THAT(why, Not(HasSubstr("its native stack: ")));
  EXPECT_THAT(tasks_command({"why", target.pid_text(), "1", "--no-prove"}).out,
              HasSubstr("\nits native stack: tasks stack -p "));
}

/// The user's innermost function says less than what it has called.
TEST(Threads, ShowTheCallOfALibrarysThatBlocks) {
  const program target({program_path("hung"), "future"});
  wait_until_shown({"threads", "-p", target.pid_text()}, "\nstd::future<int>::get()\n");
  wait_until_shown({"stack", "-p", target.pid_text(), "--state", "running"}, "\nstd::future<int>::get()\n");
}

TEST_P(Hung, WorkersAreShownWhenTheProcessIsStopped) {
  program target({program_path("hung"), GetParam().how});
  target.suspend();
  const auto seen = tasks_command({"threads", "-p", target.pid_text(), "--timeout", "0.1"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, ContainsRegex("  stopped  [^\n]*  worker +[0-9]+  "));
  EXPECT_THAT(seen.out, HasSubstr(GetParam().function));
  target.send_signal(SIGCONT);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

TEST_P(Hung, TasksHaveTheirNativeFramesOnTopOfTheirAwaits) {
  const program target({program_path("hung"), GetParam().how});
  const auto seen = view<v1::StackView>({"stack", "-p", target.pid_text(), "--state", "running"});
  ASSERT_EQ(seen.tasks_size(), GetParam().threads);
  for (const auto& task : seen.tasks()) {
    const auto& frames = task.native_frames();
    EXPECT_TRUE(std::any_of(frames.begin(), frames.end(),
                            [](const auto& f) { return f.function().starts_with(GetParam().function); }));
    EXPECT_FALSE(task.frames().empty());
  }
}

/// Neither as a native frame and as the await that it was in before, nor else.
TEST(Threads, ThatRunATaskHaveTheFunctionThatRunsOnce) {
  const program target({program_path("hung"), "loop"});
  for (const std::string how : {"--all-frames", "--state=running"}) {
    const auto shown = tasks_command({"stack", "-p", target.pid_text(), how}).out;
    std::size_t found = 0;
    for (auto at = shown.find("\nhung::calculate("); at != shown.npos; at = shown.find("\nhung::calculate(", at + 1))
      ++found;
    EXPECT_EQ(found, 2U) << shown;
  }
}

TEST_P(Hung, WorkersAreAFinding) {
  const program target({program_path("hung"), GetParam().how});
  const std::vector<std::string> vitals = {"vitals", "-p", target.pid_text(), "--stalled-after", "0.05"};
  const auto seen =
      view_once<v1::VitalsView>(vitals, [](const auto& v) { return v.stalled_size() == GetParam().threads; });
  ASSERT_EQ(seen.stalled_size(), GetParam().threads);
  for (const auto& stalled : seen.stalled()) {
    EXPECT_NE(stalled.task_id(), 0u);
    EXPECT_THAT(stalled.frame().function(), HasSubstr("hung::"));
  }
  EXPECT_THAT(seen.findings(0), ContainsRegex("stalled: worker [0-9]+ has run task [0-9]+ for [^ ,]+" +
                                              std::string(GetParam().blocked) + "  hung::.*  hung.cpp:[0-9]+"));
}

TEST_P(Hung, ProcessesAreMarkedInTheList) {
  const program target({program_path("hung"), GetParam().how});
  const auto its = [&](const v1::ListView& list) {
    const auto& all = list.processes();
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const auto& p) { return static_cast<pid_t>(p.pid()) == target.pid(); });
    return at == all.end() ? v1::ProcessView() : *at;
  };
  // Whom they keep waiting is told as well, after a while.
  const auto stalled = [](const v1::ProcessView& process) {
    return std::count_if(process.findings().begin(), process.findings().end(),
                         [](const auto& finding) { return finding.starts_with("stalled: "); });
  };
  const auto seen = its(
      view_once<v1::ListView>({"list"}, [&](const auto& list) { return stalled(its(list)) == GetParam().threads; }));
  EXPECT_EQ(stalled(seen), GetParam().threads);
  EXPECT_THAT(seen.findings(0), ContainsRegex("stalled: a worker has run task [0-9]+ for [0-9]+s"));
  EXPECT_THAT(tasks_command({"list"}).out, HasSubstr(target.pid_text() + "*! "));
}

TEST(Healthy, WorkersAreIdleAndNoFinding) {
  program target({program_path("hung"), "healthy"});
  const auto vitals = view<v1::VitalsView>({"vitals", "-p", target.pid_text(), "--stalled-after", "0.001"});
  EXPECT_THAT(vitals.stalled(), IsEmpty());
  const auto seen = view<v1::ThreadsView>({"threads", "-p", target.pid_text()});
  EXPECT_EQ(count(seen, v1::ThreadView::WORKER), 0);
  EXPECT_GE(count(seen, v1::ThreadView::IDLE_WORKER), 1);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

TEST(Threads, AreNotStoppedWithoutNativeStacks) {
  const program target({program_path("hung"), "loop"});
  const auto seen = view<v1::ThreadsView>({"threads", "-p", target.pid_text(), "--no-native"});
  EXPECT_EQ(seen.longest_stop_seconds(), 0);
  EXPECT_EQ(seen.threads_size(), 4);
  for (const auto& thread : seen.threads()) EXPECT_THAT(thread.frames(), IsEmpty());
}

std::vector<std::uint32_t> tids_of(const v1::ThreadsView& seen) {
  std::vector<std::uint32_t> tids;
  for (const auto& thread : seen.threads()) tids.push_back(thread.tid());
  return tids;
}

TEST(Threads, AreThoseWhoseTaskIsAskedFor) {
  const program target({program_path("hung"), "loop"});
  const auto look = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"threads", target.pid_text()});
    return view<v1::ThreadsView>(more);
  };
  const auto all = look({});
  EXPECT_EQ(all.total(), 4U);
  const auto workers = threads_in(all, "hung::crunch(");
  ASSERT_EQ(workers.size(), 2U);
  const auto first = workers[0].tid();
  const auto task = std::to_string(workers[0].task_id());
  using ::testing::ElementsAre;
  for (const std::vector<std::string>& filters :
       std::vector<std::vector<std::string>>{{"--task", task},
                                             {"--task", task, "--function", "loop"},
                                             {"--thread", std::to_string(first)},
                                             {"--thread", std::to_string(first), "--spawned-at", "hung.cpp"}}) {
    const auto seen = look(filters);
    EXPECT_THAT(tids_of(seen), ElementsAre(first)) << filters[0];
    EXPECT_EQ(seen.total(), 4U);
  }
  EXPECT_EQ(tids_of(look({"--function", "^hung::calculate"})).size(), 2U);
  EXPECT_THAT(tids_of(look({"--thread", target.pid_text()})), ElementsAre(target.pid())) << "which runs none";
  EXPECT_THAT(tids_of(look({"--thread", target.pid_text(), "--function", "."})), IsEmpty());
  const auto none = tasks_command({"threads", target.pid_text(), "--function", "nowhere"});
  EXPECT_EQ(none.end.code, 0);
  EXPECT_EQ(none.out, "none of 4 threads matches\n");
}

TEST(Threads, HaveNoFiltersOfWhatTasksWaitFor) {
  for (const auto* filter : {"--kind", "--fd", "--state"}) {
    const auto seen = tasks_command({"threads", "-p", "1", filter});
    EXPECT_EQ(seen.end.code, 2) << filter;
    EXPECT_THAT(seen.err, HasSubstr(filter));
  }
}

TEST(Threads, SayHowLongTheyWereStoppedWhenAsked) {
  const program target({program_path("hung"), "loop"});
  EXPECT_THAT(tasks_command({"threads", "-p", target.pid_text(), "--verbose"}).out,
              ContainsRegex("\nlongest stop of a thread: [0-9]+ µs\n"));
  EXPECT_THAT(tasks_command({"threads", "-p", target.pid_text()}).out, Not(HasSubstr("longest stop")));
}

TEST(Threads, UseCpuAsMuchAsTheyDoMeanwhile) {
  const program target({program_path("hung"), "loop"});
  const auto seen =
      view_once<v1::ThreadsView>({"threads", "-p", target.pid_text(), "--interval", "0.2"}, [](const auto& v) {
        return std::all_of(v.threads().begin(), v.threads().end(), [](const auto& thread) {
          return thread.role() != v1::ThreadView::WORKER || thread.cpu_percent() > 0;
        });
      });
  EXPECT_EQ(count(seen, v1::ThreadView::WORKER), 2);
  for (const auto& thread : seen.threads()) {
    if (thread.role() == v1::ThreadView::WORKER) {
      EXPECT_GT(thread.cpu_percent(), 0);
    } else if (thread.role() == v1::ThreadView::MAIN) {
      EXPECT_EQ(thread.cpu_percent(), 0);
    }
  }
}

TEST(Threads, OfACoreThatIsNotThereAreAnError) {
  const auto seen = tasks_command({"threads", "--core", "/nonexistent/core"});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_EQ(seen.err, "tasks: core /nonexistent/core: cannot be opened: No such file or directory\n");
}

#if !defined(__SANITIZE_ADDRESS__)  // whose shadow memory makes cores of terabytes

TEST_P(Hung, WorkersAreShownOfACoreAsGdbShowsThem) {
  char folder[] = "/tmp/tasks-test-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const program target({program_path("hung"), GetParam().how});
  const auto made = run({"gcore", "-o", std::string(folder) + "/core", target.pid_text()});
  const auto core = std::string(folder) + "/core." + target.pid_text();
  const auto seen = view<v1::ThreadsView>({"threads", "--core", core});
  const auto gdb = run({"gdb", "-batch", "-nx", "-ex", "thread apply all bt", program_path("hung"), core});
  fs::remove_all(folder);
  ASSERT_EQ(made.end.code, 0) << made.err;
  expect_workers(seen, GetParam());
  const auto name = std::string(GetParam().function).substr(0, std::string(GetParam().function).find('('));
  for (const auto& thread : threads_in(seen, GetParam().function)) {
    // "Thread 2 (Thread 0x7f… (LWP 4711)):\n#0 …\n\nThread 1 …"
    const auto begin = gdb.out.find("(LWP " + std::to_string(thread.tid()) + ")", gdb.out.find("\nThread "));
    ASSERT_NE(begin, std::string::npos);
    EXPECT_THAT(gdb.out.substr(begin, gdb.out.find("\n\n", begin) - begin), HasSubstr(name));
  }
}

#endif

}  // namespace
}  // namespace tasks::testing
