// `tasks report`: every view of a process, in one file.

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Report : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string file() const { return (folder_ / "report").string(); }
  [[nodiscard]] std::string text() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] static outcome report(std::vector<std::string> words) {
    words.insert(words.begin(), {tasks_executable(), "report"});
    return run(words);
  }

  fs::path folder_;
};

/// The lab's tasks begin to wait after it has said `ready`.
void wait_until_blocked(const program& lab) {
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
}

google::protobuf::Struct parse(const std::string& json) {
  google::protobuf::Struct view;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &view);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return view;
}

/// Position of each view's title; they must be there in this order.
void expect_views(const std::string& text) {
  std::size_t at = 0;
  for (const char* title :
       {"\n== tasks vitals --details\n", "\n== tasks leaks\n", "\n== tasks channels\n", "\n== tasks threads\n",
        "\n== tasks stack --group\n", "\n== tasks tree\n", "\n== tasks stack\n"}) {
    const auto found = text.find(title, at);
    ASSERT_NE(found, std::string::npos) << title;
    at = found + 1;
  }
}

TEST_F(Report, HasEveryViewInOneFile) {
  const program lab({program_path("lab"), "--leak", "send"});
  wait_until_blocked(lab);
  const auto made = report({lab.pid_text(), "-o", file()});
  EXPECT_EQ(made.end.code, 0) << made.err;
  EXPECT_EQ(made.out + made.err, "");
  expect_views(text());
  for (const char* fact : {"\ntasks: ", " [agent]:\n", "[channel send, oldest ", "├─ task ", "lab::ask_replica("}) {
    EXPECT_THAT(text(), HasSubstr(fact));
  }
  EXPECT_EQ(fs::status(file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Report, IsOneJsonDocument) {
  const program lab({program_path("lab"), "--leak", "send"});
  const auto made = report({lab.pid_text(), "--json"});
  EXPECT_EQ(made.end.code, 0) << made.err;
  const auto view = parse(made.out);
  for (const char* name : {"vitals", "leaks", "channels", "threads", "groups", "tree", "stacks"}) {
    ASSERT_TRUE(view.fields().contains(name)) << name;
    EXPECT_EQ(view.fields().at(name).struct_value().fields().at("pid").number_value(), lab.pid()) << name;
  }
  EXPECT_EQ(view.fields().at("errors").list_value().values_size(), 0);
}

/// What a view in a report counts as all of its tasks.
double total(const google::protobuf::Struct& report, const char* view, const char* field) {
  return report.fields().at(view).struct_value().fields().at(field).number_value();
}

TEST_F(Report, IsOfOneMoment) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the terabytes that AddressSanitizer reserves are not copied";
#endif
  // Tasks begin and end without pause: of two moments there would hardly be as many.
  const program churn({program_path("churn")});
  for (int i = 0; i < 5; ++i) {
    const auto made = report({churn.pid_text(), "--json"});
    ASSERT_EQ(made.end.code, 0) << made.err;
    const auto view = parse(made.out);
    EXPECT_THAT(view.fields().at("shows").string_value(), StartsWith("one moment: it was stopped once, for "));
    const auto tasks = total(view, "vitals", "tasks");
    EXPECT_GE(tasks, 64);
    EXPECT_EQ(total(view, "groups", "total"), tasks);
    EXPECT_EQ(total(view, "tree", "total"), tasks);
    EXPECT_EQ(total(view, "stacks", "total"), tasks);
  }
}

TEST_F(Report, ShowsTheStacksOfTheThreadsOfThatMoment) {
  const program hung({program_path("hung"), "loop"});
  const auto made = report({hung.pid_text()});
  EXPECT_EQ(made.end.code, 0) << made.err;
  const auto threads = made.out.substr(made.out.find("\n== tasks threads\n"));
  for (const char* fact : {"[runs task 1, ", "hung::crunch("})
    EXPECT_THAT(threads.substr(0, threads.find("\n== ", 1)), HasSubstr(fact));
}

TEST_F(Report, SaysWhomItIsAboutAndWhatMadeIt) {
  const program lab({program_path("lab"), "--leak", "send"});
  const auto made = report({lab.pid_text()});
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const auto head = made.out.substr(0, made.out.find("\n== "));
  EXPECT_THAT(head, StartsWith("report of " + lab.pid_text() + ", 2"));
  EXPECT_THAT(head, HasSubstr("\nprogram  " + program_path("lab") + "\n"));
  EXPECT_THAT(head, HasSubstr("\ncommand  " + program_path("lab") + " --leak send\n"));
  EXPECT_THAT(head, HasSubstr("\nhost     " + std::string(host) + ", Linux "));
  EXPECT_THAT(head, HasSubstr("\ntasks    "));
  const auto view = parse(report({lab.pid_text(), "--json"}).out);
  EXPECT_EQ(view.fields().at("program").string_value(), program_path("lab"));
  EXPECT_EQ(view.fields().at("commandLine").list_value().values_size(), 3);
}

TEST_F(Report, OfAProcessThatCannotBeStoppedSaysThatItIsNotOfOneMoment) {
  const program lab({program_path("lab"), "--leak", "send"});
  wait_until_blocked(lab);
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, lab.pid(), nullptr, nullptr), 0);
  const auto made = report({lab.pid_text()});
  EXPECT_EQ(made.end.code, 0) << made.err;
  // As long as all its threads sleep it can be copied, but not be stopped for a proof.
  EXPECT_THAT(made.out, AnyOf(HasSubstr("\nshows    not one moment, but one view after the other: "),
                              HasSubstr("\nshows    one moment, which is known in part: ")));
