// tasks gdb-script and lldb-script, in real debuggers: of a process that they have stopped, and of a core, tasks have
// the numbers that they have everywhere, values are theirs, and a backtrace stays one whatever happens to `tasks`.

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string script(std::string_view command) {
  auto path = text({std::string(command)});
  path.pop_back();
  return path;
}

class Folder : public ::testing::Test {
 protected:
  Folder() {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~Folder() override { fs::remove_all(folder_); }

  fs::path folder_;
};

class Gdb : public Folder {
 protected:
  /// What gdb prints of a process that it holds, or of what `target` else names, on both streams.
  static std::string gdb(const std::vector<std::string>& target, const std::vector<std::string>& commands,
                         const environment& env = {}) {
    std::vector<std::string> words{
        "gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set print thread-events off"};
    words.insert(words.end(), {"-x", script("gdb-script")});
    words.insert(words.end(), target.begin(), target.end());
    for (const auto& each : commands) words.insert(words.end(), {"-ex", each});
    const auto seen = run(words, env);
    EXPECT_EQ(seen.end.signal, 0);
    return seen.out + seen.err;
  }
  static std::string gdb(const program& target, const std::vector<std::string>& commands, const environment& env = {}) {
    return gdb(std::vector<std::string>{"-p", target.pid_text()}, commands, env);
  }
  [[nodiscard]] std::string core_of(const program& target) const {
    const auto made = run({"gcore", "-o", (folder_ / "core").string(), target.pid_text()});
    EXPECT_EQ(made.end.code, 0) << made.err;
    return (folder_ / ("core." + target.pid_text())).string();
  }
};

/// The one task of a function that its program begins once, and how many frames it has.
v1::TaskView task_of(const program& target, std::string_view function) {
  const auto seen = view<v1::StackView>({"stack", target.pid_text()});
  for (const auto& task : seen.tasks())
    for (const auto& frame : task.frames())
      if (place(frame).starts_with(std::string(function) + " ")) return task;
  throw std::runtime_error("there is no such task");
}

/// Lines of info tasks: number and function of each.
std::vector<std::string> listed(const std::string& said) {
  static const std::regex line(R"((?:^|\n) *(\d+)  [^\n]*?  (\w+(?:::\w+)*)\()");
  std::vector<std::string> found;
  for (std::sregex_iterator at(said.begin(), said.end(), line), end; at != end; ++at)
    found.push_back((*at)[1].str() + " " + (*at)[2].str());
  return found;
}

TEST(DebuggerScripts, AreBesideTheExecutableOrWhereTheyAreInstalled) {
  for (const auto* each : {"gdb-script", "lldb-script"}) EXPECT_TRUE(fs::is_regular_file(script(each)));
  char name[] = "/tmp/tasks-test-XXXXXX";
  const fs::path folder = ::mkdtemp(name);
  fs::create_directories(folder / "bin");
  fs::copy_file(tasks_executable(), folder / "bin/tasks");
  const auto alone = run({folder / "bin/tasks", "gdb-script"});
  EXPECT_EQ(alone.end.code, 1);
  EXPECT_EQ(alone.out, "");
  EXPECT_THAT(alone.err, HasSubstr("gdb-script: there is no tasks_gdb.py that belongs to " + folder.string()));
  const auto share = folder / "share/tasks/debuggers";
  fs::create_directories(share);
  for (const auto& each : fs::directory_iterator(fs::path(script("gdb-script")).parent_path()))
    if (each.is_regular_file()) fs::copy_file(each.path(), share / each.path().filename());
  EXPECT_EQ(run({folder / "bin/tasks", "gdb-script"}).out, (share / "tasks_gdb.py").string() + "\n");
  // There it finds the executable that it was installed with.
  const auto seen =
      run({"gdb", "-nx", "-batch", "-x", share / "tasks_gdb.py", "-ex", "python print(ask.executable())"});
  EXPECT_THAT(seen.out, HasSubstr((folder / "bin/tasks").string() + "\n"));
  EXPECT_FALSE(fs::exists(share / "__pycache__"));
  fs::remove_all(folder);
}

TEST_F(Gdb, ListsTheTasksOfAProcessThatItHolds) {
  const program target({program_path("locals_0")});
  const auto stacks = stacks_at_rest(target, 5);
  std::vector<std::string> expected;
  for (const auto& task : stacks.tasks()) {
    const auto& outermost = task.frames(task.frames_size() - 1);
    expected.push_back(std::to_string(task.id()) + " " +
                       outermost.function().substr(0, outermost.function().find('(')));
  }
  const auto said = gdb(target, {"info tasks"});
  EXPECT_EQ(listed(said), expected) << said;
  EXPECT_THAT(said, ContainsRegex("1  timer[^\n]*  locals::kinds\\([^\n]*locals.cpp:[0-9]+\n"));
}

TEST_F(Gdb, ListsTheTasksOfAProcessThatASignalHasStopped) {
  const program target({program_path("locals_0")});
  static_cast<void>(stacks_at_rest(target, 5));
  target.suspend();
  EXPECT_EQ(listed(gdb(target, {"info tasks"})).size(), 5U);
  target.send_signal(SIGCONT);
}

TEST_F(Gdb, ListsTheTasksThatFiltersSelectAndNoMoreThanTheLimit) {
  const program target({program_path("locals_0")});
  static_cast<void>(stacks_at_rest(target, 5));
  const auto said = gdb(target, {"info tasks --function rounds", "echo ==\\n", "info tasks --limit 2", "echo ==\\n",
                                 "set tasks-limit 3", "info tasks", "echo ==\\n", "info tasks --group"});
  EXPECT_THAT(said, ContainsRegex("\n *ID  STATE[^\n]*\n *[0-9]+  [^\n]*rounds[^\n]*\n==\n"));
  EXPECT_THAT(said, HasSubstr("\n2 of 5 tasks shown: set tasks-limit 0 shows all"));
  EXPECT_THAT(said, HasSubstr("\n3 of 5 tasks shown: "));
  EXPECT_THAT(said, HasSubstr("--group is not for a debugger"));
}

class GdbValues : public Gdb, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of, GdbValues, ::testing::Values("locals_0", "locals_2", "locals_plain_0"));

