// `tasks -H HOST`: the same words on another host. Here the other host is this one, and what stands for ssh a script
// that hands a command line to a login shell, as sshd does; remote_ssh_test.cpp has a real one.

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/program.hpp"
#include "support/pty.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// HOST says what happens. Whatever stands before it is an option.
constexpr const char* fake_ssh = R"sh(
while [ "${1#-}" != "$1" ]; do shift; done
host=$1
shift
case $host in
  down) echo "ssh: connect to host down port 22: Connection refused" >&2; exit 255 ;;
  noisy) echo "Welcome to noisy!" ; echo "quota: 3 MB" >&2 ;;
  nologin) echo "This account is currently not available."; exit 1 ;;
  lost) bash -c "$*" | head -c 120; exit 255 ;;
  asking) printf "password of asking: " >/dev/tty ;;
  fish) exec fish -c "$*" ;;
esac
exec bash -c "$*"
)sh";

/// Prints each word it is called with, and what it has of the environment.
constexpr const char* fake_tasks = R"sh(#!/bin/sh
if [ "$1" = version ]; then echo "tasks 0.0.1"; exit; fi
printf '<%s>' "$@"
echo "COLUMNS=$COLUMNS TASKS_TERMINAL=$TASKS_TERMINAL"
)sh";

class Remote : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    write("ssh", fake_ssh);
    fs::create_directories(folder_ / "bin");
    fs::create_directories(folder_ / "none");
    fs::create_directories(folder_ / "tmp");
    fs::create_symlink(tasks_executable(), folder_ / "bin/tasks");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    fs::permissions(folder_ / name, fs::perms::owner_all);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }
  /// `path`: the folder in which the host has its tasks.
  [[nodiscard]] environment there(const std::string& path = "bin") const {
    return {"TASKS_SSH=sh " + (folder_ / "ssh").string(),
            "PATH=" + (folder_ / path).string() + ":/usr/bin:/bin:/usr/sbin:/sbin",
            "TMPDIR=" + (folder_ / "tmp").string(), "COLUMNS", "TASKS_TERMINAL"};
  }
  [[nodiscard]] outcome tasks(std::vector<std::string> words, const std::string& path = "bin",
                              const environment& more = {}) const {
    words.insert(words.begin(), tasks_executable());
    auto env = there(path);
    env.insert(env.end(), more.begin(), more.end());
    return run(words, env);
  }

  fs::path folder_;
};

TEST_F(Remote, PrintsWhatTasksPrintsThereAndEndsAlike) {
  program lab({program_path("lab")});
  wait_until_shown({"stack", lab.pid_text()}, "task 5 ");
  const auto here = run({tasks_executable(), "tree", "-p", lab.pid_text()});
  const auto there = tasks({"-H", "web1", "tree", "-p", lab.pid_text()});
  EXPECT_EQ(there.end.code, 0) << there.err;
  EXPECT_EQ(there.err, "");
  EXPECT_THAT(there.out, HasSubstr("lab::listener"));
  EXPECT_EQ(std::count(there.out.begin(), there.out.end(), '\n'), std::count(here.out.begin(), here.out.end(), '\n'));
  EXPECT_EQ(tasks({"check", lab.pid_text(), "-Hweb1", "--max-tasks", "1"}).end.code, 1);
  const auto wrong = tasks({"--host=web1", "vitals", "-p", "no-such-process"});
  EXPECT_EQ(wrong.end.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("no process has this name"));
  EXPECT_EQ(tasks({"-H", "web1", "stack", "--gruop"}).end.code, 2);
}

