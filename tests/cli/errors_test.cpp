// Every way in which a target cannot be read has words and an exit code of its own.

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <vector>

#include "support/lab_script.hpp"
#include "support/program.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::testing {
namespace {

using ::testing::Values;
using manner = fake_agent::manner;
using layout::agent_status;

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  return run(words);
}

/// One line on standard error, nothing on standard output.
void expect_error(const outcome& seen, int code, const std::string& line) {
  EXPECT_EQ(seen.end.code, code);
  EXPECT_EQ(seen.end.signal, 0);
  EXPECT_EQ(seen.err, line + "\n");
  EXPECT_EQ(seen.out, "");
}

std::string subject(const fake_agent& target) { return "tasks: pid " + target.pid_text() + ": "; }

constexpr const char* instead = "; reading its memory instead\n";

pid_t pid_that_ended() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

class EachView : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Views, EachView, Values("vitals", "stack", "tree"));

TEST_P(EachView, SaysThatAProcessDoesNotExist) {
  const auto pid = std::to_string(pid_that_ended());
  expect_error(tasks_command({GetParam(), pid}), 1,
               "tasks: pid " + pid + ": no such process (tasks list shows those there are)");
}

TEST_P(EachView, SaysThatAProcessIsNotInstrumented) {
  program plain(program::unready{}, {"cat"});
  // Until exec has happened the child is a copy of this test, which has a root.
  while (std::filesystem::read_symlink("/proc/" + plain.pid_text() + "/exe").filename() != "cat") {
  }
  expect_error(
      tasks_command({GetParam(), plain.pid_text()}), 1,
      "tasks: pid " + plain.pid_text() +
          ": not instrumented, and without symbols its coroutines are not known (install its debug symbols, or link "
          "tasks::asio or tasks::boost_asio into the program)");
}

TEST_P(EachView, NamesBothLayoutsOfARegistryThatItCannotRead) {
  auto script = small_script();
  script.layout = layout::version + 1;
  const fake_agent target(script);
  expect_error(tasks_command({GetParam(), "--direct", target.pid_text()}), 1,
               "tasks: pid " + target.pid_text() + ": its registry has layout " + std::to_string(script.layout) +
                   ", this tasks reads layout " + std::to_string(layout::version) +
                   " (use the tasks of the release that the program was built with)");
}

TEST_P(EachView, ReadsTheMemoryOfAProcessWhoseAgentIsSilent) {
  for (const auto how : {manner::says_nothing, manner::greets_only, manner::accepts_nothing}) {
    auto script = small_script();
    script.how = how;
    const fake_agent target(script);
    const auto seen = tasks_command({GetParam(), target.pid_text(), "--timeout", "0.1"});
    EXPECT_EQ(seen.end.code, 0);
    EXPECT_EQ(seen.err, subject(target) + "timed out: the agent sent nothing for 0.1 s; reading its memory instead\n");
  }
}

TEST_P(EachView, ReadsTheMemoryOfAProcessWhoseAgentDrips) {
  auto script = small_script();
  script.how = manner::drips;
  const fake_agent target(script);
  const auto seen = tasks_command({GetParam(), target.pid_text(), "--timeout", "0.1"});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_TRUE(seen.err.starts_with(subject(target) + "timed out: the agent sent ")) << seen.err;
  EXPECT_TRUE(seen.err.ends_with(instead)) << seen.err;
}

TEST_P(EachView, SaysThatTheAgentIsGoneAndReadsMemoryInstead) {
  auto script = small_script();
  script.listens = false;
  const fake_agent target(script);
  const auto seen = tasks_command({GetParam(), target.pid_text()});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_EQ(seen.err,
            subject(target) + "the agent is gone: its socket " + target.socket_path() + " does not exist" + instead);
  EXPECT_NE(seen.out, "");
}

TEST_P(EachView, RefusesAnAnswerOfAnotherProcess) {
  auto script = small_script();
  script.hello.emplace();
  script.hello->set_protocol(1);
  script.hello->set_pid(1);
  const fake_agent target(script);
  expect_error(tasks_command({GetParam(), target.pid_text()}), 1,
               subject(target) + "the agent is gone, and its socket answers for another process, 1");
}

TEST_P(EachView, RefusesAnAnswerOfAPidThatWasUsedAgain) {
  auto script = small_script();
  script.hello.emplace();
  script.hello->set_protocol(1);
  script.hello->set_start_time(1);
  const fake_agent target(script);
  const auto seen = tasks_command({GetParam(), target.pid_text()});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_NE(seen.err.find("the agent is gone, and its socket answers for another process"), std::string::npos)
      << seen.err;
}

