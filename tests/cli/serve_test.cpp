// `tasks serve`: what it answers, against what the commands print.

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <optional>
#include <set>

#include "support/client.hpp"
#include "support/http.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

template <class View>
View view_at(const http_host& host, const std::string& path) {
  const auto got = get(host.port(), path);
  EXPECT_EQ(got.status, 200) << path << "\n" << got.body;
  EXPECT_EQ(got.headers.at("content-type"), "application/json; charset=utf-8") << path;
  View view;
  const auto parsed = google::protobuf::util::JsonStringToMessage(got.body, &view);
  EXPECT_TRUE(parsed.ok()) << path << "\n" << got.body;
  return view;
}

/// A lab that is at rest, so that two looks at it are alike.
class Serve : public ::testing::Test {
 protected:
  void SetUp() override { wait_until_shown({"stack", "--kind", "socket-accept", lab_.pid_text()}, "listener"); }
  [[nodiscard]] std::string of_lab(const std::string& what) const {
    return "/api/v1/processes/" + lab_.pid_text() + "/" + what;
  }

  program lab_{{program_path("lab")}};
  http_host host_{{"--process", "lab"}};
};

TEST_F(Serve, ListsProcesses) {
  const auto list = view_at<v1::ListView>(host_, "/api/v1/processes");
  const auto its = std::find_if(list.processes().begin(), list.processes().end(),
                                [&](const auto& each) { return each.pid() == static_cast<std::uint32_t>(lab_.pid()); });
  ASSERT_NE(its, list.processes().end());
  EXPECT_EQ(its->name(), "lab");
  EXPECT_GT(its->tasks(), 0U);
  for (const auto& each : list.processes()) EXPECT_EQ(each.name(), "lab");
}

TEST_F(Serve, TellsWhatTheCommandsPrint) {
  const auto vitals = view_at<v1::VitalsView>(host_, of_lab("vitals"));
  EXPECT_EQ(vitals.tasks(), view<v1::VitalsView>({"vitals", lab_.pid_text()}).tasks());
  const auto groups = view_at<v1::StackView>(host_, of_lab("stack?group&kind=channel-receive"));
  const auto printed = view<v1::StackView>({"stack", lab_.pid_text(), "--group", "--kind", "channel-receive"});
  ASSERT_EQ(groups.groups_size(), printed.groups_size());
  ASSERT_GT(groups.groups_size(), 0);
  EXPECT_EQ(groups.groups(0).frames(0).function(), printed.groups(0).frames(0).function());
  EXPECT_GT(view_at<v1::TreeView>(host_, of_lab("tree")).shown(), 0U);
  EXPECT_GT(view_at<v1::ThreadsView>(host_, of_lab("threads")).threads_size(), 0);
  EXPECT_EQ(view_at<v1::WhyView>(host_, of_lab("why?task=1")).task().id(), 1U);
  view_at<v1::OperationsView>(host_, of_lab("operations"));
  view_at<v1::ChannelsView>(host_, of_lab("channels?all-frames"));
}

TEST(ServeManyAtOnce, IsOneLookForAll) {
  const program lab({program_path("lab")});
  wait_until_shown({"stack", "--kind", "socket-accept", lab.pid_text()}, "listener");
  const http_host host({"--process", "lab", "--max-age", "3600"});
  const auto path = "/api/v1/processes/" + lab.pid_text() + "/stack";
  std::vector<std::future<http_reply>> asked;
  for (int i = 0; i < 10; ++i) asked.push_back(std::async(std::launch::async, [&] { return get(host.port(), path); }));
  std::set<std::string> bodies;
  for (auto& each : asked) {
    const auto got = each.get();
    EXPECT_EQ(got.status, 200) << got.body;
    EXPECT_TRUE(got.headers.contains("age"));
    bodies.insert(got.body);
  }
  // Ages are told to the millisecond: of two looks they differ.
  EXPECT_EQ(bodies.size(), 1U);
}

TEST_F(Serve, SavesARecordingThatEveryViewCanBeAskedOf) {
  const auto got = get(host_.port(), of_lab("recording"));
  ASSERT_EQ(got.status, 200);
  EXPECT_THAT(got.headers.at("content-disposition"),
              AllOf(StartsWith("attachment; filename=\"lab-" + lab_.pid_text() + "-"), HasSubstr(".tasks\"")));
  char name[] = "/tmp/tasks-test-XXXXXX";
  const fs::path folder = ::mkdtemp(name);
  std::ofstream(folder / "saved.tasks") << got.body;
  const auto from = (folder / "saved.tasks").string();
  EXPECT_THAT(run({tasks_executable(), "stack", "--from", from}).out, HasSubstr("lab::worker"));
  EXPECT_EQ(run({tasks_executable(), "threads", "--from", from}).end.code, 0);
  fs::remove_all(folder);
}

