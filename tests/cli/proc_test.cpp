// What the kernel prints of processes and their descriptors.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "linux/changed_files.hpp"
#include "linux/descriptors.hpp"
#include "linux/kernel_words.hpp"
#include "linux/own_files.hpp"
#include "linux/package_names.hpp"
#include "linux/proc.hpp"
#include "linux/process_ends.hpp"
#include "sources/agent_sockets.hpp"

namespace tasks::cli {
namespace {

TEST(SocketAddress, IsReadAsTheKernelPrintsIt) {
  EXPECT_EQ(parse_address("0100007F:1F90"), "127.0.0.1:8080");
  EXPECT_EQ(parse_address("00000000000000000000000001000000:0050"), "[::1]:80");
  EXPECT_EQ(parse_address("rubbish"), "");
  EXPECT_EQ(parse_address("0100007F"), "");
  EXPECT_EQ(parse_address("xyz:1"), "");
}

TEST(Queues, AreReadFromTheKernelsTables) {
  const auto queues = parse_queues("0000002A:00000007");
  ASSERT_TRUE(queues);
  EXPECT_EQ(queues->send, 42U);
  EXPECT_EQ(queues->receive, 7U);
  EXPECT_FALSE(parse_queues("0000002A"));
  EXPECT_FALSE(parse_queues("rubbish:00"));
}

TEST(EpollInstance, TellsWhatItWatches) {
  const auto watches = epoll_watches(
      "pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1038\n"
      "tfd:        4 events:       19 data:     7f5506e3b0a8  pos:0 ino:5706e3 sdev:f\n"
      "tfd:       17 events: 80000019 data:                0  pos:0 ino:38 sdev:8\n");
  ASSERT_EQ(watches.size(), 2U);
  EXPECT_EQ(watches[0].descriptor, 4U);
  EXPECT_EQ(watches[0].data, 0x7f5506e3b0a8U);
  EXPECT_EQ(watches[0].inode, 0x5706e3U);
  EXPECT_EQ(watches[1].descriptor, 17U);
  EXPECT_EQ(watches[1].data, 0U);
  EXPECT_EQ(watches[1].inode, 0x38U);
  EXPECT_TRUE(epoll_watches("pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1038\n").empty());
}

TEST(UnixSocket, TellsHowManyDescriptorsWereSentToIt) {
  EXPECT_EQ(descriptors_in_flight("pos:\t0\nflags:\t02000002\nmnt_id:\t10\nino:\t9541706\nscm_fds: 3\n"), 3U);
  EXPECT_EQ(descriptors_in_flight("pos:\t0\nscm_fds: 0\n"), 0U);
  EXPECT_FALSE(descriptors_in_flight("pos:\t0\nflags:\t02000002\n"));
}

/// Of its first mapping.
std::uint64_t changed_bytes_of(const std::string& path) {
  const auto regions = process_memory(::getpid())->regions();
  for (const auto& region : regions)
    if (region.path.starts_with(path)) return changed_files(::getpid(), regions).bytes_in(region);
  return 0;
}

TEST(MappedFile, IsReadAsFarAsItReachesWhereItChangedSinceTheProcessBegan) {
  std::string path = "/var/tmp/changed-XXXXXX";
  const descriptor file(::mkstemp(path.data()));
  ASSERT_EQ(::ftruncate(file.get(), page_size + 1), 0);
  void* const mapped = ::mmap(nullptr, 4 * page_size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_EQ(changed_bytes_of(path), 2 * page_size);
  ::unlink(path.c_str());
  EXPECT_GE(changed_bytes_of(path), 2 * page_size);
  ::munmap(mapped, 4 * page_size);
}

TEST(MappedFile, IsNotReadWhereItIsPartOfTheProgram) { EXPECT_EQ(changed_bytes_of(executable_of(::getpid())), 0U); }

TEST(SocketPath, NamesItsProcessWhereAnAgentWouldPutIt) {
  for (const char* path : {"/run/user/1000/tasks/4131", "/tmp/tasks-1000/4131", "/tmp/tasks-0/4131-9f00ab"}) {
    const auto named = agent_named_by(path);
    ASSERT_TRUE(named) << path;
    EXPECT_EQ(named->pid, 4131);
    EXPECT_EQ(named->paths, std::vector<std::string>{path});
  }
  for (const char* path :
       {"/tmp/tasks/x", "/tmp/other/4131", "/tmp/tasks-x/4131", "/4131", "4131", "", "/tmp/tasks/-1", "/tmp/tasks/0",
        "/tmp/tasks/1-x", "/tmp/tasks/.", "/tmp/tasks/.-1f", "/tmp/tasks/99999999999"}) {
    EXPECT_FALSE(agent_named_by(path)) << path;
  }
}

TEST(SocketPath, AsItWasBoundLeadsToTheNamesThatItWasLinkedTo) {
  const auto named = agent_named_by("/tmp/tasks-0/.4131-9f00ab");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->pid, 4131);
  EXPECT_EQ(named->paths, (std::vector<std::string>{"/tmp/tasks-0/4131-9f00ab", "/tmp/tasks-0/4131"}));
}

TEST(Stat, SurvivesANameWithParenthesesAndSpaces) {
  const auto stat = parse_stat("42 (a) b (c) S 7 42 42 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 123456 1 2 3");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 42);
  EXPECT_EQ(stat->name, "a) b (c");
  EXPECT_EQ(stat->ppid, 7);
  EXPECT_EQ(stat->threads, 9u);
  EXPECT_EQ(stat->start_time, 123456u);
  EXPECT_FALSE(parse_stat(""));
  EXPECT_FALSE(parse_stat("42 (a"));
  EXPECT_FALSE(parse_stat("42 (a) S 7"));
}

TEST(PackageOf, IsWhoseListHasTheFile) {
  char folder[] = "/tmp/tasks-test-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string lists = folder;
  std::ofstream(lists + "/server.list") << "/.\n/usr\n/usr/sbin\n/usr/sbin/server\n";
  std::ofstream(lists + "/libpool1:amd64.list") << "/.\n/lib/libpool.so.1";
  std::ofstream(lists + "/server.md5sums") << "/usr/sbin/other\n";
  EXPECT_EQ(package_of("/usr/sbin/server", lists), "server");
  EXPECT_EQ(package_of("/usr/lib/libpool.so.1", lists), "libpool1");
  EXPECT_EQ(package_of("/lib/libpool.so.1", lists), "libpool1");
  for (const auto* none : {"/usr/sbin/serve", "/usr/sbin/server2", "/sbin/server/", "/usr/sbin/other", "", "/"}) {
    EXPECT_EQ(package_of(none, lists), std::nullopt) << none;
  }
  EXPECT_EQ(package_of("/usr/sbin/server", lists + "/none"), std::nullopt);
  std::filesystem::remove_all(lists);
}

TEST(OwnFiles, AreThisExecutableAndLibrariesWithoutTheirSections) {
  const auto files = own_files();
  ASSERT_TRUE(files);
  EXPECT_EQ(files->front().name, "tasks");
  EXPECT_LT(files->front().bytes.size(), std::filesystem::file_size("/proc/self/exe"));
  for (const auto& each : *files) {
    EXPECT_EQ(each.name.find('/'), std::string::npos);
    EXPECT_FALSE(each.name.starts_with("libc.so")) << each.name;
    EXPECT_TRUE(each.bytes.starts_with("\177ELF")) << each.name;
  }
}

TEST(OwnFiles, ThatAreNoExecutablesStayAsTheyAre) {
  for (const std::string& text : {std::string(), std::string("#!/bin/sh\n"), std::string(200, 'x')})
    EXPECT_EQ(without_sections(text), text);
  auto whole = *read_file("/proc/self/exe");
  const auto size = without_sections(whole).size();
  // Neither one that ends before its segments do, nor one whose table of segments is elsewhere.
  for (const std::size_t end : {std::size_t{60}, std::size_t{100}, size - 1})
    EXPECT_EQ(without_sections(whole.substr(0, end)), whole.substr(0, end)) << end;
  for (std::size_t at = 32; at < 40; ++at) whole[at] = '\xff';  // e_phoff
  EXPECT_EQ(without_sections(whole), whole);
}

/// A child that ends when this is told to.
class waiting_child {
 public:
  waiting_child() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[1]);
      char byte = 0;
      static_cast<void>(!::read(ends[0], &byte, 1));
      ::_exit(0);
    }
    ::close(ends[0]);
    end_ = ends[1];
  }
  waiting_child(const waiting_child&) = delete;
  waiting_child& operator=(const waiting_child&) = delete;
  ~waiting_child() {
    finish();
    ::waitpid(pid_, nullptr, 0);
  }
  void finish() {
    if (end_ >= 0) ::close(std::exchange(end_, -1));
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool has_ended() const {
    const auto stat = read_stat(pid_);
    return !stat || process_has_ended(*stat);
  }

 private:
  pid_t pid_ = -1;
  int end_ = -1;
};

/// The first one does not end: whoever waited for it before the others would not see them end by then.
TEST(EndsOfProcesses, AreWaitedForAllAtOnce) {
  waiting_child stays, first, second;
  const std::vector<pid_t> all{stays.pid(), first.pid(), second.pid()}, two{second.pid(), first.pid()};
  wait_for_ends(all, std::chrono::steady_clock::now());  // which is no time at all
  EXPECT_FALSE(first.has_ended());
  first.finish();
  second.finish();
  constexpr std::chrono::hours patience{1};
  wait_for_ends(two, std::chrono::steady_clock::now() + patience);
  EXPECT_TRUE(first.has_ended());
  EXPECT_TRUE(second.has_ended());
  EXPECT_FALSE(stays.has_ended());
  wait_for_ends({}, std::chrono::steady_clock::now() + patience);
  constexpr pid_t nobody = 999'999'999;
  wait_for_ends({&nobody, 1}, std::chrono::steady_clock::now() + patience);
}

}  // namespace
}  // namespace tasks::cli