TEST_P(GdbValues, AreThoseOfFramesThatLieInMemory) {
  const program target({program_path(GetParam())});
  static_cast<void>(stacks_at_rest(target, 5));
  const auto task = task_of(target, "kinds");
  const auto number = std::to_string(task.frames_size() - 1);
  const auto id = std::to_string(task.id());
  const auto said = gdb(target, {"task " + id, "echo ==\\n", "task " + id + " frame " + number, "echo ==\\n",
                                 "print $task", "print $task_frame_number", "ptype $task_frame"});
  EXPECT_THAT(said, HasSubstr("\ntask " + id + " [timer"));
  EXPECT_THAT(said, ContainsRegex("\n#" + number + "  locals::kinds\\([^\n]*\\) at [^\n]*locals.cpp:[0-9]+\n"));
  EXPECT_THAT(said, ContainsRegex("\n        text = [^\n]*\"a text that is so long that it is on the heap\""));
  EXPECT_THAT(said, ContainsRegex("\n==\n(![^\n]*\n)?#" + number + "  locals::kinds\\("));
  EXPECT_THAT(said, HasSubstr("$1 = " + id + "\n$2 = " + number + "\n"));
#if !defined(__clang__)
  EXPECT_THAT(said, HasSubstr("\n        number = 42\n"));
  EXPECT_THAT(said, HasSubstr("\n        paint = locals::color::green\n"));
  EXPECT_THAT(said, HasSubstr("_Coro_resume_index"));
  EXPECT_THAT(gdb(target, {"task " + id + " frame " + number, "print $task_frame->number"}), HasSubstr("$1 = 42\n"));
#endif
}

