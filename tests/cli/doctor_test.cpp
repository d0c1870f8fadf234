// `tasks doctor` says why something cannot be seen, and what mends it, in the words of the errors.

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "linux/right_to_look.hpp"
#include "support/lab_script.hpp"
#include "support/program.hpp"
#include "surveys/doctor.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using layout::agent_status;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

outcome doctor(std::vector<std::string> words, const environment& env = {}) {
  words.insert(words.begin(), {tasks_executable(), "doctor"});
  return run(words, env);
}

TEST(Doctor, FindsNothingWrongWithAHealthyProcess) {
  const program lab({program_path("lab")});
  const auto seen = doctor({"-p", lab.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, StartsWith("lab (pid " + lab.pid_text() + ")\n  process      runs for "));
  EXPECT_THAT(seen.out,
              ContainsRegex("\n  memory       can be read\n  hook         linked; its registry has layout [0-9]+\n"
                            "  agent        answers: [0-9]+ tasks\n"));
  EXPECT_EQ(doctor({lab.pid_text()}).end.code, 0) << "a word is the target, too";
}

TEST(Doctor, SaysThatTheAgentWasSwitchedOff) {
  const program lab({program_path("lab")}, {"TASKS_AGENT=off"});
  const auto seen = doctor({"-p", lab.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << "its memory tells of its tasks";
  EXPECT_THAT(seen.out,
              HasSubstr("! agent        no agent is listening: TASKS_AGENT=off in its environment; its memory is "
                        "read instead\n      start it again without TASKS_AGENT=off\n"));
}

TEST(Doctor, SaysThatTheDirectoryOfTheAgentCannotBeUsed) {
  const program lab({program_path("lab")}, {"TASKS_DIR=/proc/nothing"});
  EXPECT_THAT(doctor({"-p", lab.pid_text()}).out,
              AllOf(HasSubstr("! agent        no agent is listening: its socket directory "),
                    HasSubstr("      start it again with TASKS_DIR=FOLDER, one that only its user may write to: ")));
}

TEST(Doctor, SaysThatTheAgentHadNoDescriptors) {
  auto script = small_script();
  script.listens = false;
  script.status = agent_status::no_socket;
  script.agent_errno = EMFILE;
  const fake_agent target(script);
  const auto seen = doctor({"-p", target.pid_text()});
  EXPECT_THAT(seen.out,
              ContainsRegex("! agent +no agent is listening: its socket cannot be made: Too many open files; "
                            "[^\n]*\n      start it again with more descriptors \\(ulimit -n\\): ulimit -n 4096\n"));
}

/// What it says to type is tried out: afterwards there is room.
void expect_more_descriptors(rlim_t soft, rlim_t hard, const std::string& nofile) {
  const program lab({program_path("lab")});
  const rlimit limit{soft, hard}, more{soft, hard + 1};
  ASSERT_EQ(::prlimit(lab.pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
  const bool is_beyond = soft * 2 > hard;
  const auto command = "prlimit --pid " + lab.pid_text() + " --nofile=" + nofile;
  EXPECT_THAT(doctor({"-p", lab.pid_text()}).out,
              ContainsRegex("! descriptors +[0-9]+ of " + std::to_string(soft) +
                            " are in use: its agent can take no reader\n      raise the limit while it runs: " +
                            command + (is_beyond ? "  \\(root\\)\n" : "\n")));
  // Not even root may everywhere.
  if (is_beyond && ::prlimit(lab.pid(), RLIMIT_NOFILE, &more, nullptr) != 0) return;
  if (run({"prlimit", "--version"}).end.code != 0) return;
  EXPECT_EQ(run({"sh", "-c", command}).end.code, 0);
  rlimit now{};
  ASSERT_EQ(::prlimit(lab.pid(), RLIMIT_NOFILE, nullptr, &now), 0);
  EXPECT_EQ(now.rlim_cur, soft * 2);
  EXPECT_EQ(now.rlim_max, std::max(soft * 2, hard));
}

TEST(Doctor, SaysHowToHaveMoreDescriptorsAsFarAsTheHardLimit) { expect_more_descriptors(4, 64, "8:"); }
TEST(Doctor, SaysHowToHaveMoreDescriptorsThanTheHardLimit) { expect_more_descriptors(4, 6, "8:8"); }

TEST(Doctor, NamesBothLayoutsOfARegistry) {
  auto script = small_script();
  script.layout = layout::version + 1;
  const fake_agent target(script);
  const auto seen = doctor({"-p", target.pid_text()});
  EXPECT_EQ(seen.end.code, 1) << "no task can be seen";
  EXPECT_THAT(seen.out, HasSubstr("! hook         its registry has layout " + std::to_string(script.layout) +
                                  ", this tasks reads layout " + std::to_string(layout::version) +
                                  "\n      use the tasks of the release that the program was built with\n"));
}

TEST(Doctor, SaysHowAProgramWithoutTheHookIsSeen) {
  const program plain({program_path("lab_plain")});
  const auto seen = doctor({"-p", plain.pid_text()});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_THAT(seen.out,
              ContainsRegex("\n! hook         none: tasks are found by symbols[^\n]*\n      link tasks::asio or "
                            "tasks::boost_asio into the program: target_link_libraries"));
  EXPECT_THAT(seen.out, Not(HasSubstr("agent  ")));
}

TEST(Doctor, EndsWithOneWhereNoTaskCanBeSeen) {
  char name[] = "/tmp/tasks-test-XXXXXX";
  const fs::path folder = ::mkdtemp(name);
  fs::copy_file(program_path("lab_plain"), folder / "stripped");
  if (run({"strip", (folder / "stripped").string()}).end.code != 0) GTEST_SKIP() << "no strip";
  const program stripped({(folder / "stripped").string()});
  const auto seen = doctor({"-p", stripped.pid_text()});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_THAT(seen.out,
              AllOf(HasSubstr("! hook         not instrumented, and without symbols its coroutines are not known\n"
                              "      link tasks::asio or tasks::boost_asio into the program: "),
                    HasSubstr("\n      install its debug symbols  (root)\n"),
                    HasSubstr("\n! symbols      it is stripped: "), HasSubstr("\n      do not strip it\n")));
  fs::remove_all(folder);
}

TEST(Doctor, SaysWhoTracesOrHasStoppedIt) {
  const program lab({program_path("lab")});
  lab.suspend();
  EXPECT_THAT(doctor({"-p", lab.pid_text()}).out,
              HasSubstr("! process      it is stopped by a signal: its agent does not answer, and its memory is read "
                        "instead\n      let it go on: kill -CONT " +
                        lab.pid_text() + "\n"));
  lab.send_signal(SIGCONT);
}

/// A debugger's child ends with it, and so may what it lets go of while it is stopped.
TEST(Doctor, NeverTellsToKillWhoTracesIt) {
  const program lab({program_path("lab")});
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, lab.pid(), nullptr, nullptr), 0) << ::strerror(errno);
  const auto seen = doctor({"-p", lab.pid_text()});
  const auto leaks = run({tasks_executable(), "leaks", "--min-age", "0", "-p", lab.pid_text()});
  EXPECT_THAT(seen.out, ContainsRegex("\n! process +process " + std::to_string(::getpid()) +
                                      " \\(.*\\) traces it already, [^\n]*\n      detach it there \\(gdb: detach\\); "
                                      "killing the tracer may kill this process\n  "));
  EXPECT_THAT(doctor({"-p", lab.pid_text(), "--json"}).out,
              HasSubstr("killing the tracer may kill this process\",\"command\":\"\""));
  EXPECT_THAT(leaks.out + leaks.err, Not(HasSubstr("end that one")));
}

TEST(Doctor, SaysThatAnotherUserMayNot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can try as another user";
  const program lab({program_path("lab")}, {"TASKS_AGENT=off"});
  const auto as_nobody = [](std::vector<std::string> words) {
    std::vector<std::string> command = {"setpriv", "--reuid",        "65534",           "--regid",
                                        "65534",   "--clear-groups", tasks_executable()};
    command.insert(command.end(), words.begin(), words.end());
    return run(command);
  };
  const auto seen = as_nobody({"doctor", "-p", lab.pid_text()});
  if (seen.end.code == 126 || seen.end.code == 127) GTEST_SKIP() << "another user cannot run tasks here: " << seen.err;
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_THAT(seen.out,
              HasSubstr("! memory       the process belongs to another user\n      run as its owner: sudo -u root "
                        "tasks vitals " +
                        lab.pid_text() + "\n      as root: sudo tasks vitals " + lab.pid_text() + "  (root)\n"));
  // In the same words.
  EXPECT_THAT(as_nobody({"stack", "--direct", "-p", lab.pid_text()}).err,
              HasSubstr("the process belongs to another user (run as its owner, or as root)"));
}

TEST(Doctor, WithoutAProcessTellsOfThisMachine) {
  const program lab({program_path("lab")}, {"TASKS_AGENT=off"});
  const auto seen = doctor({});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  for (const auto* topic : {"memory  ", "profile  ", "cores  ", "processes  "}) EXPECT_THAT(seen.out, HasSubstr(topic));
  EXPECT_THAT(seen.out, HasSubstr("      lab: no agent: TASKS_AGENT=off in its environment: tasks doctor -p " +
                                  lab.pid_text() + "\n"));
}

TEST(Doctor, PrintsAsJsonWhatItSays) {
  const program lab({program_path("lab")}, {"TASKS_AGENT=off"});
  EXPECT_THAT(
      doctor({"-p", lab.pid_text(), "--json"}).out,
      HasSubstr("{\"topic\":\"agent\",\"state\":\"LIMITED\",\"fact\":\"no agent is listening: TASKS_AGENT=off in its "
                "environment; its memory is read instead\",\"remedies\":[{\"words\":\"start it again without "
                "TASKS_AGENT=off\",\"command\":\"\",\"needsRoot\":false}]}"));
}

TEST(Doctor, OfNoProcessFailsAsEveryCommand) {
  const auto seen = doctor({"-p", "no-such-process"});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_EQ(seen.err, "tasks: no-such-process: no process has this name (tasks list shows those there are)\n");
}

TEST(Remedies, ThatNeedNoRootComeFirst) {
  const auto forbids = cli::what_forbids({.same_user = true, .ptrace_scope = 1, .pid = 7});
  const auto sorted = cli::smallest_first(forbids.mends);
  ASSERT_GE(sorted.size(), 3u);
  EXPECT_FALSE(sorted.front().needs_root);
  EXPECT_EQ(sorted.front().command, "tasks vitals 7");
  EXPECT_EQ(sorted.back().command, "sysctl kernel.yama.ptrace_scope=0");
  EXPECT_TRUE(sorted.back().needs_root);
}

TEST(Remedies, InALineLeaveOutWhatOnlyTheDoctorSays) {
  EXPECT_EQ(cli::in_a_line({{"one"}}), "one");
  EXPECT_EQ(cli::in_a_line({{"one"}, {"two", "", true}}), "one, or two");
  EXPECT_EQ(cli::in_a_line({{"one"}, {"two"}, {"not this", "", false, true}, {"three"}}), "one, two, or three");
  EXPECT_EQ(cli::in_a_line({}), "");
}

}  // namespace
}  // namespace tasks::testing
