// The socket directory: its place, its modes, what is refused, what is cleaned up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/agent_client.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// What agent::status() said.
struct status {
  unsigned code;
  int error;
  std::string path;
};

status status_of(program& host) {
  host.write("status\n");
  std::istringstream line(host.read_line());
  status s{};
  line >> s.code >> s.error >> s.path;
  return s;
}

program start_host(const environment& env, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), program_path("agent_host"));
  return program(arguments, env);
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(Socket, OnlyItsOwnerCanOpenItWhateverTheUmask) {
  const temporary_directory parent;
  for (const char* umask : {"000", "077", "777"}) {
    const auto dir = parent.path() + "/u" + umask;
    program host({"sh", "-c", "umask " + std::string(umask) + "; exec " + program_path("agent_host")},
                 {"TASKS_DIR=" + dir});
    if (umask == std::string("777")) chmod(dir.c_str(), 0700);
    const auto s = status_of(host);
    if (umask == std::string("777") && s.code != 2) continue;  // it cannot use a directory that it cannot open
    EXPECT_EQ(s.path, dir + "/" + host.pid_text());
    EXPECT_EQ(mode_of(dir), 0700u);
    EXPECT_EQ(mode_of(s.path), 0600u);
    EXPECT_TRUE(ask(s.path, vitals_request()).vitals.has_value());
  }
}

TEST(Socket, LiesInTheRuntimeDirectoryElseInTmp) {
  const temporary_directory runtime;
  auto host = start_host({"TASKS_DIR", "XDG_RUNTIME_DIR=" + runtime.path()});
  EXPECT_EQ(status_of(host).path, runtime.path() + "/tasks/" + host.pid_text());
  auto homeless = start_host({"TASKS_DIR", "XDG_RUNTIME_DIR"});
  EXPECT_EQ(status_of(homeless).path, "/tmp/tasks-" + std::to_string(geteuid()) + "/" + homeless.pid_text());
}

TEST(Socket, LeavesNothingBehindWhenTheAgentStops) {
  const temporary_directory dir;
  auto host = start_host({dir.variable()});
  EXPECT_THAT(names_in(dir.path()), ElementsAre(host.pid_text()));
  host.write("stop\n");
  EXPECT_EQ(host.read_line(), "9 0 ");
  EXPECT_THAT(names_in(dir.path()), IsEmpty());
  host.write("start\n");
  EXPECT_EQ(host.read_line(), "2 0 " + dir.path() + "/" + host.pid_text());
  EXPECT_TRUE(ask(dir.path() + "/" + host.pid_text(), vitals_request()).vitals.has_value());
  host.stop();
  EXPECT_THAT(names_in(dir.path()), IsEmpty());
}

TEST(Socket, ADirectoryThatIsASymlinkIsNotUsed) {
  const temporary_directory dir;
  fs::create_directory(dir.path() + "/real");
  chmod((dir.path() + "/real").c_str(), 0700);
  fs::create_directory_symlink("real", dir.path() + "/link");
  auto host = start_host({"TASKS_DIR=" + dir.path() + "/link"});
  EXPECT_EQ(status_of(host).code, 5u);
  EXPECT_THAT(names_in(dir.path() + "/real"), IsEmpty());
}

TEST(Socket, ADirectoryOpenToOthersIsNotUsed) {
  for (const mode_t mode : {0770u, 0707u, 0710u, 0701u}) {
    const temporary_directory dir;
    chmod(dir.path().c_str(), mode);
    auto host = start_host({dir.variable()});
    EXPECT_EQ(status_of(host).code, 5u) << std::oct << mode;
    EXPECT_THAT(names_in(dir.path()), IsEmpty());
  }
}

TEST(Socket, ADirectoryOfAnotherUserIsNotUsed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const temporary_directory dir;
  ASSERT_EQ(chown(dir.path().c_str(), 65534, 65534), 0);
  auto host = start_host({dir.variable()});
  EXPECT_EQ(status_of(host).code, 5u);
  EXPECT_THAT(names_in(dir.path()), IsEmpty());
}

TEST(Socket, SaysWhyThereIsNoDirectory) {
  const temporary_directory dir;
  auto orphan = start_host({"TASKS_DIR=" + dir.path() + "/missing/tasks"});
  auto s = status_of(orphan);
  EXPECT_EQ(s.code, 4u);
  EXPECT_EQ(s.error, ENOENT);
  std::ofstream(dir.path() + "/file") << "";
  auto file = start_host({"TASKS_DIR=" + dir.path() + "/file"});
  s = status_of(file);
  EXPECT_EQ(s.code, 4u);
  EXPECT_EQ(s.error, ENOTDIR);
  auto kernel = start_host({"TASKS_DIR=/proc/tasks"});
  EXPECT_EQ(status_of(kernel).code, 4u);
}

TEST(Socket, AReadOnlyDirectoryIsNotUsed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can mount";
  const temporary_directory dir;
  // The mount is private to the program's own namespace. (A mode of 0500 does not stop root.)
  program host({"unshare", "-m", "sh", "-c",
                "mount -t tmpfs -o ro,mode=700 none " + dir.path() + " && exec " + program_path("agent_host")},
               {dir.variable()});
  const auto s = status_of(host);
  EXPECT_EQ(s.code, 6u);
  EXPECT_EQ(s.error, EROFS);
}

TEST(Socket, APathTooLongForASocketIsAnErrorNotACutName) {
  const temporary_directory dir;
  const auto deep = dir.path() + "/" + std::string(100, 'x');
  auto host = start_host({"TASKS_DIR=" + deep});
  const auto s = status_of(host);
  EXPECT_EQ(s.code, 6u);
  EXPECT_EQ(s.error, ENAMETOOLONG);
  EXPECT_THAT(names_in(deep), IsEmpty());
}

