// --json: one document in protobuf's canonical mapping, with the documented names.

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <regex>
#include <set>

#include "base/json.hpp"
#include "support/lab_script.hpp"
#include "support/program.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::testing {
namespace {

std::string output_of(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  const auto seen = run(words);
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_EQ(seen.err, "");
  return seen.out;
}

/// Parses strictly: an unknown or misspelt field is an error.
template <class View>
View parse(const std::string& json) {
  View view;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &view);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
  return view;
}

void expect_fields(const std::string& json, std::initializer_list<const char*> fields) {
  for (const char* field : fields) EXPECT_NE(json.find(field), std::string::npos) << field << " in " << json;
}

TEST(Json, OfVitalsHasEveryCountZerosToo) {
  auto script = lab_script();
  script.vitals.set_ready(0);
  const fake_agent lab(script);
  const auto json = output_of({"vitals", lab.pid_text(), "--json"});
  const auto view = parse<v1::VitalsView>(json);
  EXPECT_EQ(view.schema_version(), 2u);
  EXPECT_EQ(view.pid(), static_cast<std::uint32_t>(lab.pid()));
  EXPECT_EQ(view.tasks(), 14u);
  ASSERT_EQ(view.blocked_channels_size(), 2);
  EXPECT_EQ(view.blocked_channels(0).frames(1).function(), "worker(std::shared_ptr<chan>)");
  EXPECT_DOUBLE_EQ(view.blocked_channels(0).wait().seconds(), 192.345);
  expect_fields(
      json, {"\"schemaVersion\":2", "\"tasks\":14", "\"running\":1", "\"blocked\":12", "\"ready\":0", "\"osThreads\":9",
             "\"workers\":4", "\"cpus\":4", "\"blockedOnChannels\":11", "\"blockedChannels\":[{\"count\":10",
             "\"kind\":\"CHANNEL_RECEIVE\"", "\"allOnChannels\":false", "\"findings\":[]"});
}

TEST(Json, OfStacksNamesEveryFieldOfATask) {
  const fake_agent lab(lab_script());
  const auto json = output_of({"stack", lab.pid_text(), "--json"});
  const auto view = parse<v1::StackView>(json);
  ASSERT_EQ(view.tasks_size(), 6);
  EXPECT_EQ(view.shown(), 6u);
  EXPECT_TRUE(view.complete());
  const auto& worker = view.tasks(3);
  EXPECT_EQ(worker.id(), 7u);
  EXPECT_EQ(worker.wait().object(), "0x7f1234567890");
  ASSERT_EQ(worker.frames_size(), 2);
  EXPECT_EQ(worker.frames(0).function(), "inner(chan&)");
  EXPECT_EQ(worker.frames(0).file(), "/src/lab/pool.cpp");
  expect_fields(json, {"\"id\":7", "\"parentId\":1", "\"name\":\"conn 42\"", "\"labels\":{\"user\":\"ann\"}",
                       "\"state\":\"BLOCKED\"", "\"capacity\":16", "\"fd\":4000", "\"seconds\":192.345", "\"line\":31",
                       "\"shown\":6", "\"total\":6", "\"complete\":true"});
}

TEST(Json, OfATaskThatDoesNotWaitHasNoWait) {
  const fake_agent lab(lab_script());
  const auto view = parse<v1::StackView>(output_of({"stack", lab.pid_text(), "--json"}));
  ASSERT_EQ(view.tasks_size(), 6);
  EXPECT_FALSE(view.tasks(4).has_wait());
  EXPECT_EQ(view.tasks(4).state(), v1::Task::RUNNING);
  EXPECT_FALSE(view.tasks(3).wait().has_fd());
  EXPECT_FALSE(view.tasks(0).wait().has_capacity());
}

TEST(Json, OfGroupsNamesEveryField) {
  const fake_agent lab(lab_script());
  const auto json = output_of({"stack", lab.pid_text(), "--group", "--json"});
  const auto view = parse<v1::StackView>(json);
  ASSERT_EQ(view.groups_size(), 2);
  EXPECT_EQ(view.tasks_size(), 0);
  EXPECT_EQ(view.groups(0).ids_size(), 3);
  expect_fields(json, {"\"groups\":[", "\"count\":10", "\"oldestSeconds\":192.345", "\"ids\":[7,8,9]"});
}