TEST_P(EachView, SaysThatTheAgentSpeaksAnotherProtocol) {
  auto script = small_script();
  script.how = manner::refuses_protocol;
  const fake_agent target(script);
  expect_error(tasks_command({GetParam(), target.pid_text()}), 1,
               subject(target) +
                   "its agent does not understand protocol 1 of this tasks (use the tasks of the release "
                   "that the program was built with)");
}

TEST_P(EachView, RefusesRubbish) {
  constexpr std::pair<manner, const char*> cases[] = {
      {manner::sends_rubbish, "no hello"},
      {manner::sends_huge_length, "a length that makes no sense"},
      {manner::answers_without_hello, "no hello"},
  };
  for (const auto& [how, fact] : cases) {
    auto script = small_script();
    script.how = how;
    const fake_agent target(script);
    expect_error(tasks_command({GetParam(), target.pid_text()}), 1,
                 subject(target) + "the answer is not one of an agent: " + fact +
                     " (something else listens on its socket, or the program is damaged)");
  }
}

TEST_P(EachView, RefusesTextThatIsNoUtf8InWordsOfItsOwn) {
  auto script = lab_script();
  for (auto* chunks : {&script.stacks, &script.groups, &script.channel_groups})
    *chunks->emplace_back().add_locations() = make_location(99, "serve\xff()", "server.cpp", 7);
  const fake_agent target(script);
  expect_error(tasks_command({GetParam(), target.pid_text()}), 1,
               subject(target) +
                   "the answer is not one of an agent: a message that cannot be decoded (something else "
                   "listens on its socket, or the program is damaged)");
}

TEST_P(EachView, SaysThatTheAgentHungUp) {
  for (const auto how : {manner::closes_at_once, manner::closes_half_way}) {
    auto script = lab_script();
    script.how = how;
    const fake_agent target(script);
    const auto seen = tasks_command({GetParam(), target.pid_text()});
    EXPECT_EQ(seen.end.code, 1);
    EXPECT_EQ(seen.err, subject(target) +
                            "the agent is gone: it closed the connection before the answer was complete "
                            "(try again)\n");
  }
}

TEST_P(EachView, SaysThatTheProcessEndedMeanwhile) {
  auto script = lab_script();
  script.how = manner::dies_half_way;
  const fake_agent target(script);
  const auto seen = tasks_command({GetParam(), target.pid_text()});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_EQ(seen.err, subject(target) + "the process ended while it was read\n");
}

/// Of which one ends, as is found out by waiting for all of them.
TEST(ListOfAgents, SaysOfEachThatHangsUpWhy) {
  auto closes = lab_script(), never_says = lab_script(), dies = lab_script();
  closes.how = manner::closes_half_way;
  never_says.how = manner::closes_at_once;
  dies.how = manner::dies_half_way;
  const fake_agent first(closes), second(never_says), ends(dies), third(closes), answers(lab_script());
  v1::ListView list;
  const auto seen = tasks_command({"list", "--json"});
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(seen.out, &list).ok()) << seen.out;
  std::map<pid_t, v1::ProcessView> rows;
  for (const auto& each : list.processes()) rows[static_cast<pid_t>(each.pid())] = each;
  for (const auto* each : {&first, &second, &third}) {
    EXPECT_EQ(rows[each->pid()].agent(), v1::ProcessView::SILENT);
    EXPECT_EQ(rows[each->pid()].reason(), "the agent is gone: it closed the connection before the answer was complete");
  }
  EXPECT_FALSE(rows.contains(ends.pid()));
  EXPECT_EQ(rows[answers.pid()].agent(), v1::ProcessView::ANSWERED);
}

TEST_P(EachView, SaysThatPermissionIsDenied) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can try as another user";
  const fake_agent target(small_script());
  const auto seen = run({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", tasks_executable(),
                         GetParam(), target.pid_text()});
  if (seen.end.code == 126 || seen.end.code == 127) GTEST_SKIP() << "another user cannot run tasks here: " << seen.err;
  expect_error(
      seen, 1,
      subject(target) + "permission denied on its socket " + target.socket_path() + " (run as its owner, or as root)");
}