TEST_F(Gdb, ShowsChainsOfAllTasks) {
  const program target({program_path("locals_0")});
  static_cast<void>(stacks_at_rest(target, 5));
  const auto id = std::to_string(task_of(target, "rounds").id());
  const auto said = gdb(target, {"task apply all bt", "echo ==\\n", "task apply " + id + " bt full", "echo ==\\n",
                                 "task apply " + id + " print $task + 1000", "task apply " + id + " 77777 bt"});
  const auto all = said.substr(0, said.find("\n==\n"));
  for (const auto* function : {"kinds", "holders", "scopes", "rounds", "borrows"})
    EXPECT_THAT(all, ContainsRegex("\n#[0-9]+ +locals::" + std::string(function) + "\\("));
  EXPECT_THAT(all, HasSubstr("\nspawned at main() "));
  EXPECT_THAT(all, Not(HasSubstr("turn 2")));
  EXPECT_THAT(said.substr(all.size()), HasSubstr("\"turn 2\""));
  EXPECT_THAT(said, HasSubstr("$1 = " + std::to_string(std::stoi(id) + 1000) + "\n"));
  EXPECT_THAT(said, HasSubstr("not there: task 77777"));
}

TEST_F(Gdb, FindsWhoseAnAddressIs) {
  const program target({program_path("locals_0")});
  static_cast<void>(stacks_at_rest(target, 5));
  const auto task = task_of(target, "kinds");
  const auto id = std::to_string(task.id());
  const auto timer = task.wait().object();
  const auto said =
      gdb(target, {"task find " + target.value("spot"), "task find " + timer, "task find $sp", "task find 16"});
#if !defined(__clang__)
  EXPECT_THAT(said, ContainsRegex("\nspot, [0-9]+ bytes into frame [0-9]+ of task " + id + ": locals::kinds\\("));
#endif
  EXPECT_THAT(said, ContainsRegex("\ntask " + id + " \\[timer[^\n]*\\] waits for it\n"));
  EXPECT_THAT(said, HasSubstr("\non the stack of thread 1 (LWP " + target.pid_text() + "), in frame 0: "));
  EXPECT_THAT(said, HasSubstr("\n0x10 is in no task's frame and on no thread's stack, and no task waits for it\n"));
}

TEST_F(Gdb, HasTheAwaitChainUnderTheBacktraceOfAWorker) {
  const program target({program_path("hung"), "loop"});
  const auto said =
      gdb(target, {"thread apply all bt", "echo ==\\n", "disable frame-filter global tasks", "thread apply all bt"});
  const auto with = said.substr(0, said.find("\n==\n")), without = said.substr(said.find("\n==\n"));
  for (const auto* id : {"1", "2"}) {
    EXPECT_THAT(with, ContainsRegex("\n#[0-9]+ [^\n]*hung::calculate[^\n]*\n\\[task " + std::string(id) +
                                    " suspended\\] hung::loop \\([^\n]*\\) at [^\n]*hung.cpp:[0-9]+\n\\[task " + id +
                                    " spawned\\] hung::run"));
  }
  EXPECT_THAT(with, ContainsRegex("\n#[0-9]+ [^\n]* hung::run[^\n]*\n#[0-9]+ "));
  EXPECT_THAT(without, AllOf(HasSubstr("hung::calculate"), Not(HasSubstr("[task "))));
  const auto task = gdb(target, {"thread 3", "task"});
  EXPECT_THAT(task, ContainsRegex("\ntask [12] \\[running on thread [0-9]+"));
#if !defined(__clang__)
  EXPECT_THAT(task, ContainsRegex("\n#1  hung::loop\\([^\n]*\n        step = [12]\n"));
#endif
}

TEST_F(Gdb, HasTheAwaitChainWithoutDebugInformationToo) {
  const auto path = (folder_ / "hung").string();
  const auto stripped = run({"strip", "-g", "-o", path, program_path("hung")});
  ASSERT_EQ(stripped.end.code, 0) << stripped.err;
  const program target({path, "loop"});
  const auto said = gdb(target, {"thread apply all bt", "info tasks", "task 1"});
  EXPECT_THAT(said, ContainsRegex("\n#1 [^\n]*\n\\[task 1 suspended\\] hung::loop \\("));
  EXPECT_EQ(listed(said).size(), 2U) << said;
  EXPECT_THAT(said, HasSubstr("\n#1  hung::loop(unsigned"));
}