TEST_F(Remote, HandsOverEachWordAsItIs) {
  write("none/tasks", fake_tasks);
  std::vector<std::string> words = {"stack", "--name", "it's", "two words", "$HOME `id` $(id)", "a\nb\n", "*",
                                    "",      "\\n",    "-n",   "!x",        "\"\xc3\xa9\xff"};
  std::string expected;
  for (const auto& word : words) expected += "<" + word + ">";
  for (const char* host : {"web1", "fish"}) {
    if (host == std::string("fish") && !fs::exists("/usr/bin/fish")) continue;
    auto call = words;
    call.insert(call.begin(), {"-H", host});
    EXPECT_EQ(tasks(call, "none").out, expected + "COLUMNS= TASKS_TERMINAL=\n") << host;
  }
  // Wherever it stands, but where it is the value of another option, or behind the end of options.
  EXPECT_THAT(tasks({"stack", "-H", "web1", "lab"}, "none").out, StartsWith("<stack><lab>"));
  EXPECT_THAT(tasks({"lab", "-H", "web1"}, "none").out, StartsWith("<lab>"));
  EXPECT_THAT(tasks({"-H", "web1", "stack", "--function", "-H", "--", "-H"}, "none").out,
              StartsWith("<stack><--function><-H><--><-H>"));
}

TEST_F(Remote, TellsItsTerminalAndItsWidth) {
  write("none/tasks", fake_tasks);
  EXPECT_THAT(tasks({"-H", "web1", "list"}, "none", {"COLUMNS=77"}).out, HasSubstr("COLUMNS=77 TASKS_TERMINAL="));
  auto env = there("none");
  env.insert(env.end(), {"TERM=xterm", "NO_COLOR"});
  const std::vector<std::string> words{tasks_executable(), "-H", "web1", "list"};
  EXPECT_THAT(run_on_terminal(words, 93, env).out, HasSubstr("COLUMNS=93 TASKS_TERMINAL=93,color"));
  env.back() = "NO_COLOR=1";
  EXPECT_THAT(run_on_terminal(words, 93, env).out, HasSubstr("COLUMNS=93 TASKS_TERMINAL=93\n"));
}

TEST_F(Remote, LeavesTheTerminalToSsh) {
  const auto seen = run_on_terminal({tasks_executable(), "-H", "asking", "version"}, 90, there());
  EXPECT_EQ(seen.end.code, 0) << seen.out;
  EXPECT_THAT(seen.out, StartsWith("password of asking: tasks "));
}

TEST_F(Remote, ShowsNothingThatALoginShellPrints) {
  const auto seen = tasks({"-H", "noisy", "list"});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_THAT(seen.out, Not(HasSubstr("Welcome")));
  EXPECT_EQ(seen.err, "quota: 3 MB\n");
}

TEST_F(Remote, SaysThatThereIsNoTasks) {
  const auto seen = tasks({"-H", "web1", "list"}, "none");
  EXPECT_EQ(seen.end.code, 127);
  EXPECT_EQ(seen.out, "");
  EXPECT_EQ(seen.err,
            "tasks: web1: there is no tasks in its PATH (install it there, or --push brings this one along)\n");
}

TEST_F(Remote, SaysThatTasksIsOfAnotherVersionOrCannotStart) {
  write("none/tasks", fake_tasks);
  const auto other = tasks({"-H", "web1", "list"}, "none");
  EXPECT_EQ(other.end.code, 0);
  EXPECT_THAT(other.err, StartsWith("tasks: web1: its tasks 0.0.1 is not the tasks "));
  EXPECT_EQ(std::count(other.err.begin(), other.err.end(), '\n'), 1);
  write("none/tasks", "#!/bin/sh\necho 'error while loading shared libraries: libx.so' >&2\nexit 127\n");
  const auto broken = tasks({"-H", "web1", "list"}, "none");
  EXPECT_EQ(broken.end.code, 126);
  EXPECT_EQ(broken.err, "tasks: web1: its tasks cannot start: error while loading shared libraries: libx.so\n");
}

