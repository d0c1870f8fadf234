// `tasks stack --format`: what other tools draw stacks of.

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "export/formats.hpp"
#include "export/go_profile.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
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

std::string match(const std::string& text, const std::string& pattern) {
  std::smatch found;
  return std::regex_search(text, found, std::regex(pattern)) ? found[1].str() : "";
}

TEST_F(Profile, IsCountedAsGoCountsGoroutines) {
  const auto text = written([this](auto& out) { cli::write_goroutine_counts(out, profile_); });
  EXPECT_THAT(text, MatchesRegex("tasks profile: total 3\n"
                                 "2 @ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+\n"
                                 "# labels: \\{\"state\":\"blocked\", \"wait\":\"channel receive\"\\}\n"
                                 "#\t0x[0-9a-f]+\tnext_job\\(pool&\\)\\+0x52\t/src/pool.cpp:82\n"
                                 "#\t0x[0-9a-f]+\tworker\\(std::pair<int; char>\\)\\+0x56\t/src/pool.cpp:86\n"
                                 "#\t0x[0-9a-f]+\trun\\(\\)\\+0x7\t/src/main.cpp:7\n\n"
                                 "1 @ 0x[0-9a-f]+ 0x[0-9a-f]+\n(.|\n)*"));
  // One place has one address, wherever it is told; it is the function's, and its line.
  const auto first = match(text, "2 @ (0x[0-9a-f]+)");
  EXPECT_EQ(match(text, "1 @ (0x[0-9a-f]+)"), first);
  EXPECT_EQ(match(text, "#\t(0x[0-9a-f]+)\tnext_job"), first);
  EXPECT_EQ(std::stoull(first, nullptr, 16) % 0x100000, 82U);
}

TEST_F(Profile, WithoutAPlaceIsCountedAsUnknown) {
  v1::Task task;
  profile_.add(task, {});
  const auto text = written([this](auto& out) { cli::write_goroutine_counts(out, profile_); });
  EXPECT_THAT(text, HasSubstr("tasks profile: total 4\n"));
  EXPECT_THAT(text, HasSubstr("\t<unknown>+0x0\t??:0\n"));
}