TEST(Json, OfGroupsNamesEveryTaskIfAsked) {
  const fake_agent lab(lab_script());
  std::multiset<std::uint64_t> tasks, members;
  const auto single = parse<v1::StackView>(output_of({"stack", lab.pid_text(), "--json"}));
  for (const auto& task : single.tasks()) tasks.insert(task.id());
  const auto view = parse<v1::StackView>(output_of({"stack", lab.pid_text(), "--group", "--ids", "--json"}));
  EXPECT_EQ(view.tasks_size(), 0);
  for (const auto& group : view.groups()) {
    EXPECT_EQ(group.count(), static_cast<std::uint64_t>(group.ids_size()));
    EXPECT_TRUE(std::is_sorted(group.ids().begin(), group.ids().end()));
    members.insert(group.ids().begin(), group.ids().end());
  }
  EXPECT_EQ(members, tasks);
}

TEST(Json, OfATreeNests) {
  const fake_agent lab(lab_script());
  const auto view = parse<v1::TreeView>(output_of({"tree", lab.pid_text(), "--json"}));
  ASSERT_EQ(view.roots_size(), 2);
  ASSERT_EQ(view.roots(0).children_size(), 2);
  EXPECT_EQ(view.roots(0).task().id(), 1u);
  EXPECT_EQ(view.roots(0).children(0).task().id(), 4u);
  ASSERT_EQ(view.roots(0).children(0).children_size(), 1);
  EXPECT_EQ(view.roots(0).children(0).children(0).task().id(), 5u);
  EXPECT_EQ(view.roots(1).task().id(), 18u);
}

TEST(Json, OfAListSaysWhoAnswered) {
  auto off = small_script();
  off.status = layout::agent_status::off;
  off.listens = false;
  auto quiet = small_script();
  quiet.how = fake_agent::manner::says_nothing;
  const fake_agent answers(lab_script()), absent(off), silent(quiet);
  // Longer than it takes anybody to answer, on a machine however busy.
  const auto json = output_of({"list", "--json", "--timeout", "3"});
  const auto view = parse<v1::ListView>(json);
  int found = 0;
  for (const auto& process : view.processes()) {
    const auto pid = static_cast<pid_t>(process.pid());
    if (pid == answers.pid()) {
      EXPECT_EQ(process.agent(), v1::ProcessView::ANSWERED);
      EXPECT_EQ(process.tasks(), 14u);
      EXPECT_EQ(process.reason(), "");
    } else if (pid == absent.pid()) {
      EXPECT_EQ(process.agent(), v1::ProcessView::ABSENT);
      EXPECT_EQ(process.reason(), "no agent: TASKS_AGENT=off in its environment");
    } else if (pid == silent.pid()) {
      EXPECT_EQ(process.agent(), v1::ProcessView::SILENT);
    } else {
      continue;
    }
    ++found;
    EXPECT_EQ(process.name(), "cli_json_test");
    EXPECT_GT(process.os_threads(), 0u);
  }
  EXPECT_EQ(found, 3);
  expect_fields(json, {"\"schemaVersion\":2", "\"processes\":[", "\"ppid\":", "\"executable\":\"/",
                       "\"agent\":\"ANSWERED\"", "\"osThreads\":", "\"uptimeSeconds\":"});
}

TEST(Json, OfAListHasNullsWhereOneMayNotAsk) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const fake_agent lab(lab_script());
  const auto seen =
      run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", tasks_executable(), "list", "--json"});
  if (seen.end.code != 0) GTEST_SKIP() << "nobody else may run it here: " << seen.err;
  const auto at = seen.out.find("{\"pid\":" + lab.pid_text() + ",");
  ASSERT_NE(at, std::string::npos) << seen.out;
  expect_fields(seen.out.substr(at, seen.out.find("\n", at) - at),
                {"\"agent\":\"DENIED\"", "\"tasks\":null", "\"blocked\":null", "\"reason\":\"permission denied\""});
}

TEST(Json, ThatBreaksOffIsStillADocumentAndSaysSo) {
  auto script = lab_script();
  script.how = fake_agent::manner::closes_half_way;
  const fake_agent lab(script);
  const auto seen = run({tasks_executable(), "stack", lab.pid_text(), "--json"});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_FALSE(parse<v1::StackView>(seen.out).complete());
}

/// A message with every kind of field that view.proto has.
v1::TaskView full_task() {
  v1::TaskView task;
  task.set_id(18'446'744'073'709'551'615u);
  task.set_name("a \"quoted\" \\ name\n\t\x01\x7f with ümläuts and 日本");
  (*task.mutable_labels())["key"] = "value";
  task.set_state(static_cast<v1::Task::State>(77));
  task.mutable_wait()->set_kind(v1::Wait::TIMER);
  task.mutable_wait()->set_expires_in_seconds(-0.125);
  task.mutable_wait()->set_fd(0);
  for (const char* name : {"worker(std::shared_ptr<chan>)", ""}) task.add_frames()->set_function(name);
  task.set_age_seconds(1e22);
  return task;
}