TEST_F(Remote, SaysThatSshFailedOrWasCutOff) {
  const auto down = tasks({"-H", "down", "list"});
  EXPECT_EQ(down.end.code, 255);
  EXPECT_EQ(down.out, "");
  EXPECT_EQ(
      down.err,
      "ssh: connect to host down port 22: Connection refused\ntasks: down: ssh does not reach it, or is refused\n");
  const auto nologin = tasks({"-H", "nologin", "list"});
  EXPECT_EQ(nologin.end.code, 255);
  EXPECT_EQ(nologin.err, "tasks: nologin: its shell ended before it ran tasks (exit code 1)\n");
  const auto lost = tasks({"-H", "lost", "man"});
  EXPECT_EQ(lost.end.code, 255);
  EXPECT_THAT(lost.out, StartsWith(".TH TASKS"));
  EXPECT_THAT(lost.err, HasSubstr("tasks: lost: the connection was lost: this may not be all\n"));
  const auto no_ssh = run({tasks_executable(), "-H", "web1", "list"}, {"TASKS_SSH=/no/such/ssh"});
  EXPECT_EQ(no_ssh.end.code, 127);
  EXPECT_THAT(no_ssh.err, HasSubstr("/no/such/ssh"));
}

TEST_F(Remote, RefusesHostsThatSshWouldTakeForOptions) {
  for (const std::string host : {"-oProxyCommand=touch owned", "me@-oProxyCommand=x", "", "me@", "a b", "a\nb"}) {
    const auto seen = tasks({"-H", host, "list"});
    EXPECT_EQ(seen.end.code, 2) << host;
    EXPECT_THAT(seen.err, HasSubstr("is no host")) << host;
  }
  EXPECT_THAT(tasks({"list", "-H"}).err, HasSubstr("its HOST is missing"));
  EXPECT_THAT(tasks({"list", "--push"}).err, HasSubstr("there is no host to bring it to"));
}

TEST_F(Remote, BringsItsExecutableAlongAndRemovesIt) {
  program lab({program_path("lab")});
  const auto seen = tasks({"--push", "-H", "web1", "vitals", "-p", lab.pid_text()}, "none");
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_EQ(seen.err, "");
  EXPECT_THAT(seen.out, StartsWith("tasks: "));
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
  EXPECT_EQ(tasks({"--push", "-H", "web1", "vitals", "-p", "no-such-process"}, "none").end.code, 1);
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(Remote, BringsItNowhereWhereItCannotRun) {
  write("none/uname", "#!/bin/sh\necho Linux riscv64\n");
  const auto seen = tasks({"--push", "-H", "web1", "list"}, "none");
  EXPECT_EQ(seen.end.code, 126);
  EXPECT_THAT(seen.err, StartsWith("tasks: web1: it is Linux riscv64, and this executable is for Linux "));
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(Remote, WritesFilesHere) {
  program lab({program_path("lab")});
  const auto file = (folder_ / "night report.txt").string();
  const auto report = tasks({"-H", "web1", "report", "-p", lab.pid_text(), "-o", file});
  EXPECT_EQ(report.end.code, 0) << report.err;
  EXPECT_EQ(report.out, "");
  EXPECT_THAT(read("night report.txt"), AllOf(StartsWith("report of " + lab.pid_text()), HasSubstr("== tasks tree")));
  const auto recording = (folder_ / "x.tasks").string();
  EXPECT_EQ(tasks({"-H", "web1", "report", "-p", lab.pid_text(), "--output=" + recording}).end.code, 0);
  EXPECT_THAT(text({"stack", "--from", recording}), HasSubstr("lab::listener"));
  const auto profile = (folder_ / "it's.folded").string();
  const auto made = tasks({"-H", "web1", "profile", lab.pid_text(), "--wall", "--for", "0.1", "-o" + profile});
  EXPECT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("\n" + profile + ": flamegraph.pl " + profile));
  EXPECT_NE(read("it's.folded"), "");
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));

  // What fails leaves an earlier one as it is, and nothing beside it.
  EXPECT_EQ(tasks({"-H", "web1", "report", "-p", "no-such-process", "-o", file}).end.code, 1);
  EXPECT_EQ(tasks({"-H", "down", "report", "-p", lab.pid_text(), "-o", file}).end.code, 255);
  EXPECT_THAT(read("night report.txt"), StartsWith("report of " + lab.pid_text()));
  EXPECT_FALSE(fs::exists(file + ".part"));
  EXPECT_EQ(tasks({"-H", "web1", "report", "-p", lab.pid_text(), "-o", "/no/such/folder/x"}).end.code, 2);
}