TEST_F(Gdb, LeavesABacktraceAsItIsWhenTasksFails) {
  const program target({program_path("hung"), "loop"});
  for (const auto* broken : {"TASKS=/no/such/file", "TASKS=false", "TASKS=true", "TASKS=echo"}) {
    const auto said = gdb(target, {"thread apply all bt", "echo ==\\n", "info tasks"}, {broken});
    const auto trace = said.substr(0, said.find("\n==\n"));
    EXPECT_THAT(trace, AllOf(HasSubstr("hung::calculate"), HasSubstr("\nThread 1 ("), Not(HasSubstr("[task ")),
                             Not(HasSubstr("Python"))))
        << broken;
    EXPECT_THAT(said.substr(trace.size()), Not(HasSubstr("Traceback"))) << broken;
  }
  EXPECT_THAT(gdb(target, {"info tasks"}, {"TASKS=/no/such/file"}), HasSubstr("/no/such/file: No such file"));
}

TEST_F(Gdb, SaysWhyThereAreNoTasks) {
  EXPECT_THAT(gdb(std::vector<std::string>{program_path("hung")}, {"info tasks", "task 1"}),
              HasSubstr("there is no process, and no core\n"));
  const program target(program::unready{}, {"sleep", "1000"});
  const auto said = gdb(target, {"info tasks", "bt"});
  EXPECT_THAT(said, AllOf(Not(HasSubstr("Traceback")), HasSubstr("#0 ")));
  EXPECT_THAT(gdb(target, {"task x", "task 1 2 3 4", "task apply", "task find"}),
              AllOf(HasSubstr("which task? \"x\""), HasSubstr("task ID frame N"), HasSubstr("task apply all bt"),
                    HasSubstr("task find ADDRESS\n")));
}

TEST_F(Gdb, ReadsCores) {
  std::string core;
  v1::TaskView task;
  std::vector<std::string> live;
  {
    const program target({program_path("locals_0")});
    static_cast<void>(stacks_at_rest(target, 5));
    task = task_of(target, "kinds");
    live = listed(gdb(target, {"info tasks"}));
    core = core_of(target);
  }
  const auto said = gdb(std::vector<std::string>{program_path("locals_0"), core},
                        {"info tasks", "echo ==\\n", "task " + std::to_string(task.id())});
  EXPECT_EQ(listed(said), live) << said;
  EXPECT_THAT(said, ContainsRegex("\n        text = [^\n]*\"a text that is so long that it is on the heap\""));
}

TEST_F(Gdb, HasTheAwaitChainInCores) {
  const program target({program_path("hung"), "loop"});
  const auto said = gdb(std::vector<std::string>{program_path("hung"), core_of(target)}, {"thread apply all bt"});
  EXPECT_THAT(said, ContainsRegex("\n#[0-9]+ [^\n]*hung::calculate[^\n]*\n\\[task 1 suspended\\] hung::loop \\("));
}

TEST_F(Gdb, NamesTheTaskThatDiedAndReadsWhatIsLeftOfItsCore) {
  program target(
      program::unready{},
      {"sh", "-c", "ulimit -c unlimited && cd " + folder_.string() + " && exec " + program_path("hung") + " crashes"});
  EXPECT_EQ(target.wait().signal, SIGSEGV);
  std::string core;
  for (const auto& file : fs::directory_iterator(folder_)) core = file.path().string();
  if (core.empty()) GTEST_SKIP() << "no core was written here, or its size is limited to 0";
  const std::vector<std::string> both{program_path("hung"), core};
  EXPECT_THAT(gdb(both, {"bt"}), ContainsRegex("\n#1 [^\n]*hung::crash[^\n]*\n\\[task 1 spawned\\] hung::run"));
  fs::resize_file(core, fs::file_size(core) / 4);
  EXPECT_THAT(gdb(both, {"bt", "info tasks", "task 1"}),
              AllOf(ContainsRegex("\n#0  [^\n]*hung::write_to"), HasSubstr("the core is cut off"),
                    HasSubstr("task 1 is not there"), Not(HasSubstr("Traceback"))));
}