#if !defined(__SANITIZE_ADDRESS__)  // of whose address space no picture is taken
  EXPECT_THAT(made.out, HasSubstr("traces it already"));
#endif
  EXPECT_THAT(made.out, Not(HasSubstr("\nproven: ")));
  EXPECT_THAT(made.out, HasSubstr("lab::ask_replica("));
}

TEST_F(Report, OfAProcessWithoutTasksHasItsThreads) {
  program plain(program::unready{}, {"cat"});
  const auto made = report({plain.pid_text()});
  EXPECT_EQ(made.end.code, 1) << made.err;
  EXPECT_THAT(made.out, HasSubstr("not instrumented"));
  EXPECT_THAT(made.out, HasSubstr("[main]"));
}

TEST_F(Report, OfAStoppedProcessIsReadFromItsMemory) {
  program lab({program_path("lab"), "--leak", "send"});
  wait_until_blocked(lab);
  lab.suspend();
  const auto made = report({lab.pid_text(), "-o", file(), "--timeout", "0.1"});
  EXPECT_EQ(made.end.code, 0) << made.err;
  expect_views(text());
  EXPECT_THAT(text(), HasSubstr("lab::ask_replica("));
  lab.send_signal(SIGCONT);
}

TEST_F(Report, ThatFailsLeavesTheEarlierOneAlone) {
  std::ofstream(file()) << "of yesterday";
  const auto made = report({"999999999", "-o", file()});
  EXPECT_NE(made.end.code, 0);
  EXPECT_THAT(made.err, HasSubstr("999999999"));
  EXPECT_EQ(text(), "of yesterday");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(Report, IntoADirectoryThatIsNotThereSaysSo) {
  const auto made = report({"1", "-o", (folder_ / "nowhere" / "report").string()});
  EXPECT_EQ(made.end.code, 2);
  EXPECT_THAT(made.err, HasSubstr("No such file or directory"));
}

TEST_F(Report, IntoAFullFileSystemFails) {
  const program lab({program_path("lab"), "--leak", "send"});
  const auto made = run({"bash", "-c", "ulimit -f 1; trap '' XFSZ; exec \"$@\"", "bash", tasks_executable(), "report",
                         lab.pid_text(), "-o", file()});
  EXPECT_NE(made.end.code, 0);
  EXPECT_THAT(made.err, HasSubstr("File too large"));
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace tasks::testing