TEST(GoProfile, LinesAreNoLongerThanGoReads) {
  cli::stack_profile profile;
  cli::frame deep;
  deep.function = "deep()";
  std::vector<cli::frame> frames(5000, deep);
  cli::resolved what;
  for (auto& each : frames) {
    each.line = static_cast<unsigned>(what.frames.size());
    what.frames.push_back({&each, false});
  }
  cli::frame longest_name;
  longest_name.function = std::string(100'000, 'x');
  what.frames.push_back({&longest_name, false});
  profile.add(v1::Task(), what);
  fmt::memory_buffer out;
  cli::write_goroutine_counts(out, profile);
  std::size_t longest = 0, begin = 0;
  const auto text = fmt::to_string(out);
  for (std::size_t end = 0; (end = text.find('\n', begin)) != text.npos; begin = end + 1)
    longest = std::max(longest, end - begin);
  EXPECT_LT(longest, 65'536U);
  EXPECT_THAT(match(text, "\n1 @ 0x[0-9a-f]*00000 0x[0-9a-f]*(00001) "), "00001");
}

/// As the runtime of Go prints a goroutine.
class Goroutine : public ::testing::Test {
 protected:
  Goroutine() {
    inner_.function = "lab::next_job(lab::pool&)";
    inner_.file = "/src/lab.cpp";
    inner_.line = 82;
    site_.function = "lab::run()";
    site_.file = "/src/lab.cpp";
    site_.line = 10;
    task_.set_id(7);
    task_.set_state(v1::Task::BLOCKED);
    task_.mutable_wait()->set_kind(v1::Wait::CHANNEL_RECEIVE);
    task_.set_age_ms(5 * 60'000 + 59'000);
    what_.frames.push_back({&inner_, false});
    what_.spawned_at = &site_;
  }
  [[nodiscard]] std::string written() const {
    fmt::memory_buffer out;
    cli::stack_profile stacks;
    cli::write_goroutine(out, task_, what_, stacks);
    return fmt::to_string(out);
  }

  cli::frame inner_, site_;
  v1::Task task_;
  cli::resolved what_;
};

TEST_F(Goroutine, HasItsWaitItsStackAndWhoCreatedIt) {
  EXPECT_EQ(written(),
            "goroutine 7 [chan receive, 5 minutes]:\n"
            "lab::next_job(...)\n"
            "\t/src/lab.cpp:82 +0x52\n"
            "created by lab::run\n"
            "\t/src/lab.cpp:10 +0xa\n"
            "\n");
}

TEST_F(Goroutine, WhatIsNotKnownIsLeftOut) {
  task_.set_age_unknown(true);
  inner_.file.clear();
  what_.spawned_at = nullptr;
  EXPECT_EQ(written(), "goroutine 7 [chan receive]:\nlab::next_job(...)\n\t??:0 +0x52\n\n");
  what_.frames.clear();
  EXPECT_EQ(written(), "goroutine 7 [chan receive]:\n\tgoroutine running on other thread; stack unavailable\n\n");
}

TEST_F(Goroutine, WaitsForWhatGoCallsSoWhereItHasAWord) {
  const auto waits = [this](v1::Wait::Kind kind) {
    task_.mutable_wait()->set_kind(kind);
    return cli::goroutine_state(task_, what_);
  };
  EXPECT_EQ(waits(v1::Wait::CHANNEL_SEND), "chan send");
  EXPECT_EQ(waits(v1::Wait::TIMER), "sleep");
  EXPECT_EQ(waits(v1::Wait::SOCKET_ACCEPT), "IO wait");
  EXPECT_EQ(waits(v1::Wait::DESCRIPTOR_READ), "IO wait");
  EXPECT_EQ(waits(v1::Wait::POST), "runnable");
  EXPECT_EQ(waits(v1::Wait::SIGNAL), "signal");
  EXPECT_EQ(waits(v1::Wait::TASKS), "tasks");
  EXPECT_EQ(waits(v1::Wait::OTHER), "blocked");
  const std::string operation = "pool<int, char>::async_acquire()";
  what_.operation = &operation;
  EXPECT_EQ(waits(v1::Wait::OTHER), "pool<int_ char>::async_acquire()");
  task_.add_also()->set_kind(v1::Wait::TIMER);
  EXPECT_EQ(waits(v1::Wait::SOCKET_READ), "select");
  task_.set_state(v1::Task::RUNNING);
  EXPECT_EQ(cli::goroutine_state(task_, what_), "running");
  task_.set_state(v1::Task::READY);
  EXPECT_EQ(cli::goroutine_state(task_, what_), "runnable");
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

TEST_F(OfALab, GoReadsCountsOfGoroutines) {
  if (!has_go()) GTEST_SKIP() << "there is no go (Debian: golang-go)";
  const auto file = (folder_ / "counts").string();
  const auto made =
      tasks_command({"stack", "-p", lab_.pid_text(), "--format", "goroutine-counts", "--kind", "channel-send"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("tasks profile: total 2\n"));
  EXPECT_THAT(made.out, ContainsRegex("#\t0x[0-9a-f]+\tlab::ask_replica\\(.*\\)\\+0x[0-9a-f]+\t/.*lab.cpp:[0-9]+\n"));
  std::ofstream(file) << made.out;
  const auto go = [&](const std::string& what) {
    return run({"go", "tool", "pprof", what, "-symbolize=none", file},
               {"HOME=" + folder_.string(), "PPROF_TMPDIR=" + folder_.string()});
  };
  const auto top = go("-top");
  EXPECT_EQ(top.end.code, 0) << top.err;
  EXPECT_THAT(top.out, HasSubstr("Type: tasks\n"));
  EXPECT_THAT(top.out, HasSubstr("of 2 total"));
  EXPECT_THAT(go("-traces").out, ContainsRegex("\n +2 "));
}

/// What a reader of Go's takes: a header, functions with a place each, who created it, a blank line.
TEST_F(OfALab, IsAStackATaskAsGoPrintsThem) {
  const auto made = tasks_command({"stack", "-p", lab_.pid_text(), "--format", "goroutines"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  const std::regex block(
      "goroutine [0-9]+ \\[[^\\]]+\\]:\n"
      "(?:(?:.+\\(\\.\\.\\.\\)\n\t.+:[0-9]+ \\+0x[0-9a-f]+\n)+|\tgoroutine running on other thread; stack "
      "unavailable\n)"
      "(?:created by .+\n\t.+:[0-9]+ \\+0x[0-9a-f]+\n)?\n");
  const std::vector<std::smatch> blocks(std::sregex_iterator(made.out.begin(), made.out.end(), block), {});
  std::size_t length = 0, senders = 0;
  for (const auto& each : blocks) {
    length += static_cast<std::size_t>(each.length());
    if (each.str().find("[chan send]") != std::string::npos) ++senders;
  }
  EXPECT_EQ(length, made.out.size()) << made.out;
  EXPECT_EQ(senders, 2U);
  EXPECT_GT(blocks.size(), senders);
  EXPECT_THAT(made.out, HasSubstr("created by lab::leak_send\n"));
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
                                              {"--format", "folded", "--locals"},
                                              {"--format", "goroutines", "--group"}}) {
    words command{"stack", "-p", lab_.pid_text()};
    command.insert(command.end(), wrong.begin(), wrong.end());
    const auto seen = tasks_command(command);
    EXPECT_EQ(seen.end.code, 2) << ::testing::PrintToString(wrong);
    EXPECT_EQ(seen.out, "") << ::testing::PrintToString(wrong);
  }
}

}  // namespace
}  // namespace tasks::testing