struct absence {
  agent_status status;
  int number;
  const char* reason;
};
class Absence : public ::testing::TestWithParam<absence> {};
INSTANTIATE_TEST_SUITE_P(
    Reasons, Absence,
    Values(absence{agent_status::absent, 0, "none was started"},
           absence{agent_status::starting, 0, "it is still starting"},
           absence{agent_status::off, 0, "TASKS_AGENT=off in its environment"},
           absence{agent_status::no_directory, EROFS,
                   "its socket directory cannot be made or used: Read-only file system"},
           absence{agent_status::unsafe_directory, 0,
                   "its socket directory is a symlink, another user's, or open to others"},
           absence{agent_status::no_socket, EMFILE, "its socket cannot be made: Too many open files"},
           absence{agent_status::no_thread, EAGAIN, "its thread cannot be started: Resource temporarily unavailable"},
           absence{agent_status::stopped, 0, "it was stopped"},
           absence{agent_status::forked, 0, "the process is a fork, and its parent had the agent"}));

TEST_P(Absence, IsExplainedByTheRoot) {
  auto script = small_script();
  script.listens = false;
  script.status = GetParam().status;
  script.agent_errno = GetParam().number;
  const fake_agent target(script);
  const auto seen = tasks_command({target.pid_text()});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_EQ(seen.err, subject(target) + "no agent is listening: " + GetParam().reason + instead);
  EXPECT_TRUE(seen.out.starts_with("tasks: 0\n")) << seen.out;
}

TEST(Fork, IsNotTakenForItsParent) {
  auto script = small_script();
  script.root_of_parent = true;
  const fake_agent target(script);
  const auto seen = tasks_command({target.pid_text()});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_EQ(seen.err,
            subject(target) + "no agent is listening: the process is a fork, and its parent had the agent" + instead);
}

TEST(Task, ThatIsNotThereIsAnError) {
  auto script = small_script();
  const fake_agent target(script);
  expect_error(tasks_command({"stack", target.pid_text(), "--task", "7"}), 1,
               subject(target) + "task 7 is not there (it may have ended)");
}