TEST(JsonPrinter, WritesWhatProtobufReads) {
  for (const auto& task : {full_task(), v1::TaskView()}) {
    fmt::memory_buffer json;
    cli::print_json(json, task);
    EXPECT_EQ(parse<v1::TaskView>(fmt::to_string(json)).SerializeAsString(), task.SerializeAsString());
  }
}

/// protobuf's own order is another one in each process, and with it each run would print something else.
TEST(JsonPrinter, WritesMapsInTheOrderOfTheirKeys) {
  v1::TaskView task;
  std::string expected;
  for (char key = 'z'; key >= 'a'; --key) (*task.mutable_labels())[std::string(1, key)] = "v";
  for (char key = 'a'; key <= 'z'; ++key)
    expected += (expected.empty() ? "\"" : ",\"") + std::string(1, key) + "\":\"v\"";
  fmt::memory_buffer json;
  cli::print_json(json, task);
  EXPECT_NE(fmt::to_string(json).find("\"labels\":{" + expected + "}"), std::string::npos) << fmt::to_string(json);
}

TEST(JsonPrinter, WritesAsProtobufDoesButReadableAnglesNumbersAndNulls) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  auto full = full_task();
  // protobuf writes fields with presence after all others.
  full.mutable_wait()->clear_fd();
  full.mutable_wait()->clear_expires_in_seconds();
  full.clear_age_seconds();
  for (const auto& task : {full, v1::TaskView()}) {
    std::string expected;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(task, &expected, options).ok());
    constexpr std::pair<std::string_view, std::string_view> spellings[] = {
        {R"(\u003c)", "<"}, {R"(\u003e)", ">"}, {R"(\n)", R"(\u000a)"}, {R"(\t)", R"(\u0009)"}, {R"("0")", "0"}};
    for (const auto& [theirs, ours] : spellings) {
      for (auto at = expected.find(theirs); at != expected.npos; at = expected.find(theirs, at + ours.size())) {
        expected.replace(at, theirs.size(), ours);
      }
    }
    fmt::memory_buffer json;
    cli::print_json(json, task);
    EXPECT_EQ(std::regex_replace(fmt::to_string(json), std::regex(R"(,"[A-Za-z]+":null)"), ""), expected);
  }
}

TEST(JsonPrinter, WritesNumbersUpToWhatEveryReaderHasExactly) {
  v1::VitalsView view;
  view.set_tasks(9'007'199'254'740'991u);
  view.set_running(9'007'199'254'740'992u);
  fmt::memory_buffer json;
  cli::print_json(json, view);
  expect_fields(fmt::to_string(json),
                {R"("tasks":9007199254740991,)", R"("running":"9007199254740992",)", R"("ready":0,)"});
  EXPECT_EQ(parse<v1::VitalsView>(fmt::to_string(json)).SerializeAsString(), view.SerializeAsString());
}

TEST(JsonPrinter, WritesNullForWhatIsAbsent) {
  v1::WaitView wait;
  fmt::memory_buffer json;
  cli::print_json(json, wait);
  expect_fields(fmt::to_string(json), {R"("fd":null)", R"("expiresInSeconds":null)"});
  EXPECT_EQ(parse<v1::WaitView>(fmt::to_string(json)).SerializeAsString(), "");
}

TEST(JsonPrinter, EscapesWhatTerminalsObeyAndWhatNobodySees) {
  v1::FrameView frame;
  frame.set_file(
      "\xc2\x9b"
      "31m\x7f\u202e\u3164\U000e0041größe🦊");
  fmt::memory_buffer json;
  cli::print_json(json, frame);
  expect_fields(fmt::to_string(json), {R"("\u009b31m\u007f\u202e\u3164\udb40\udc41größe🦊")"});
  EXPECT_EQ(parse<v1::FrameView>(fmt::to_string(json)).file(), frame.file());
}

TEST(JsonPrinter, ReplacesBytesThatAreNoText) {
  v1::FrameView frame;
  frame.set_file("a\xff\xc3(\xed\xa0\x80z");
  fmt::memory_buffer json;
  cli::print_json(json, frame);
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_NE(fmt::to_string(json).find("\"a" + bad + bad + "(" + bad + bad + bad + "z\""), std::string::npos);
}

}  // namespace
}  // namespace tasks::testing
