// Instrumented processes are found whatever their executable looks like and whichever namespace they live in.

#include <elf.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "linux/proc.hpp"
#include "support/lab_script.hpp"
#include "support/program.hpp"
#include "symbols/symbolizer.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  return run(words);
}

/// A folder that is removed with what is in it.
class temporary_folder {
 public:
  temporary_folder() {
    char name[] = "/tmp/tasks-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~temporary_folder() { fs::remove_all(path_); }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void expect_found(const program& target) {
  EXPECT_EQ(
      tasks_command({target.pid_text()}).err,
      "tasks: pid " + target.pid_text() + ": no agent is listening: none was started; reading its memory instead\n");
}

class Executable : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kinds, Executable,
                         ::testing::Values("note_holder_pie", "note_holder_no_pie", "note_holder_static",
                                           "note_holder_library"));

TEST_P(Executable, IsFoundByItsNote) { expect_found(program({program_path(GetParam())})); }

TEST_P(Executable, IsFoundWithoutSymbolsAndSectionHeaders) {
  const temporary_folder folder;
  const auto copy = folder.path() / "stripped";
  ASSERT_EQ(run({"strip", "-o", copy.string(), program_path(GetParam())}).end.code, 0);
  {
    // What sstrip does.
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    Elf64_Ehdr header;
    file.read(reinterpret_cast<char*>(&header), sizeof header);
    header.e_shoff = 0;
    header.e_shnum = header.e_shstrndx = 0;
    file.seekp(0);
    file.write(reinterpret_cast<const char*>(&header), sizeof header);
  }
  expect_found(program({copy.string()}));
}

TEST_P(Executable, IsFoundAfterItsFileWasDeleted) {
  const temporary_folder folder;
  const auto copy = folder.path() / "deleted";
  fs::copy_file(program_path(GetParam()), copy);
  const program target({copy.string()});
  fs::remove(copy);
  expect_found(target);
}

TEST(Symbols, OfADeletedExecutableAreRead) {
  const temporary_folder folder;
  const auto copy = folder.path() / "deleted";
  fs::copy_file(program_path("note_holder_pie"), copy);
  const program target({copy.string()});
  fs::remove(copy);
  const auto found = cli::make_symbolizer(target.pid())->resolve(std::stoull(target.value("landmark"), nullptr, 16));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].function, "_Z8landmarki");
  EXPECT_TRUE(found[0].file.ends_with("/note_holder.cpp")) << found[0].file;
  EXPECT_EQ(found[0].line, 8u);
}

TEST(Socket, WithALongPathIsReached) {
  const temporary_folder folder;
  auto script = lab_script();
  // Fits sun_path, and does not once /proc/PID/root stands before it.
  script.directory = folder.path() / std::string(70, 'x') / "tasks";
  fs::create_directories(script.directory);
  const fake_agent lab(script);
  ASSERT_LT(lab.socket_path().size(), 108u);
  const auto seen = tasks_command({lab.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_TRUE(seen.out.starts_with("tasks: 14\n")) << seen.out;
}

TEST(Socket, IsFoundWhateverTheReadersEnvironmentSays) {
  const fake_agent lab(lab_script());
  const auto seen = run({tasks_executable(), lab.pid_text()},
                        {"TASKS_DIR=/nowhere", "XDG_RUNTIME_DIR=/nowhere", "TMPDIR=/nowhere", "HOME"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
}

TEST(Namespaces, OfMountsAndPidsHideNobody) {
  if (run({"unshare", "-mp", "--fork", "--mount-proc", "true"}).end.code != 0) {
    GTEST_SKIP() << "unshare -mp is not permitted here";
  }
  // A file system of its own, so that the socket's path leads nowhere from here.
  const temporary_folder folder;
  const auto own = folder.path().string();
  program hidden({"unshare", "-mp", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
                  "mount -t tmpfs tmpfs " + own + " && mkdir " + own + "/tasks && exec " + program_path("fake_lab") +
                      " " + own + "/tasks"});
  const auto list = tasks_command({"list", "--json"});
  v1::ListView view;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(list.out, &view).ok()) << list.out;
  pid_t pid = 0;
  for (const auto& process : view.processes()) {
    if (process.name() != "fake_lab" || process.agent() != v1::ProcessView::ANSWERED) continue;
    EXPECT_EQ(process.tasks(), 14u);
    pid = static_cast<pid_t>(process.pid());
  }
  ASSERT_NE(pid, 0) << list.out;
  EXPECT_NE(cli::innermost_pid(pid), pid);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  const auto seen = tasks_command({"vitals", "-p", std::to_string(pid)});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_TRUE(seen.out.starts_with("tasks: 14\n")) << seen.out;
  hidden.stop();
}

}  // namespace
}  // namespace tasks::testing
