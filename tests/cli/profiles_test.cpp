// `tasks stack --format`: what other tools draw stacks of.

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "export/formats.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using words = std::vector<std::string>;

/// Two tasks in one stack, and one in another that has the same function on top.
class Profile : public ::testing::Test {
 protected:
  Profile() {
    inner_.function = "next_job(pool&)";
    inner_.file = "/src/pool.cpp";
    inner_.line = 82;
    outer_.function = "worker(std::pair<int; char>)";
    outer_.file = "/src/pool.cpp";
    outer_.line = 86;
    site_.function = "run()";
    site_.file = "/src/main.cpp";
    site_.line = 7;
    add(1, {&inner_, &outer_}, 1000);
    add(2, {&inner_, &outer_}, 500);
    add(3, {&inner_}, 250);
  }

  void add(std::uint64_t id, const std::vector<const cli::frame*>& frames, std::uint64_t age_ms) {
    v1::Task task;
    task.set_id(id);
    task.set_state(v1::Task::BLOCKED);
    task.mutable_wait()->set_kind(v1::Wait::CHANNEL_RECEIVE);
    task.set_age_ms(age_ms);
    cli::resolved what;
    for (const auto* each : frames) what.frames.push_back({each, false});
    what.spawned_at = &site_;
    profile_.add(task, what);
  }
  template <class Write>
  static std::string written(Write write) {
    fmt::memory_buffer out;
    write(out);
    return fmt::to_string(out);
  }

  cli::frame inner_, outer_, site_;
  cli::stack_profile profile_;
};

TEST_F(Profile, CountsTasksOfOneStackTogether) {
  ASSERT_EQ(profile_.stacks().size(), 2U);
  EXPECT_EQ(profile_.places().size(), 3U);
  EXPECT_EQ(profile_.stacks()[0].count, 2U);
  EXPECT_EQ(profile_.stacks()[0].amount, 1500U);
  EXPECT_EQ(profile_.stacks()[0].places, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(profile_.stacks()[1].places, (std::vector<std::uint32_t>{0, 2}));
}

TEST_F(Profile, IsFoldedALineAStack) {
  EXPECT_EQ(written([this](auto& out) { cli::write_folded(out, profile_); }),
            "run();worker(std::pair<int: char>);next_job(pool&);[channel receive] 2\n"
            "run();next_job(pool&);[channel receive] 1\n");
}

TEST_F(Profile, IsWhatSpeedscopeReads) {
  const auto json = written([this](auto& out) { cli::write_speedscope(out, profile_, {"pid 7", "", 0, {}}); });
  google::protobuf::Struct read;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &read).ok()) << json;
  const auto& frames = read.fields().at("shared").struct_value().fields().at("frames").list_value();
  EXPECT_EQ(frames.values_size(), 3);
  const auto& profile = read.fields().at("profiles").list_value().values(0).struct_value().fields();
  EXPECT_EQ(profile.at("type").string_value(), "sampled");
  EXPECT_EQ(profile.at("endValue").number_value(), 3);
  const auto& samples = profile.at("samples").list_value();
  const auto& weights = profile.at("weights").list_value();
  ASSERT_EQ(samples.values_size(), weights.values_size());
  EXPECT_EQ(weights.values(0).number_value(), 2);
  // The outermost first.
  const auto& first = samples.values(0).list_value();
  ASSERT_EQ(first.values_size(), 3);
  EXPECT_EQ(first.values(0).number_value(), 2);
  EXPECT_EQ(first.values(2).number_value(), 0);
}

outcome tasks_command(words command) {
  command.insert(command.begin(), tasks_executable());
  return run(command);
}

bool has_go() { return run({"sh", "-c", "command -v go"}).end.code == 0; }

class OfALab : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    wait_until_shown({"stack", "--kind", "channel-send", "-p", lab_.pid_text()}, "ask_replica");
  }
  void TearDown() override { fs::remove_all(folder_); }

  const program lab_{{program_path("lab"), "--leak", "send"}};
  fs::path folder_;
};

TEST_F(OfALab, GoReadsIt) {
  if (!has_go()) GTEST_SKIP() << "there is no go (Debian: golang-go)";
  const auto file = (folder_ / "profile").string();
  const auto made = tasks_command({"stack", "-p", lab_.pid_text(), "--format", "pprof"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  std::ofstream(file) << made.out;
  const auto go = [&](words options) {
    words command{"go", "tool", "pprof"};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(file);
    return run(command, {"HOME=" + folder_.string(), "PPROF_TMPDIR=" + folder_.string()});
  };
  const auto top = go({"-top"});
  EXPECT_EQ(top.end.code, 0) << top.err;
  EXPECT_THAT(top.out, HasSubstr("Type: tasks\n"));
  EXPECT_THAT(top.out, ContainsRegex("\n +2 .* lab::ask_replica"));
  const auto peek = go({"-peek", "ask_replica"});
  EXPECT_THAT(peek.out, ContainsRegex("lab::run.*lab::leak_send|lab::leak_send"));
  const auto traces = go({"-traces"});
  EXPECT_THAT(traces.out, ContainsRegex("wait: +channel send\n"));
  EXPECT_THAT(traces.out, ContainsRegex("state: +blocked\n"));
  const auto waited = go({"-top", "-sample_index=waited"});
  EXPECT_THAT(waited.out, HasSubstr("Type: waited\n"));
  const auto compared = go({"-top", "-base", file});
  EXPECT_EQ(compared.end.code, 0) << compared.err;
}

TEST_F(OfALab, FiltersChooseWhatIsInIt) {
  const auto made = tasks_command({"stack", "-p", lab_.pid_text(), "--format", "folded", "--kind", "channel-send"});
  EXPECT_EQ(made.end.code, 0) << made.err;
  EXPECT_EQ(made.out, "lab::leak_send();lab::ask_replica(std::shared_ptr<reply>, int);[channel send] 2\n");
}

TEST_F(OfALab, IsTheSameOfARecording) {
  const auto file = (folder_ / "seen.tasks").string();
  ASSERT_EQ(tasks_command({"record", lab_.pid_text(), "-o", file, "--for", "0"}).end.code, 0);
  EXPECT_EQ(tasks_command({"stack", "--from", file, "--format", "folded"}).out,
            tasks_command({"stack", "-p", lab_.pid_text(), "--format", "folded"}).out);
}

TEST_F(OfALab, WhatMakesNoSenseIsSaid) {
  for (const auto& wrong : std::vector<words>{{"--format", "svg"},
                                              {"--format", "folded", "--json"},
                                              {"--format", "folded", "--group"},
                                              {"--format", "folded", "--locals"}}) {
    words command{"stack", "-p", lab_.pid_text()};
    command.insert(command.end(), wrong.begin(), wrong.end());
    const auto seen = tasks_command(command);
    EXPECT_EQ(seen.end.code, 2) << ::testing::PrintToString(wrong);
    EXPECT_EQ(seen.out, "") << ::testing::PrintToString(wrong);
  }
}

}  // namespace
}  // namespace tasks::testing