TEST_F(Gdb, TakesItsScriptTwice) {
  const program target({program_path("locals_0")});
  static_cast<void>(stacks_at_rest(target, 5));
  EXPECT_EQ(listed(gdb(target, {"source " + script("gdb-script"), "info tasks"})).size(), 5U);
  EXPECT_THAT(gdb(target, {"help info tasks", "help task", "help task apply", "help task find"}),
              AllOf(HasSubstr("Usage: info tasks"), HasSubstr("Usage: task ID"), HasSubstr("Usage: task apply"),
                    HasSubstr("Usage: task find")));
}

TEST_F(Gdb, PrintsNothingThatATerminalTakesForACommand) {
  const auto said = gdb(std::vector<std::string>{"-ex", R"(python print(ask.clean("a\x1b[31m\u202eb\nc\u00e4")))"}, {});
  EXPECT_THAT(said, HasSubstr("a\\x1b[31m\\u202eb\\nc\xc3\xa4\n"));
}

class Lldb : public Folder {
 protected:
  void SetUp() override {
    if (run({"sh", "-c", "command -v lldb-14"}).end.code != 0)
      GTEST_SKIP() << "there is no lldb-14 (lldb-14, python3-lldb-14)";
    // Debian's looks for its own module where it is not.
    const auto place = run({"sh", "-c", "ls -d /usr/lib/llvm-14/lib/python3.*/dist-packages"}).out;
    environment_ = {"PYTHONPATH=" + place.substr(0, place.find('\n'))};
  }
  [[nodiscard]] std::string lldb(const std::vector<std::string>& target,
                                 const std::vector<std::string>& commands) const {
    std::vector<std::string> words{"lldb-14", "--no-lldbinit", "--batch", "-O",
                                   "command script import " + script("lldb-script")};
    words.insert(words.end(), target.begin(), target.end());
    for (const auto& each : commands) words.insert(words.end(), {"-o", each});
    const auto seen = run(words, environment_);
    return seen.out + seen.err;
  }

  environment environment_;
};

TEST_F(Lldb, ShowsTheTasksOfAProcessThatItHolds) {
  const program target({program_path("locals_0")});
  static_cast<void>(stacks_at_rest(target, 5));
  const auto task = task_of(target, "kinds");
  const auto id = std::to_string(task.id());
  const auto said = lldb({"-p", target.pid_text()}, {"info tasks", "task " + id, "task apply all bt",
                                                     "task find " + task.wait().object(), "task x"});
  EXPECT_EQ(listed(said).size(), 5U) << said;
  EXPECT_THAT(said, ContainsRegex("\n#[0-9]  locals::kinds\\([^\n]*\\) at [^\n]*locals.cpp:[0-9]+\n"));
  EXPECT_THAT(said, ContainsRegex("\n        text = [^\n]*\"a text that is so long that it is on the heap\""));
#if !defined(__clang__)
  EXPECT_THAT(said, HasSubstr("\n        number = 42\n"));
  EXPECT_THAT(said, HasSubstr("\n        paint = green\n"));
#endif
  EXPECT_THAT(said, ContainsRegex("\n#[0-9]+ +locals::rounds\\("));
  EXPECT_THAT(said, ContainsRegex("\ntask " + id + " \\[timer[^\n]*\\] waits for it\n"));
  EXPECT_THAT(said, HasSubstr("error: which task? \"x\""));
  EXPECT_THAT(said, Not(HasSubstr("Traceback")));
}

TEST_F(Lldb, ReadsCores) {
  const program target({program_path("locals_0")});
  static_cast<void>(stacks_at_rest(target, 5));
  ASSERT_EQ(run({"gcore", "-o", (folder_ / "core").string(), target.pid_text()}).end.code, 0);
  const auto said = lldb({program_path("locals_0"), "-c", (folder_ / ("core." + target.pid_text())).string()},
                         {"info tasks", "task apply all bt full"});
  EXPECT_EQ(listed(said).size(), 5U) << said;
  EXPECT_THAT(said, ContainsRegex("\n        text = [^\n]*\"a text that is so long that it is on the heap\""));
}

TEST_F(Lldb, SaysThatThereIsNoProcess) {
  EXPECT_THAT(lldb({program_path("locals_0")}, {"info tasks"}), HasSubstr("error: there is no process, and no core"));
}

}  // namespace
}  // namespace tasks::testing