TEST_F(Serve, SaysWhatIsWrongWithAQuestion) {
  const auto gone = get(host_.port(), "/api/v1/processes/999999999/stack");
  EXPECT_EQ(gone.status, 404);
  EXPECT_THAT(gone.body, HasSubstr(R"("code":"no-such-process","subject":"pid 999999999","fact":"no such process")"));
  const auto unknown = get(host_.port(), of_lab("stack?gruop"));
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.body, HasSubstr(R"("subject":"gruop","fact":"stack has no such option")"));
  const auto kind = get(host_.port(), of_lab("stack?kind=chanel-receive"));
  EXPECT_EQ(kind.status, 400);
  EXPECT_THAT(kind.body, HasSubstr("did you mean channel-receive?"));
  EXPECT_EQ(get(host_.port(), of_lab("stack?group=maybe")).status, 400);
  EXPECT_EQ(get(host_.port(), of_lab("why")).status, 400);
  EXPECT_EQ(get(host_.port(), of_lab("why?task=x")).status, 400);
  EXPECT_EQ(get(host_.port(), of_lab("why?task=99999999")).status, 404);
  EXPECT_EQ(get(host_.port(), of_lab("nothing")).status, 404);
  EXPECT_EQ(get(host_.port(), "/api/v1/processes/0/stack").status, 404);
  EXPECT_EQ(get(host_.port(), "/api/v1/processes/-1/stack").status, 404);
  EXPECT_EQ(get(host_.port(), "/etc/passwd").status, 404);
  EXPECT_EQ(get(host_.port(), "/assets/../../etc/passwd").status, 404);
}

/// Options by which a command would read or write other files, or other processes, are none here.
TEST_F(Serve, OffersNothingThatReachesBeyondTheProcess) {
  for (const char* option :
       {"from=/etc/passwd", "core=/etc/passwd", "exe=/bin/true", "pid=1", "output=/tmp/x", "o=/tmp/x", "watch",
        "format=pprof", "at=1", "help", "direct", "no-hook", "interval=1h", "json"})
    EXPECT_EQ(get(host_.port(), of_lab(std::string("stack?") + option)).status, 400) << option;
  EXPECT_EQ(get(host_.port(), "/api/v1/processes/" + host_.process().pid_text() + "/stack").status, 404)
      << "it is called otherwise than what was chosen";
}

TEST_F(Serve, DescribesItself) {
  const auto got = get(host_.port(), "/api/v1/openapi.json");
  EXPECT_EQ(got.status, 200);
  EXPECT_THAT(got.body,
              AllOf(HasSubstr(R"("openapi":"3.1.0")"), HasSubstr("/api/v1/processes/{pid}/leaks"),
                    HasSubstr(R"("name":"older-than")"), HasSubstr(R"("/api/v1/replays":{"post":{)"),
                    HasSubstr(R"("name":"replay","in":"query")"), HasSubstr(R"("$ref":"/api/v1/schema/stack")")));
  EXPECT_THAT(get(host_.port(), "/api/v1/schema/stack").body, HasSubstr("$defs"));
  EXPECT_EQ(get(host_.port(), "/api/v1/schema/none").status, 404);
}

