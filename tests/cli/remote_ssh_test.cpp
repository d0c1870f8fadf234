// `tasks -H HOST` by the real ssh, to a real sshd: one for each connection, which ssh itself starts and speaks with
// through a pipe, so that nothing listens on any port.

#include <gmock/gmock.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/program.hpp"
#include "support/pty.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class RemoteBySsh : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(TASKS_TEST_SSHD)
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    fs::create_directories(folder_ / "bin");
    fs::create_directories(folder_ / "tmp");
    fs::create_symlink(tasks_executable(), folder_ / "bin/tasks");
    for (const char* key : {"host_key", "key", "other_key"})
      ASSERT_EQ(run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path(key)}).end.code, 0);
    fs::copy_file(folder_ / "key.pub", folder_ / "authorized_keys");
    const auto host_key = read("host_key.pub");
    write("known_hosts", "web1 " + host_key + "web2 " + host_key);
    write("sshd_config", "HostKey " + path("host_key") + "\nAuthorizedKeysFile " + path("authorized_keys") +
                             "\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\nLogLevel QUIET\n" +
                             "SetEnv PATH=" + path("bin") + ":/usr/bin:/bin TMPDIR=" + path("tmp") + "\n");
    // As root it wants a folder in /run that is root's, which the machine need not have.
    const std::string sshd = std::string("exec ") + TASKS_TEST_SSHD + " -i -f " + path("sshd_config");
    write("sshd", ::geteuid() != 0
                      ? sshd
                      : "exec unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && " + sshd + "'");
    const auto* user = ::getpwuid(::geteuid());
    // Of what is said twice the first counts.
    write("ssh_config",
          "Host nowhere\n  ProxyCommand none\n  HostName nowhere.invalid\n"
          "Host refused\n  HostKeyAlias web1\n  IdentityFile " +
              path("other_key") +
              "\nHost shared\n  HostKeyAlias web1\n  ControlMaster auto\n  ControlPersist 60\n  "
              "ControlPath " +
              path("control") + "\nHost web1 web2 shared stranger\n  IdentityFile " + path("key") +
              "\nHost *\n  ProxyCommand sh " + path("sshd") + "\n  User " +
              std::string(user != nullptr ? user->pw_name : "root") +
              "\n  IdentitiesOnly yes\n  BatchMode yes\n  StrictHostKeyChecking yes\n"
              "  GlobalKnownHostsFile /dev/null\n  UserKnownHostsFile " +
              path("known_hosts") + "\n");
    const auto tried = run({"ssh", "-F", path("ssh_config"), "web1", "true"});
    if (tried.end.code != 0) GTEST_SKIP() << "no sshd can be run here: " << tried.err;
#else
    GTEST_SKIP() << "sshd is not installed";
#endif
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    fs::permissions(folder_ / name, fs::perms::owner_all);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }
  [[nodiscard]] environment with_ssh() const { return {"TASKS_SSH=ssh -F " + path("ssh_config"), "COLUMNS"}; }
  [[nodiscard]] outcome tasks(std::vector<std::string> words) const {
    words.insert(words.begin(), tasks_executable());
    return run(words, with_ssh());
  }

  fs::path folder_;
};

TEST_F(RemoteBySsh, PrintsWhatTasksPrintsThereAndEndsAlike) {
  program lab({program_path("lab")});
  wait_until_shown({"stack", lab.pid_text()}, "task 5 ");
  const auto vitals = tasks({"-H", "web1", "vitals", "-p", lab.pid_text()});
  EXPECT_EQ(vitals.end.code, 0) << vitals.err;
  EXPECT_EQ(vitals.err, "");
  EXPECT_THAT(vitals.out, StartsWith("tasks: "));
  const auto name = tasks({"-H", "web1", "vitals", "-p", "no such 'process' $HOME\n*"});
  EXPECT_EQ(name.end.code, 1);
  EXPECT_THAT(name.err, HasSubstr("no such 'process' $HOME?*: no process has this name"));
}

TEST_F(RemoteBySsh, ListsProcessesOfSeveralHostsAndSaysWhichFailed) {
  program lab({program_path("lab")});
  const auto seen = tasks({"-H", "web1", "-H", "web2", "-H", "stranger", "-H", "refused", "-H", "nowhere", "list"});
  EXPECT_EQ(seen.end.code, 255);
  EXPECT_THAT(seen.out, AllOf(StartsWith("HOST "), HasSubstr("\nweb1 "), HasSubstr("\nweb2 ")));
  for (const char* line :
       {"stranger: Host key verification failed.\n", "tasks: stranger: ssh does not reach it, or is refused\n",
        "tasks: refused: ssh does not reach it, or is refused\n",
        "tasks: nowhere: ssh does not reach it, or is refused\n"})
    EXPECT_THAT(seen.err, HasSubstr(line));
  EXPECT_THAT(seen.err, HasSubstr("Permission denied (publickey"));
  EXPECT_THAT(seen.err, HasSubstr("nowhere: ssh: Could not resolve hostname"));
}

