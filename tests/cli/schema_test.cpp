// `tasks schema` is what every view prints with --json.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "commands/command.hpp"
#include "support/lab_script.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using words = std::vector<std::string>;

/// A Python that has jsonschema: Debian's, or the first in PATH. Empty: none.
std::string python() {
  for (const char* each : {"/usr/bin/python3", "python3"}) {
    try {
      if (run({each, "-c", "import jsonschema; jsonschema.Draft202012Validator"}).end.code == 0) return each;
    } catch (const std::runtime_error&) {
    }
  }
  return {};
}

class Schema : public ::testing::Test {
 protected:
  void SetUp() override {
    if (python_.empty()) GTEST_SKIP() << "no Python has jsonschema (Debian: python3-jsonschema)";
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  static std::string printed(words command) {
    command.insert(command.begin(), tasks_executable());
    command.emplace_back("--json");
    const auto seen = run(command);
    EXPECT_THAT(seen.end.code, ::testing::AnyOf(0, 1, 3, 4)) << seen.err;  // of leaks and check: wrong, not known
    return seen.out;
  }

  /// Has the document held against the schema of `view`; without a name the one of all. Its name in what is said.
  std::string hold(const std::string& view, const std::string& document) {
    const auto schema = folder_ / ("schema of " + view);
    if (!fs::exists(schema)) {
      words command = {tasks_executable(), "schema"};
      if (!view.empty()) command.push_back(view);
      const auto made = run(command);
      EXPECT_EQ(made.end.code, 0) << made.err;
      std::ofstream(schema) << made.out;
    }
    const auto file = folder_ / ("document " + std::to_string(validate_.size()));
    std::ofstream(file) << document;
    validate_.insert(validate_.end(), {schema, file});
    return file;
  }

  void hold(const std::string& view, const words& command) {
    const auto document = printed(command);
    hold(view, document);
    hold("", document);
  }

  /// What does not fit.
  [[nodiscard]] outcome validated() const {
    words command = {python_, TASKS_VALIDATE};
    command.insert(command.end(), validate_.begin(), validate_.end());
    return run(command);
  }

 private:
  static const inline std::string python_ = python();
  fs::path folder_;
  words validate_;  ///< schema, document, schema, …
};

TEST_F(Schema, IsWhatEveryCommandWithJsonPrints) {
  program lab({program_path("lab"), "--leak", "receive"});
  const auto pid = lab.pid_text();
  wait_until_shown({"stack", "--kind", "channel-receive", pid}, "worker");
  const std::map<std::string, std::vector<words>> documents = {
      {"list", {{"list"}}},
      {"vitals", {{"vitals", pid}}},
      {"stack",
       {{"stack", pid},
        {"stack", pid, "--group"},
        {"stack", pid, "--group", "--ids"},
        {"stack", pid, "--locals"},
        {"stack", pid, "--group", "--sort", "growth", "--interval", "0.01"},
        {"stack", pid, "--sort", "busy", "--interval", "0.01"}}},
      {"slow", {{"slow", pid, "--for", "0.05"}}},
      {"tree", {{"tree", pid}}},
      {"requests", {{"requests", pid}, {"requests", pid, "--by", "none"}}},
      {"threads", {{"threads", pid}}},
      {"channels", {{"channels", pid}}},
      {"operations", {{"operations", pid}, {"operations", pid, "--group"}, {"operations", pid, "--all"}}},
      {"memory", {{"memory", pid}}},
      {"why", {{"why", pid, "1"}, {"why", pid, "2"}, {"why", pid, "2", "--no-prove"}}},
      {"leaks", {{"leaks", pid, "--min-age", "0"}}},
      {"report", {{"report", pid}}},
      {"diff", {{"diff", "-p", pid, "--interval", "0.1"}}},
      {"doctor", {{"doctor", pid}, {"doctor"}}},
      {"check", {{"check", pid, "no-such-process", "--max-tasks", "5", "--max-wait", "timer=1h,2h"}}},
  };
  for (const auto& command : cli::commands()) {
    const bool has_json = std::any_of(command.options.begin(), command.options.end(),
                                      [](const cli::option& o) { return o.names == "--json"; });
    EXPECT_EQ(has_json, documents.contains(std::string(command.name))) << command.name;
  }
  for (const auto& [view, commands] : documents)
    for (const auto& command : commands) hold(view, command);
  hold("cores", words{"list", "--cores"});
  const auto seen = validated();
  EXPECT_EQ(seen.end.code, 0) << seen.out << seen.err;
}

TEST_F(Schema, HasNullsForWhatIsNotKnown) {
  auto quiet = small_script();
  quiet.how = fake_agent::manner::says_nothing;
  const fake_agent silent(quiet), answers(lab_script());
  hold("list", words{"list", "--timeout", "3"});
  hold("stack", words{"stack", answers.pid_text()});
  hold("vitals", words{"vitals", answers.pid_text()});
  const auto seen = validated();
  EXPECT_EQ(seen.end.code, 0) << seen.out << seen.err;
}

TEST_F(Schema, RefusesWhatIsMistyped) {
  const fake_agent lab(lab_script());
  const auto good = printed({"vitals", lab.pid_text()});
  words expected = {hold("list", good) + ": "};
  for (const auto& [right, wrong, why] :
       {std::tuple("\"tasks\":14", "\"tasks\":\"14\"", "tasks: "), std::tuple("\"ready\":", "\"Ready\":", ": "),
        std::tuple("\"findings\":[]", "\"findings\":null", "findings: "),
        std::tuple("\"CHANNEL_RECEIVE\"", "\"CHANNEL_RECIEVE\"", "blockedChannels/0/wait"),
        std::tuple("\"fd\":null", "\"fd\":-1", "blockedChannels/0/wait")}) {
    auto bad = good;
    const auto at = bad.find(right);
    ASSERT_NE(at, bad.npos) << right << " in " << good;
    expected.push_back(hold("vitals", bad.replace(at, std::string(right).size(), wrong)) + ": " + why);
  }
  const auto whole = hold("vitals", good);
  const auto seen = validated();
  EXPECT_EQ(seen.end.code, 1) << seen.err;
  for (const auto& line : expected) EXPECT_THAT(seen.out, HasSubstr(line));
  EXPECT_THAT(seen.out, ::testing::Not(HasSubstr(whole + ": ")));
}

TEST(SchemaCommand, KnowsNoOtherViews) {
  const auto seen = run({tasks_executable(), "schema", "tea"});
  EXPECT_EQ(seen.end.code, 2);
  EXPECT_EQ(seen.err,
            "tasks: schema: \"tea\" is no view (list, hosts, vitals, stack, slow, tree, threads, leaks, requests, "
            "channels, operations, memory, why, report, check, diff, live, history, cores, doctor)\n");
}

}  // namespace
}  // namespace tasks::testing