TEST(Socket, TheEnvironmentSwitchesTheAgentOff) {
  const temporary_directory dir;
  auto host = start_host({dir.variable(), "TASKS_AGENT=off"}, {"--tasks", "3"});
  EXPECT_EQ(status_of(host).code, 3u);
  EXPECT_THAT(names_in(dir.path()), IsEmpty());
  EXPECT_EQ(run({"cat", "/proc/" + host.pid_text() + "/comm", "--"}).out, "agent_host\n");
  EXPECT_EQ(run({"sh", "-c", "ls /proc/" + host.pid_text() + "/task | wc -l"}).out, "1\n");
  host.write("count\n");
  EXPECT_EQ(host.read_line(), "3");
}

TEST(Socket, TheAgentsThreadHasANameAndNoSignals) {
  const temporary_directory dir;
  auto host = start_host({dir.variable()});
  EXPECT_TRUE(ask(status_of(host).path, vitals_request()).vitals.has_value());  // so it has begun
  const auto seen = run(
      {"sh", "-c",
       "grep -l tasks-agent /proc/" + host.pid_text() + "/task/*/comm | sed s/comm/status/ | xargs grep -h SigBlk"});
  // All but SIGKILL, SIGSTOP, and what the C library keeps for itself (32 and 33, of which it may block one).
  const auto blocked = std::stoull(seen.out.substr(seen.out.find('\t')), nullptr, 16);
  EXPECT_EQ(blocked | 0x1'8000'0000u, 0xffff'ffff'fffb'feffu) << seen.out;
}

TEST(Socket, WhatAKilledProcessLeavesIsRemovedByTheNext) {
  const temporary_directory dir;
  std::string dead;
  {
    auto killed = start_host({dir.variable()});
    dead = killed.pid_text();
    killed.send_signal(SIGKILL);
    EXPECT_EQ(killed.wait().signal, SIGKILL);
  }
  EXPECT_THAT(names_in(dir.path()), ElementsAre(dead));
  std::ofstream(dir.path() + "/" + dead + "0") << "not a socket";
  auto next = start_host({dir.variable()});
  EXPECT_TRUE(ask(status_of(next).path, vitals_request()).vitals.has_value());  // so it has cleaned up
  std::vector<std::string> expected{next.pid_text(), dead + "0"};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(names_in(dir.path()), expected);
}

TEST(Socket, ALiveAgentsSocketIsLeftAlone) {
  const temporary_directory dir;
  auto first = start_host({dir.variable()});
  auto second = start_host({dir.variable()});
  EXPECT_TRUE(ask(status_of(second).path, vitals_request()).vitals.has_value());
  EXPECT_TRUE(ask(status_of(first).path, vitals_request()).vitals.has_value());
}

TEST(Socket, AProgramThatIsExecutedTakesItsPredecessorsPlace) {
  const temporary_directory dir;
  auto host = start_host({dir.variable()}, {"--tasks", "5"});
  const auto path = status_of(host).path;
  agent_client before(path);
  const auto old = before.hello();
  host.write("exec\n");
  host.read_until("ready");
  EXPECT_EQ(status_of(host).path, path);
  agent_client after(path);
  const auto now = after.hello();
  EXPECT_EQ(now.pid(), old.pid());
  EXPECT_NE(now.instance(), old.instance());
  EXPECT_EQ(after.ask(vitals_request()).vitals->tasks(), 2u);
  EXPECT_FALSE(before.receive().has_value());  // no descriptor was inherited
}

TEST(Socket, ASecondProcessOfTheSamePidGetsANameOfItsOwn) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make pid namespaces";
  const temporary_directory dir;
  const std::vector<std::string> first_of_its_kind{"unshare", "--pid", "--fork", program_path("agent_host")};
  program first(first_of_its_kind, {dir.variable()});
  program second(first_of_its_kind, {dir.variable()});
  const auto one = status_of(first);
  const auto two = status_of(second);
  EXPECT_EQ(one.path, dir.path() + "/1");
  EXPECT_THAT(two.path, StartsWith(dir.path() + "/1-"));
  EXPECT_NE(agent_client(one.path).hello().instance(), agent_client(two.path).hello().instance());
}

TEST(Socket, AnotherUsersConnectionIsClosedUnread) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const temporary_directory dir;
  auto host = start_host({dir.variable(), "TASKS_AGENT_THREAD"});
  const auto path = status_of(host).path;
  // The modes already keep others out; here they do not, and the agent still does.
  chmod(dir.path().c_str(), 0755);
  chmod(path.c_str(), 0666);
  const auto answered_as = [&](uid_t user) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      if (setresuid(user, user, user) != 0) _exit(3);
      try {
        agent_client client(path);
        client.send(vitals_request());
        _exit(client.receive().has_value() ? 0 : 1);
      } catch (const std::exception&) {
        _exit(2);
      }
    }
    int end = 0;
    waitpid(child, &end, 0);
    return WEXITSTATUS(end);
  };
  EXPECT_EQ(answered_as(65534), 1);
  EXPECT_EQ(answered_as(0), 0);
  host.write("drop_privileges\n");
  EXPECT_EQ(host.read_line(), "0");
  EXPECT_EQ(answered_as(65534), 0);  // the same user now
  EXPECT_EQ(answered_as(65533), 1);
  EXPECT_EQ(answered_as(0), 0);
}

}  // namespace
}  // namespace tasks::testing