TEST_F(Remote, ListsProcessesOfSeveralHostsInOneTable) {
  program lab({program_path("lab")});
  wait_until_shown({"list"}, lab.pid_text());
  const auto seen = tasks({"-H", "web1", "-H", "down", "-H", "noisy", "-H", "web1"});
  EXPECT_EQ(seen.end.code, 255);
  EXPECT_THAT(seen.out, StartsWith("HOST "));
  EXPECT_THAT(seen.out, Not(HasSubstr("down")));
  std::istringstream lines(seen.out);
  int web1 = 0, noisy = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" " + lab.pid_text() + "*") == line.npos) continue;
    web1 += line.starts_with("web1 ") ? 1 : 0;
    noisy += line.starts_with("noisy ") ? 1 : 0;
  }
  EXPECT_EQ(web1, 1);
  EXPECT_EQ(noisy, 1);
  EXPECT_THAT(seen.err, HasSubstr("down: ssh: connect to host down port 22: Connection refused\n"));
  EXPECT_THAT(seen.err, HasSubstr("tasks: down: ssh does not reach it, or is refused\n"));
  EXPECT_THAT(seen.err, HasSubstr("noisy: quota: 3 MB\n"));
}

TEST_F(Remote, ShowsOtherViewsOfSeveralHostsOneAfterTheOther) {
  program lab({program_path("lab")});
  const auto seen = tasks({"-H", "web1", "-H", "down", "-H", "noisy", "vitals", "-p", lab.pid_text()});
  EXPECT_EQ(seen.end.code, 255);
  EXPECT_THAT(seen.out, StartsWith("== web1\n\ntasks: "));
  EXPECT_THAT(seen.out, HasSubstr("\n\n== noisy\n\ntasks: "));
  EXPECT_THAT(seen.out, Not(HasSubstr("down")));
  EXPECT_EQ(tasks({"-H", "web1", "-H", "noisy", "vitals", "-p", "no-such-process"}).end.code, 1);
}

TEST_F(Remote, PrintsOneDocumentOfSeveralHosts) {
  program lab({program_path("lab")});
  const auto seen = tasks({"-H", "web1", "-H", "down", "vitals", "-p", lab.pid_text(), "--json"});
  EXPECT_EQ(seen.end.code, 255);
  EXPECT_THAT(seen.out, StartsWith("{\"schemaVersion\":2,\"hosts\":["));
  EXPECT_THAT(seen.out,
              HasSubstr("{\"host\":\"web1\",\"exitCode\":0,\"said\":[],\"document\":{\"schemaVersion\":2,\"pid\":" +
                        lab.pid_text() + ","));
  EXPECT_THAT(seen.out,
              HasSubstr("{\"host\":\"down\",\"exitCode\":255,\"said\":[\"ssh: connect to host down port 22: Connection "
                        "refused\",\"tasks: down: ssh does not reach it, or is refused\"],\"document\":null}"));
  EXPECT_THAT(seen.out, EndsWith("]}\n"));
  // What was cut off is no document, so that the rest of it can be read.
  const auto lost = tasks({"-H", "lost", "-H", "web1", "stack", "-p", lab.pid_text(), "--json"});
  EXPECT_THAT(lost.out, HasSubstr("{\"host\":\"lost\",\"exitCode\":255,"));
  EXPECT_THAT(lost.out, HasSubstr("\"document\":null}"));
  write("schema", run({tasks_executable(), "schema", "hosts"}).out);
  write("document", seen.out);
  const auto checked = run({"python3", TASKS_VALIDATE, (folder_ / "schema").string(), (folder_ / "document").string()});
  EXPECT_EQ(checked.end.code, 0) << checked.out << checked.err;
}