TEST(Name, OfOneProcessIsAsGoodAsItsPid) {
  const auto folder = std::filesystem::temp_directory_path() / ("tasks-name-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const auto copy = folder / "only_one_has_it";
  std::filesystem::copy_file("/bin/cat", copy, std::filesystem::copy_options::overwrite_existing);
  program plain(program::unready{}, {copy.string()});
  while (std::filesystem::read_symlink("/proc/" + plain.pid_text() + "/exe") != copy) {
  }
  for (const auto& words : {std::vector<std::string>{"only_one_has_it"},
                            {"stack", "only_one_has_it"},
                            {"vitals", "-p", "only_one_has_it"}}) {
    const auto seen = tasks_command(words);
    EXPECT_EQ(seen.end.code, 1);
    EXPECT_TRUE(seen.err.starts_with("tasks: pid " + plain.pid_text() + ": not instrumented")) << seen.err;
  }
  plain.stop();
  std::filesystem::remove_all(folder);
}

TEST(Name, OfProcessesThatCannotBeReadCountsOnlyWhereThereIsNoOther) {
  const auto folder = std::filesystem::temp_directory_path() / ("tasks-gone-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const auto copy = folder / "one_can_be_read";
  std::filesystem::copy_file("/bin/cat", copy, std::filesystem::copy_options::overwrite_existing);
  const auto start = [&copy] { return program(program::unready{}, {copy.string()}); };
  auto plain = start(), ended = start();
  const auto executable = [](const program& of) {
    std::error_code failure;
    return std::filesystem::read_symlink("/proc/" + of.pid_text() + "/exe", failure);
  };
  while (executable(plain) != copy || executable(ended) != copy) {
  }
  // Has its name, and nothing that could be read, until it is waited for.
  ended.send_signal(SIGKILL);
  while (!executable(ended).empty()) {
  }
  const auto seen = tasks_command({"vitals", "one_can_be_read"});
  EXPECT_TRUE(seen.err.starts_with("tasks: pid " + plain.pid_text() + ": not instrumented")) << seen.err;
  plain.stop();
  ended.wait();
  std::filesystem::remove_all(folder);
}

TEST(Watch, DoesNotTakeTheTargetForItsSeconds) {
  const auto pid = std::to_string(pid_that_ended());
  for (const auto& words : {std::vector<std::string>{"vitals", "--watch", pid},
                            {"vitals", "--watch", "5", pid},
                            {"vitals", pid, "--watch", "5"},
                            {"vitals", pid, "--watch"},
                            {"--watch", pid}}) {
    expect_error(tasks_command(words), 1, "tasks: pid " + pid + ": no such process (tasks list shows those there are)");
  }
}

TEST(Name, OfSeveralProcessesIsRefusedWithTheirPids) {
  const fake_agent first(small_script()), second(small_script());
  const auto name = std::filesystem::read_symlink("/proc/self/exe").filename().string();
  const auto seen = tasks_command({"vitals", name});
  EXPECT_EQ(seen.end.code, 2);
  EXPECT_TRUE(seen.err.starts_with("tasks: " + name + ": ")) << seen.err;
  EXPECT_NE(seen.err.find(" processes have this name: "), std::string::npos) << seen.err;
  // Tests that run beside this one have the same name, and PIDs between these two.
  for (const auto* agent : {&first, &second}) {
    EXPECT_NE((" " + seen.err).find(" " + agent->pid_text()), std::string::npos) << seen.err;
  }
}

TEST(Leaks, ThinksForLongerThanAnAgentWaitsForTheNextQuestion) {
  auto script = small_script();
  script.how = manner::hangs_up_soon;
  const fake_agent target(script);
  const auto seen = tasks_command({"leaks", target.pid_text(), "--no-prove", "--interval", "9s"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_EQ(seen.err.find("the agent is gone"), std::string::npos) << seen.err;
}

TEST(Threads, AskWhoRunsForTheFirstTimeLaterThanAnAgentWaits) {
  auto script = small_script();
  script.how = manner::hangs_up_soon;
  const fake_agent target(script);
  const auto seen = tasks_command({"threads", target.pid_text(), "--no-native", "--interval", "5s"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_EQ(seen.out.find("is not known"), std::string::npos) << seen.out;
}

TEST(List, ShowsASilentAgentAndWaitsForNobodyElse) {
  auto silent = small_script();
  silent.how = manner::says_nothing;
  const fake_agent quiet(silent), answers(small_script());
  // Longer than it takes anybody to answer, on a machine however busy.
  const auto seen = tasks_command({"list", "--timeout", "3"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_NE(seen.out.find(" " + quiet.pid_text() + "   "), std::string::npos) << seen.out;
  EXPECT_NE(seen.out.find("(its agent does not answer)"), std::string::npos) << seen.out;
  EXPECT_NE(seen.out.find(" " + answers.pid_text() + "*  "), std::string::npos) << seen.out;
}

TEST(List, LeavesAgentsThatDoNotFinishAndWaitsForNobodyElse) {
  auto drips = small_script(), floods = small_script();
  drips.how = manner::drips;
  floods.how = manner::floods;
  const fake_agent slow(drips), endless(floods), answers(small_script());
  const auto seen = tasks_command({"list", "--timeout", "2"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  for (const auto* left : {&slow, &endless}) {
    const auto row = seen.out.find(" " + left->pid_text() + "   ");
    ASSERT_NE(row, std::string::npos) << seen.out;
    const auto line = seen.out.substr(row, seen.out.find('\n', row) - row);
    EXPECT_TRUE(line.ends_with("(its agent does not finish its answer)")) << line;
  }
  EXPECT_NE(seen.out.find(" " + answers.pid_text() + "*  "), std::string::npos) << seen.out;
}

TEST(List, BelievesNoSocketThatAnswersForAnotherProcess) {
  auto script = small_script();
  script.hello.emplace();
  script.hello->set_protocol(1);
  script.hello->set_pid(1);
  const fake_agent target(script);
  const auto seen = tasks_command({"list"});
  EXPECT_EQ(seen.out.find(target.pid_text() + "*"), std::string::npos) << seen.out;
}

TEST(Output, ThatCannotBeWrittenIsAnError) {
  const auto seen = run({"sh", "-c", tasks_executable() + " --help > /dev/full"});
  expect_error(seen, 1, "tasks: standard output: No space left on device");
}

TEST(Output, WhoseReaderLeftEndsTheProgramQuietly) {
  auto script = small_script();
  script.generated_tasks = 100'000;
  const fake_agent target(script);
  const auto seen = run(
      {"bash", "-c",
       "trap '' PIPE; " + tasks_executable() + " stack " + target.pid_text() + " | head -n1; echo ${PIPESTATUS[0]}"});
  EXPECT_EQ(seen.err, "");
  EXPECT_EQ(seen.out, "task 1 [channel receive, 12s]:\n0\n");
}

struct mistake {
  std::vector<std::string> words;
  const char* line;
};
class Mistake : public ::testing::TestWithParam<mistake> {};
INSTANTIATE_TEST_SUITE_P(
    CommandLines, Mistake,
    Values(mistake{{"vitals"}, "tasks: which process? (give a PID or a name; tasks list shows them)"},
           mistake{{"no-such-command-or-process"},
                   "tasks: no command and no process 'no-such-command-or-process' (tasks --help lists the commands)"},
           mistake{{"leeks", "lab"}, "tasks: no command 'leeks': did you mean leaks?"},
           mistake{{"leeks", "--interval", "5s"}, "tasks: no command 'leeks': did you mean leaks?"},
           mistake{{"leeks"}, "tasks: no command and no process 'leeks': did you mean leaks?"},
           mistake{{"help", "satck"}, "tasks: no command 'satck': did you mean stack?"},
           mistake{{"stack", "1", "--kind", "pipe-raed"},
                   "tasks: --kind: \"pipe-raed\" is no kind of wait: did you mean pipe-read?"},
           mistake{{"stack", "1", "--kind", "pool::async_acquire()"},
                   "tasks: --kind: \"pool::async_acquire()\" is an operation, and none of Asio's own (other, which is "
                   "the kind of all those)"},
           mistake{{"help", "tea"}, "tasks: no command 'tea' (tasks --help lists the commands)"},
           mistake{{"stack", "1", "--nope"}, "tasks: stack: no option '--nope' (tasks help stack)"},
           mistake{{"stack", "1", "--gruop"}, "tasks: stack: no option '--gruop': did you mean --group?"},
           mistake{{"stack", "--olderthan=5s", "1"},
                   "tasks: stack: no option '--olderthan': did you mean --older-than?"},
           mistake{{"1", "--jsno"}, "tasks: vitals: no option '--jsno': did you mean --json?"},
           mistake{{"stack", "1", "2", "3"}, "tasks: stack: '2' is one word too many (tasks help stack)"},
           mistake{{"stack", "1", "--limit"}, "tasks: --limit: its N is missing (tasks help stack)"},
           mistake{{"stack", "1", "--limit", "1", "--limit", "2"}, "tasks: --limit: given twice (tasks help stack)"},
           mistake{{"stack", "1", "--group=false"}, "tasks: --group: takes no value (tasks help stack)"},
           mistake{{"stack", "1", "--ids"}, "tasks: --ids: without --group every task is shown (add --group)"},
           mistake{{"vitals", "--watch=5"}, "tasks: which process? (give a PID or a name; tasks list shows them)"},
           mistake{{"vitals", "1", "--watch", "--watch"}, "tasks: --watch: given twice (tasks help vitals)"},
           mistake{{"stack", "1", "--kind", "tea"},
                   "tasks: --kind: \"tea\" is no kind of wait (channel-send, channel-receive, timer, socket-connect, "
                   "socket-accept, socket-read, socket-write, socket-wait, resolve, signal, descriptor-read, "
                   "descriptor-write, descriptor-wait, post, tasks, other)"},
           mistake{{"stack", "1", "--state", "asleep"},
                   "tasks: --state: \"asleep\" is no state (ready, running, blocked)"},
           mistake{{"stack", "1", "--task", "x"},
                   "tasks: --task: \"x\" is no task id (a number, as tasks stack prints it)"},
           mistake{{"stack", "1", "--older-than", "soon"},
                   "tasks: --older-than: \"soon\" is no duration (such as 30s, 0.5 or 500ms)"},
           mistake{{"stack", "1", "--limit", "0"}, "tasks: --limit: \"0\" is no number (1 or more)"},
           mistake{{"leaks", "1", "--top", "few"}, "tasks: --top: \"few\" is no number (1 or more)"},
           mistake{{"list", "--timeout", "-1"}, "tasks: --timeout: \"-1\" is no duration (such as 30s, 0.5 or 500ms)"},
           mistake{{"threads", "1", "--interval", "1ms"}, "tasks: --interval: \"1ms\" is too short (10ms or more)"},
           mistake{{"vitals", "1", "--watch", "often"},
                   "tasks: --watch: \"often\" is no duration (such as 30s, 0.5 or 500ms)"},
           mistake{{"why", "1", "x"}, "tasks: TASK: \"x\" is no task id (a number, as tasks stack prints it)"},
           mistake{{"vitals", "1", "--watch", "--json"}, "tasks: --watch: not with --json, which is one document"},
           mistake{{"vitals", "-p", "1", "2"}, "tasks: 2: a second target (one at a time)"},
           mistake{{"completion", "csh"}, "tasks: completion: \"csh\" is no shell it knows (bash, zsh or fish)"}));

TEST_P(Mistake, IsOneLineAndExitCodeTwo) { expect_error(tasks_command(GetParam().words), 2, GetParam().line); }

}  // namespace
}  // namespace tasks::testing