TEST_F(RemoteBySsh, SharesAConnectionThatStaysOpen) {
  // The first leaves a process behind, which has the connection; nobody waits for that.
  for (int i = 0; i < 2; ++i) {
    const auto seen = tasks({"-H", "shared", "list"});
    EXPECT_EQ(seen.end.code, 0) << seen.err;
    EXPECT_TRUE(fs::exists(path("control")));
  }
  EXPECT_EQ(tasks({"-H", "shared", "-H", "web1", "list"}).end.code, 0);
  EXPECT_EQ(run({"ssh", "-F", path("ssh_config"), "-O", "exit", "shared"}).end.code, 0);
}

TEST_F(RemoteBySsh, BringsItsExecutableAlongAndRemovesIt) {
  fs::remove(folder_ / "bin/tasks");
  EXPECT_EQ(tasks({"-H", "web1", "version"}).end.code, 127);
  const auto seen = tasks({"-H", "web1", "--push", "version"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, StartsWith("tasks "));
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(RemoteBySsh, SaysThatTheConnectionWasLost) {
  // What is run there has an sshd as its grandparent, which serves it, and ends that when it is told to.
  ASSERT_EQ(::mkfifo(path("go_on").c_str(), 0600), 0);
  write("lost", "#!/bin/sh\n[ \"$1\" = version ] && exec " + tasks_executable() +
                    " version\nread -r a b c parent d </proc/$PPID/stat\necho begun\nread x <" + path("go_on") +
                    "\nkill -KILL $parent\nread x\n");
  fs::remove(folder_ / "bin/tasks");
  fs::create_symlink(folder_ / "lost", folder_ / "bin/tasks");
  program list(program::unready{}, {"sh", "-c", "exec \"$@\" 2>&1", "sh", tasks_executable(), "-H", "web1", "list"},
               with_ssh());
  list.read_until("begun");
  std::ofstream(path("go_on")) << "\n";
  EXPECT_EQ(list.read_until("tasks: web1: "), "the connection was lost: this may not be all");
  EXPECT_EQ(list.wait(), (ending{255, 0}));
}

TEST_F(RemoteBySsh, GivesAViewThatWantsOneATerminal) {
  program lab({program_path("lab")});
  bool is_seen = false;
  auto env = with_ssh();
  env.emplace_back("TERM=xterm");
  const auto watched = run_on_terminal({tasks_executable(), "-H", "web1", "vitals", "-p", lab.pid_text(), "--watch"},
                                       90, env, [&](const std::string& so_far) {
                                         if (is_seen || so_far.find("OS threads: ") == so_far.npos) return;
                                         is_seen = true;
                                         lab.stop();
                                       });
  EXPECT_TRUE(is_seen) << watched.out;
  EXPECT_EQ(watched.end.code, 1) << watched.out;
  EXPECT_THAT(watched.out, HasSubstr("every 1s"));
  fs::remove(folder_ / "bin/tasks");
  const auto pushed =
      run_on_terminal({tasks_executable(), "-H", "web1", "--push", "top", "-p", "no-such-process"}, 90, env);
  EXPECT_EQ(pushed.end.code, 1) << pushed.out;
  EXPECT_THAT(pushed.out, HasSubstr("no-such-process: no process has this name"));
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(RemoteBySsh, InterruptsTasksThereAndWaitsForItsAnswer) {
  const program lab({program_path("lab")});
  program recorder(program::unready{},
                   {"sh", "-c", "exec \"$@\" 2>&1", "sh", tasks_executable(), "-H", "web1", "record", lab.pid_text(),
                    "--every", "10ms", "-o", path("x.tasks")},
                   with_ssh());
  recorder.read_until("tasks: recording into");
  wait_until_shown({"stack", "--from", path("x.tasks")}, "lab::listener");
  recorder.send_signal(SIGINT);
  EXPECT_THAT(recorder.read_line(), StartsWith("lab " + lab.pid_text() + ": "));
  EXPECT_EQ(recorder.wait(), (ending{0, 0}));
  EXPECT_THAT(text({"stack", "--from", path("x.tasks")}), HasSubstr("lab::listener"));
}

}  // namespace
}  // namespace tasks::testing