TEST_F(Remote, RefusesOfSeveralHostsWhatIsOfOne) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"top"}, {"list", "--watch"}, {"report", "-p", "1", "-o", "x"}}) {
    auto call = words;
    call.insert(call.begin(), {"-H", "web1", "-H", "web2"});
    const auto seen = tasks(call);
    EXPECT_EQ(seen.end.code, 2);
    EXPECT_THAT(seen.err, HasSubstr("(one -H at a time)"));
  }
}

TEST_F(Remote, ChecksAsAPluginDoes) {
  program lab({program_path("lab")});
  EXPECT_THAT(tasks({"-H", "web1", "check", lab.pid_text(), "--max-tasks", "1000"}).out, StartsWith("OK: "));
  EXPECT_EQ(tasks({"-H", "web1", "check", lab.pid_text(), "--max-tasks", "1"}).end.code, 1);
  const auto down = tasks({"-H", "down", "check", lab.pid_text()});
  EXPECT_EQ(down.end.code, 3);
  EXPECT_EQ(down.out, "UNKNOWN: tasks: down: ssh does not reach it, or is refused\n");
  const auto missing = tasks({"-H", "web1", "check", lab.pid_text()}, "none");
  EXPECT_EQ(missing.end.code, 3);
  EXPECT_EQ(missing.out, "UNKNOWN: tasks: web1: tasks cannot be run there\n");
  const auto both = tasks({"-H", "web1", "-H", "down", "check", lab.pid_text(), "--max-tasks", "1000"});
  EXPECT_EQ(both.end.code, 3);
  EXPECT_THAT(both.out, StartsWith("web1: OK: "));
  EXPECT_THAT(both.out, HasSubstr("\ndown: UNKNOWN: "));
  EXPECT_THAT(tasks({"check", "-H"}).out, StartsWith("UNKNOWN: "));
}

TEST_F(Remote, InterruptsTasksThereAndWaitsForItsAnswer) {
  const program lab({program_path("lab")});
  auto env = there();
  program recorder(program::unready{},
                   {"sh", "-c", "exec \"$@\" 2>&1", "sh", tasks_executable(), "-H", "web1", "record", lab.pid_text(),
                    "--every", "10ms", "-o", (folder_ / "x.tasks").string()},
                   env);
  recorder.read_until("tasks: recording into");
  wait_until_shown({"stack", "--from", (folder_ / "x.tasks").string()}, "lab::listener");
  recorder.send_signal(SIGINT);
  EXPECT_THAT(recorder.read_line(), StartsWith("lab " + lab.pid_text() + ": "));
  EXPECT_EQ(recorder.wait(), (ending{0, 0}));
  EXPECT_THAT(text({"stack", "--from", (folder_ / "x.tasks").string()}), HasSubstr("lab::listener"));
}

TEST_F(Remote, LeavesNothingRunningWhereItIsKilled) {
  const program lab({program_path("lab")});
  program recorder(program::unready{},
                   {"sh", "-c", "exec \"$@\" 2>&1", "sh", tasks_executable(), "-H", "web1", "record", lab.pid_text(),
                    "--every", "10ms", "-o", (folder_ / "x.tasks").string()},
                   there());
  recorder.read_until("tasks: recording into");
  recorder.send_signal(SIGKILL);
  // Which all of them have as their standard error.
  try {
    for (;;) (void)recorder.read_line();
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("the program's output ended"));
  }
  EXPECT_EQ(recorder.wait().signal, SIGKILL);
}

}  // namespace
}  // namespace tasks::testing