TEST_F(Serve, TellsEventsAndTheEndOfTheProcess) {
  client listening(host_.port());
  listening.send("GET " + of_lab("events") + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string got;
  while (got.find("event: live\n") == got.npos || !got.ends_with("\n\n")) got += listening.receive(1);
  EXPECT_THAT(got, AllOf(HasSubstr("Content-Type: text/event-stream"), HasSubstr(R"("function":"lab::worker()"),
                         HasSubstr(R"("kind":"channel-receive")")));
  lab_.send_signal(SIGKILL);
  while (got.find("event: ended\n") == got.npos || !got.ends_with("\n\n")) got += listening.receive(1);
  EXPECT_THAT(got, HasSubstr(R"("code":"no-such-process")"));
}

TEST_F(Serve, TellsTheListAsEvents) {
  client listening(host_.port());
  listening.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string got;
  while (got.find("event: processes\n") == got.npos || !got.ends_with("\n\n")) got += listening.receive(1);
  EXPECT_THAT(got, HasSubstr("\"pid\":" + lab_.pid_text()));
}

TEST_F(Serve, KeepsTotals) {
  const auto tasks_of_lab = [&]() -> std::uint64_t {
    const auto seen = view_at<v1::HistoryView>(host_, "/api/v1/history");
    for (const auto& each : seen.processes())
      if (each.pid() == static_cast<std::uint32_t>(lab_.pid()) && each.points_size() > 0) return each.points(0).tasks();
    return 0;
  };
  const auto begin = std::chrono::steady_clock::now();
  while (tasks_of_lab() == 0) ASSERT_LT(std::chrono::steady_clock::now() - begin, guard);
}

TEST_F(Serve, TellsBrowsersThatNothingOfOthersBelongsHere) {
  for (const auto* path : {"/", "/metrics", "/api/v1/processes", "/none"}) {
    const auto got = get(host_.port(), path);
    EXPECT_THAT(got.headers.at("content-security-policy"), HasSubstr("default-src 'none'")) << path;
    EXPECT_EQ(got.headers.at("x-content-type-options"), "nosniff") << path;
    EXPECT_FALSE(got.headers.contains("access-control-allow-origin")) << path;
  }
  EXPECT_EQ(get(host_.port(), "/metrics", {{"Host", "evil.example"}}).status, 421);
  EXPECT_EQ(get(host_.port(), "/metrics", {{"Origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(get(host_.port(), "/metrics", {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
}

TEST_F(Serve, EndsAsItIsAskedTo) {
  EXPECT_EQ(host_.stop(), (ending{.code = 0}));
  EXPECT_EQ(lab_.stop(), (ending{.code = 0}));
}

TEST_F(Serve, IsNoBodysProfilerOfTwoThingsAtOnce) {
  EXPECT_EQ(get(host_.port(), "/debug/pprof/profile?pid=" + lab_.pid_text() + "&seconds=0").status, 400);
  EXPECT_EQ(get(host_.port(), "/debug/pprof/profile?pid=" + lab_.pid_text() + "&seconds=100000").status, 400);
  EXPECT_EQ(get(host_.port(), "/debug/pprof/tasks?pid=" + lab_.pid_text() + "&debug=7").status, 400);
  EXPECT_EQ(get(host_.port(), "/debug/pprof/heap").status, 404);
  EXPECT_THAT(get(host_.port(), "/debug/pprof/").body, HasSubstr("lab " + lab_.pid_text()));
}

TEST_F(Serve, TellsGosToolsWhatTheyAskFor) {
  const auto tasks = "/debug/pprof/tasks?pid=" + lab_.pid_text();
  EXPECT_THAT(get(host_.port(), tasks + "&debug=1").body,
              AllOf(StartsWith("tasks profile: total "), HasSubstr("lab::worker")));
  EXPECT_THAT(get(host_.port(), tasks + "&debug=2").body, AllOf(StartsWith("goroutine 1 ["), HasSubstr("lab::worker")));
  if (run({"sh", "-c", "command -v go"}).end.code != 0) GTEST_SKIP() << "no Go (Debian: golang-go)";
  char name[] = "/tmp/tasks-test-XXXXXX";
  const fs::path home = ::mkdtemp(name);
  for (const auto& path : {tasks, "/debug/pprof/goroutine?pid=" + lab_.pid_text()}) {
    const auto top = run({"go", "tool", "pprof", "-top", "http://127.0.0.1:" + std::to_string(host_.port()) + path},
                         {"HOME=" + home.string(), "PPROF_TMPDIR=" + home.string()});
    EXPECT_EQ(top.end.code, 0) << top.err;
    EXPECT_THAT(top.out, HasSubstr("lab::worker"));
  }
  fs::remove_all(home);
}

/// A recording of a lab that has ended since, and a server that has a folder of its own for files.
class ServeReplays : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    fs::create_directory(folder_ / "passing");
    host_.emplace(std::vector<std::string>{"--process", "nobody"},
                  environment{"TMPDIR=" + (folder_ / "passing").string()});
    program lab({program_path("lab")});
    wait_until_shown({"stack", "--kind", "socket-accept", lab.pid_text()}, "listener");
    pid_ = lab.pid_text();
    file_ = (folder_ / "lab.tasks").string();
    for (int i = 0; i < 2; ++i) {
      const auto recorded = run({tasks_executable(), "record", "-p", pid_, "-o", file_, "--for", "0"});
      ASSERT_EQ(recorded.end.code, 0) << recorded.err;
    }
    lab.stop();
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string recorded() const {
    std::ifstream file(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] http_reply bring(const std::string& bytes, http_headers headers = {{"Tasks-Replay", "1"}}) const {
    return post(host_->port(), "/api/v1/replays", bytes, headers);
  }
  /// "replay=ID"
  [[nodiscard]] std::string replay(const std::string& bytes) const {
    const auto got = bring(bytes);
    EXPECT_EQ(got.status, 201) << got.body;
    const auto location = got.headers.contains("location") ? got.headers.at("location") : "?";
    return location.substr(location.find('?') + 1);
  }
  [[nodiscard]] std::string of_lab(const std::string& what) const { return "/api/v1/processes/" + pid_ + "/" + what; }

  fs::path folder_;
  std::optional<http_host> host_;
  std::string pid_, file_;
};

TEST_F(ServeReplays, AnswerWithTheViewsOfARecordingThatIsBrought) {
  const auto which = replay(recorded());
  const auto list = view_at<v1::ListView>(*host_, "/api/v1/processes?" + which);
  ASSERT_EQ(list.processes_size(), 1);
  EXPECT_EQ(std::to_string(list.processes(0).pid()), pid_);
  const auto stack = get(host_->port(), of_lab("stack?group&" + which));
  EXPECT_EQ(stack.body, run({tasks_executable(), "stack", "--group", "--json", "--from", file_}).out);
  EXPECT_THAT(stack.headers.at("tasks-notes"), HasSubstr("snapshot 2 of 2"));
  EXPECT_FALSE(stack.headers.contains("age")) << "how old it is nobody knows";
  EXPECT_THAT(get(host_->port(), of_lab("stack?at=1&" + which)).headers.at("tasks-notes"),
              HasSubstr("snapshot 1 of 2"));
  EXPECT_EQ(view_at<v1::WhyView>(*host_, of_lab("why?task=1&" + which)).task().id(), 1U);
  for (const auto& only :
       {"/debug/pprof/tasks?debug=2&" + which, "/debug/pprof/tasks?debug=2&pid=" + pid_ + "&" + which})
    EXPECT_THAT(get(host_->port(), only).body, AllOf(StartsWith("goroutine 1 ["), HasSubstr("lab::worker")));
  EXPECT_EQ(get(host_->port(), of_lab("stack")).status, 404) << "it has ended";
  EXPECT_THAT(get(host_->port(), "/api/v1/processes").body, Not(HasSubstr("\"pid\":" + pid_)));
}

TEST_F(ServeReplays, SayWhatIsWrongWithAQuestion) {
  const auto which = replay(recorded());
  EXPECT_EQ(get(host_->port(), of_lab("events?" + which)).status, 400);
  EXPECT_EQ(get(host_->port(), of_lab("recording?" + which)).status, 400);
  EXPECT_EQ(get(host_->port(), "/debug/pprof/profile?" + which).status, 400);
  EXPECT_EQ(get(host_->port(), of_lab("stack?at=3&" + which)).status, 400);
  EXPECT_EQ(get(host_->port(), of_lab("stack?from=/etc/passwd&" + which)).status, 400);
  EXPECT_THAT(get(host_->port(), "/api/v1/processes/1/stack?" + which).body, HasSubstr("no such process was recorded"));
  const auto gone = get(host_->port(), of_lab("stack?replay=" + std::string(32, '0')));
  EXPECT_EQ(gone.status, 404);
  EXPECT_THAT(gone.body, HasSubstr("it is not here, or not any more"));
}

TEST_F(ServeReplays, AreRecordingsAndNothingElse) {
  const auto whole = recorded();
  for (const auto& none : {std::string(), std::string("hello\n"), std::string(100'000, '\0'), whole.substr(0, 20),
                           std::string("\x7f"
                                       "ELF") +
                               std::string(5000, 'x')}) {
    const auto got = bring(none);
    EXPECT_EQ(got.status, 400) << got.body;
    EXPECT_THAT(got.body, HasSubstr(R"("subject":"the recording")"));
    EXPECT_THAT(got.body, AnyOf(HasSubstr("no recording of tasks"), HasSubstr("there is no snapshot in it")));
  }
  // What was cut off is missing, and said to be.
  const auto which = replay(whole.substr(0, whole.size() - 10));
  EXPECT_THAT(get(host_->port(), of_lab("stack?" + which)).headers.at("tasks-notes"),
              AllOf(HasSubstr("snapshot 1 of 1"), HasSubstr("cut off")));
}

/// Each byte of it may have been changed by somebody who means no good: a process of its own reads it, and ends.
TEST_F(ServeReplays, ThatAreForgedHarmNobody) {
  const auto whole = recorded();
  for (std::size_t at = 0; at < whole.size(); at += whole.size() / 20 + 1) {
    auto forged = whole;
    forged[at] = static_cast<char>(forged[at] ^ 0x55);
    const auto got = bring(forged);
    EXPECT_THAT(got.status, AnyOf(201, 400)) << at << got.body;
    if (got.status != 201) continue;
    const auto location = got.headers.at("location");
    EXPECT_THAT(get(host_->port(), of_lab("stack" + location.substr(location.find('?')))).status,
                AnyOf(200, 400, 404, 502))
        << at;
  }
  EXPECT_EQ(bring(whole).status, 201);
}

TEST_F(ServeReplays, AreBroughtByNoOtherSite) {
  const auto whole = recorded();
  EXPECT_EQ(bring(whole, {}).status, 403);
  EXPECT_EQ(bring(whole, {{"Tasks-Replay", "1"}, {"Origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(bring(whole, {{"Tasks-Replay", "1"}, {"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(bring(whole, {{"Tasks-Replay", "1"}, {"Host", "evil.example"}}).status, 421);
  EXPECT_EQ(post(host_->port(), of_lab("stack"), whole, {{"Tasks-Replay", "1"}}).status, 405);
  const auto asked = get(host_->port(), "/api/v1/replays");
  EXPECT_EQ(asked.status, 405);
  EXPECT_EQ(asked.headers.at("allow"), "POST");
  const std::string begin = "POST /api/v1/replays HTTP/1.1\r\nHost: localhost\r\nTasks-Replay: 1\r\n";
  EXPECT_THAT(talk(host_->port(), begin + "Content-Length: 268435457\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(talk(host_->port(), begin + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), StartsWith("HTTP/1.1 411"));
}

TEST_F(ServeReplays, AreFourAtMostWithoutANameAnywhere) {
  const auto whole = recorded();
  std::vector<std::string> brought;
  for (int i = 0; i < 4; ++i) brought.push_back(replay(whole));
  EXPECT_EQ(std::set<std::string>(brought.begin(), brought.end()).size(), 4U);
  EXPECT_EQ(get(host_->port(), "/api/v1/processes?" + brought[0]).status, 200) << "which is a reason to keep it";
  brought.push_back(replay(whole));
  EXPECT_EQ(get(host_->port(), "/api/v1/processes?" + brought[1]).status, 404);
  for (const auto kept : {0U, 2U, 3U, 4U})
    EXPECT_EQ(get(host_->port(), "/api/v1/processes?" + brought[kept]).status, 200) << kept;
  EXPECT_TRUE(fs::is_empty(folder_ / "passing"));
}

/// `setpriv --reuid=UID`: another user of this machine.
outcome as_another(const std::string& command) {
  return run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c", command});
}

/// The first line of what the server says to another user who asks for the path.
std::string told_another(const http_host& host, const std::string& path, const std::string& header = "X: y") {
  return as_another("exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(host.port()) + "; printf 'GET " + path +
                    " HTTP/1.1\\r\\nHost: localhost\\r\\n" + header +
                    "\\r\\nConnection: close\\r\\n\\r\\n' >&3; head -n 1 <&3")
      .out;
}

TEST_F(Serve, TellsOtherUsersNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  EXPECT_THAT(told_another(host_, "/metrics"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(told_another(host_, "/api/v1/processes"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(told_another(host_, "/"), StartsWith("HTTP/1.1 200"));
}

class ServeWithToken : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    std::ofstream(folder_ / "token") << token_ << '\n';
    ::chmod((folder_ / "token").c_str(), 0600);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
  const std::string token_ = "0123456789abcdef0123456789abcdef";
};

TEST_F(ServeWithToken, AnswersWhoeverHasIt) {
  const http_host host({"--token-file", (folder_ / "token").string()});
  const auto without = get(host.port(), "/metrics");
  EXPECT_EQ(without.status, 401);
  EXPECT_EQ(without.headers.at("www-authenticate"), "Bearer");
  EXPECT_EQ(get(host.port(), "/metrics", {{"Authorization", "Bearer " + token_}}).status, 200);
  const auto followed = get(host.port(), "/debug/pprof/", {{"Sec-Fetch-Mode", "navigate"}});
  EXPECT_EQ(followed.status, 401);
  EXPECT_THAT(followed.headers.at("content-type"), StartsWith("text/html"));
  EXPECT_THAT(followed.body, AllOf(HasSubstr("href=\"/\""), HasSubstr("Authorization: Bearer")));
  EXPECT_EQ(post(host.port(), "/api/v1/replays", "x", {{"Tasks-Replay", "1"}}).status, 401);
  EXPECT_EQ(
      post(host.port(), "/api/v1/replays", "x", {{"Tasks-Replay", "1"}, {"Authorization", "Bearer " + token_}}).status,
      400);
  EXPECT_EQ(get(host.port(), "/").status, 200);
  if (::geteuid() != 0) return;
  EXPECT_THAT(told_another(host, "/metrics", "Authorization: Bearer " + token_), StartsWith("HTTP/1.1 200"));
}

TEST(ServeRefuses, WhatWouldShowProcessesToOtherMachines) {
  const auto open = run({serve_executable(), "serve", "--listen", "0.0.0.0:0"});
  EXPECT_EQ(open.end.code, 2);
  EXPECT_EQ(open.err,
            "tasks: --listen 0.0.0.0:0: others could ask from other machines (add --token-file FILE, or listen on "
            "127.0.0.1 or unix:/PATH)\n");
}

TEST(ServeRefuses, WhatMakesNoSense) {
  EXPECT_THAT(run({serve_executable(), "serve", "--listen", "127.0.0.1"}).err, HasSubstr("it has no port"));
  EXPECT_THAT(run({serve_executable(), "serve", "--token-file", "/none"}).err, HasSubstr("No such file or directory"));
  EXPECT_THAT(run({serve_executable(), "serve", "--process", "("}).err, HasSubstr("--process (: "));
  EXPECT_EQ(run({serve_executable(), "serve", "more"}).end.code, 2);
}

TEST(ServeOnAUnixSocket, AnswersItsOwner) {
  char name[] = "/tmp/tasks-test-XXXXXX";
  const fs::path folder = ::mkdtemp(name);
  const auto path = (folder / "socket").string();
  program host(program::unready(),
               {"sh", "-c", "exec \"$0\" serve --listen unix:" + path + " 2>&1", serve_executable()});
  host.read_until("tasks: serving unix:");
  const auto asked =
      run({"python3", "-c",
           "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
           "s.sendall(b'GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n')\n"
           "print(s.makefile().read())",
           path});
  EXPECT_THAT(asked.out, StartsWith("HTTP/1.1 200"));
  host.send_signal(SIGTERM);
  EXPECT_EQ(host.wait(), (ending{.code = 0}));
  EXPECT_FALSE(fs::exists(path));
  fs::remove_all(folder);
}

/// As systemd starts it: sockets from 3 on, and whom they are for.
TEST(ServeOfSystemd, TakesItsSocket) {
  const std::string starter =
      "import os,socket,sys\ns=socket.socket()\ns.bind(('127.0.0.1',0))\ns.listen()\n"
      "print('port',s.getsockname()[1],flush=True)\nos.dup2(s.fileno(),3)\nos.set_inheritable(3,True)\n"
      "os.environ['LISTEN_PID']=str(os.getpid())\nos.environ['LISTEN_FDS']='1'\nos.dup2(1,2)\n"
      "os.execv(sys.argv[1],[sys.argv[1],'serve'])";
  program host(program::unready(), {"python3", "-c", starter, serve_executable()});
  const auto port = host.read_until("port ");
  host.read_until("tasks: serving http://127.0.0.1:" + port);
  EXPECT_EQ(get(static_cast<std::uint16_t>(std::stoul(port)), "/metrics").status, 200);
  host.send_signal(SIGTERM);
  EXPECT_EQ(host.wait(), (ending{.code = 0}));
}

TEST(ServeOfTasks, BecomesTasksServe) {
  program host(program::unready(), {"sh", "-c", "exec \"$0\" serve --listen 127.0.0.1:0 2>&1", tasks_executable()});
  const auto url = host.read_until("tasks: serving http://127.0.0.1:");
  EXPECT_EQ(get(static_cast<std::uint16_t>(std::stoul(url)), "/metrics").status, 200);
  host.send_signal(SIGINT);
  EXPECT_EQ(host.wait(), (ending{.code = 0}));
}

}  // namespace
}  // namespace tasks::testing
