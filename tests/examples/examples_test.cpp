/// Asio's own coroutine examples, as they are shipped, seen from outside while clients talk to them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "support/client.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::uint16_t echo_port = 55555;
[[maybe_unused]] constexpr std::uint16_t timeout_port = 54321;

enum class flavour { standalone, boost, newer };

std::string name_of(flavour kind) {
  return kind == flavour::standalone ? "standalone" : kind == flavour::boost ? "boost" : "newer";
}

void PrintTo(flavour kind, std::ostream* out) { *out << name_of(kind); }

std::string source([[maybe_unused]] flavour kind, const std::string& example) {
  std::string folder;
#if defined(TASKS_TEST_STANDALONE_EXAMPLES)
  if (kind == flavour::standalone) folder = TASKS_TEST_STANDALONE_EXAMPLES;
#endif
#if defined(TASKS_TEST_BOOST_EXAMPLES)
  if (kind == flavour::boost) folder = TASKS_TEST_BOOST_EXAMPLES;
#endif
#if defined(TASKS_TEST_NEWER_EXAMPLES)
  if (kind == flavour::newer) folder = TASKS_TEST_NEWER_EXAMPLES;
#endif
  return folder + '/' + example + ".cpp";
}

std::string executable(flavour kind, const std::string& example) {
  return program_path("example_" + name_of(kind) + "_" + example);
}

const v1::ProcessView* process(const v1::ListView& list, pid_t pid) {
  for (const v1::ProcessView& each : list.processes()) {
    if (static_cast<pid_t>(each.pid()) == pid) return &each;
  }
  return nullptr;
}

/// An example, and how a session of it shows: its stack while it waits for its client.
struct example {
  flavour kind;
  std::string name;
  std::string accept;                                        ///< on the line where the listener awaits
  std::vector<std::pair<std::string, std::string>> session;  ///< {function, code on its line}, innermost first
};

void PrintTo(const example& server, std::ostream* out) { *out << server.name; }

const std::vector<std::pair<std::string, std::string>> plain_echo{{"echo", "co_await socket.async_read_some"}};
const std::vector<std::pair<std::string, std::string>> refactored_echo{{"echo_once", "co_await socket.async_read_some"},
                                                                       {"echo", "co_await echo_once(socket)"}};

std::vector<example> echo_servers() {
  std::vector<example> servers;
  [[maybe_unused]] const auto add = [&](flavour kind) {
    const std::string accept = "co_await acceptor.async_accept(";
    for (const char* name : {"echo_server", "echo_server_with_as_single_default", "echo_server_with_as_tuple_default",
                             "echo_server_with_default"}) {
      servers.push_back({kind, name, accept, plain_echo});
    }
    servers.push_back({kind, "refactored_echo_server", accept, refactored_echo});
  };
#if defined(TASKS_TEST_STANDALONE_EXAMPLES)
  add(flavour::standalone);
#endif
  [[maybe_unused]] const auto add_deferred = [&](flavour kind) {
    for (const char* name : {"echo_server_with_deferred", "echo_server_with_deferred_default"})
      servers.push_back({kind, name, "co_await acceptor.async_accept(", plain_echo});
  };
#if defined(TASKS_TEST_BOOST_EXAMPLES)
  add(flavour::boost);
  add_deferred(flavour::boost);
#endif
#if defined(TASKS_TEST_NEWER_EXAMPLES)
  add(flavour::newer);
  add_deferred(flavour::newer);
#endif
  return servers;
}

class EchoServer : public ::testing::TestWithParam<example> {};

// task 1: listener()                      awaits async_accept          [socket accept]
// ├─ task 2: echo(socket)                 awaits async_read_some       [socket read]
// └─ task 3: the same
TEST_P(EchoServer, EachViewShowsTheListenerAndASessionAClient) {
  const example& server = GetParam();
  const std::string file = source(server.kind, server.name);
  program target(program::unready{}, {executable(server.kind, server.name)});
  client first = connect_when_listening(echo_port);
  client second(echo_port);
  for (client* each : {&first, &second}) {
    each->send("hello");
    ASSERT_EQ(each->receive(5), "hello");
  }

  const v1::StackView stacks = stacks_at_rest(target, 3);
  EXPECT_TRUE(stacks.complete());
  EXPECT_EQ(stacks.total(), 3u);
  const auto listeners = tasks_in(stacks, "listener");
  ASSERT_THAT(listeners, SizeIs(1));
  EXPECT_THAT(places(listeners[0]), ElementsAre(place("listener", file, server.accept)));
  EXPECT_EQ(listeners[0].wait().kind(), v1::Wait::SOCKET_ACCEPT);
  EXPECT_TRUE(listeners[0].wait().has_fd());

  std::vector<std::string> expected;
  for (const auto& [function, code] : server.session) expected.push_back(place(function, file, code));
  const auto sessions = tasks_in(stacks, server.session.front().first);
  ASSERT_THAT(sessions, SizeIs(2));
  for (const v1::TaskView& session : sessions) {
    EXPECT_EQ(places(session), expected);
    EXPECT_EQ(session.wait().kind(), v1::Wait::SOCKET_READ);
    EXPECT_EQ(session.parent_id(), listeners[0].id());
    EXPECT_GE(session.resumes(), 1u);
    const std::string site = place("listener", file, "co_spawn(executor, echo(");
    EXPECT_EQ(place(session.spawned_at()), site);
  }
  EXPECT_NE(sessions[0].wait().fd(), sessions[1].wait().fd());
  EXPECT_NE(sessions[0].wait().object(), sessions[1].wait().object());

  const auto vitals = view<v1::VitalsView>({"vitals", "-p", target.pid_text()});
  EXPECT_EQ(vitals.tasks(), 3u);
  EXPECT_EQ(vitals.blocked(), 3u);
  EXPECT_EQ(vitals.workers(), 1u);
  EXPECT_EQ(vitals.os_threads(), 2u);
  EXPECT_EQ(vitals.blocked_on_channels(), 0u);

  const auto list = view<v1::ListView>({"list"});
  const v1::ProcessView* listed = process(list, target.pid());
  ASSERT_NE(listed, nullptr);
  EXPECT_EQ(listed->agent(), v1::ProcessView::ANSWERED);
  EXPECT_EQ(listed->tasks(), 3u);
  EXPECT_EQ(listed->blocked(), 3u);

  const auto tree = view<v1::TreeView>({"tree", "-p", target.pid_text()});
  const v1::TreeNode* root = find(tree, listeners[0].id());
  ASSERT_NE(root, nullptr);
  EXPECT_THAT(root->children(), SizeIs(2));

  EXPECT_THAT(text({"stack", "-p", target.pid_text()}), HasSubstr("socket read"));
  EXPECT_THAT(text({"vitals", "-p", target.pid_text()}), HasSubstr("tasks: 3\n"));
  EXPECT_THAT(text({"tree", "-p", target.pid_text()}), HasSubstr("└─ task"));
  EXPECT_THAT(text({"list"}), HasSubstr(target.pid_text() + "*"));

  target.send_signal(SIGTERM);
  EXPECT_EQ(target.wait(), (ending{0, 0}));
}

TEST_P(EchoServer, ASessionDisappearsWithItsClient) {
  const example& server = GetParam();
  program target(program::unready{}, {executable(server.kind, server.name)});
  client stays = connect_when_listening(echo_port);
  {
    client leaves(echo_port);
    leaves.send("x");
    ASSERT_EQ(leaves.receive(1), "x");
    EXPECT_THAT(stacks_at_rest(target, 3).tasks(), SizeIs(3));
  }
  EXPECT_THAT(tasks_in(stacks_at_rest(target, 2), server.session.front().first), SizeIs(1));
  target.send_signal(SIGTERM);
  EXPECT_EQ(target.wait(), (ending{0, 0}));
}

INSTANTIATE_TEST_SUITE_P(Shipped, EchoServer, ::testing::ValuesIn(echo_servers()), [](const auto& parameter) {
  return name_of(parameter.param.kind) + "_" + parameter.param.name;
});

class ChatServer : public ::testing::TestWithParam<flavour> {};

// A session is two tasks, both spawned by the listener:
//   chat_session::reader()   awaits async_read_until                      [socket read]
//   chat_session::writer()   awaits a timer that somebody cancels         [timer, never expires]
TEST_P(ChatServer, ASessionIsAReaderAndAWriter) {
  const std::string file = source(GetParam(), "chat_server");
  program target(program::unready{}, {executable(GetParam(), "chat_server"), std::to_string(echo_port)});
  client ann = connect_when_listening(echo_port);
  client bob(echo_port);
  EXPECT_THAT(stacks_at_rest(target, 5).tasks(), SizeIs(5));
  ann.send("hello\n");
  ASSERT_EQ(bob.receive(6), "hello\n");
  ASSERT_EQ(ann.receive(6), "hello\n");

  const v1::StackView stacks = stacks_at_rest(target, 5);
  const auto readers = tasks_in(stacks, "reader");
  const auto writers = tasks_in(stacks, "writer");
  ASSERT_THAT(readers, SizeIs(2));
  ASSERT_THAT(writers, SizeIs(2));
  // The await is two lines long: clang names its first, g++ its last.
  EXPECT_THAT(places(readers[0]), ElementsAre(AnyOf(place("reader", file, "async_read_until(socket_,"),
                                                    place("reader", file, "dynamic_buffer(read_msg, 1024)"))));
  EXPECT_EQ(readers[0].wait().kind(), v1::Wait::SOCKET_READ);
  for (const v1::TaskView& writer : writers) {
    EXPECT_THAT(places(writer),
                ElementsAre(place("writer", file, "co_await timer_.async_wait(redirect_error(use_awaitable, ec))")));
    EXPECT_EQ(writer.wait().kind(), v1::Wait::TIMER);
    EXPECT_FALSE(writer.wait().has_expires_in_seconds());
  }
  EXPECT_THAT(tasks_in(stacks, "listener"), SizeIs(1));
  target.send_signal(SIGTERM);
  EXPECT_EQ(target.wait(), (ending{0, 0}));
}

#if defined(TASKS_TEST_STANDALONE_EXAMPLES)
INSTANTIATE_TEST_SUITE_P(Standalone, ChatServer, ::testing::Values(flavour::standalone));
#endif
#if defined(TASKS_TEST_BOOST_EXAMPLES)
INSTANTIATE_TEST_SUITE_P(Boost, ChatServer, ::testing::Values(flavour::boost));

// task 1: listen(acceptor)                  [socket accept]
// └─ task 2: handle_connection(sock)        awaits echo() && watchdog()   [tasks]
//    ├─ task 3: echo(sock, deadline)        [socket read]
//    └─ task 4: watchdog(deadline)          [timer]
TEST(BoostTimeout, ASessionWaitsForItsTwoArms) {
  const std::string file = source(flavour::boost, "timeout");
  program target(program::unready{}, {executable(flavour::boost, "timeout")});
  const client peer = connect_when_listening(timeout_port);

  const v1::StackView stacks = stacks_at_rest(target, 4);
  const auto sessions = tasks_in(stacks, "handle_connection");
  ASSERT_THAT(sessions, SizeIs(1));
  EXPECT_EQ(sessions[0].wait().kind(), v1::Wait::TASKS);
  EXPECT_THAT(places(sessions[0]), ElementsAre(place("handle_connection", file, "&& watchdog(deadline)")));
  const auto echoes = tasks_in(stacks, "echo");
  ASSERT_THAT(echoes, SizeIs(1));
  EXPECT_EQ(echoes[0].parent_id(), sessions[0].id());
  EXPECT_TRUE(echoes[0].awaited());
  const auto watchdogs = tasks_in(stacks, "watchdog");
  ASSERT_THAT(watchdogs, SizeIs(1));
  EXPECT_EQ(watchdogs[0].parent_id(), sessions[0].id());
  EXPECT_EQ(watchdogs[0].wait().kind(), v1::Wait::TIMER);
  EXPECT_LE(watchdogs[0].wait().expires_in_seconds(), 10.0);

  const auto tree = view<v1::TreeView>({"tree", "-p", target.pid_text()});
  const v1::TreeNode* node = find(tree, sessions[0].id());
  ASSERT_NE(node, nullptr);
  EXPECT_THAT(node->children(), SizeIs(2));
}
#endif

#if defined(TASKS_TEST_NEWER_EXAMPLES)
INSTANTIATE_TEST_SUITE_P(Newer, ChatServer, ::testing::Values(flavour::newer));

// task 1: listen(acceptor)      [socket accept]
// └─ task 2: echo(sock)         [socket read, times out in 9s]
TEST(NewerTimeout, ASessionReadsUntilItTimesOut) {
  const std::string file = source(flavour::newer, "timeout_cancel_after");
  program target(program::unready{}, {executable(flavour::newer, "timeout_cancel_after")});
  const client peer = connect_when_listening(timeout_port);

  const auto echoes = tasks_in(stacks_at_rest(target, 2), "echo");
  ASSERT_THAT(echoes, SizeIs(1));
  EXPECT_THAT(places(echoes[0]), ElementsAre(place("echo", file, "co_await sock.async_read_some(")));
  EXPECT_EQ(echoes[0].wait().kind(), v1::Wait::SOCKET_READ);
  ASSERT_TRUE(echoes[0].wait().has_times_out_in_seconds());
  EXPECT_LE(echoes[0].wait().times_out_in_seconds(), 10.0);
}
#else
TEST(NewerTimeout, ASessionReadsUntilItTimesOut) { GTEST_SKIP() << "no newer Asio: set TASKS_NEWER_ASIO"; }
#endif

#if defined(TASKS_TEST_RANGE_BASED_FOR)
// `for co_await` awaits operator++ and begin() of the example's own range.
TEST(RangeBasedFor, TheListenerWaitsInTheIterator) {
  const std::string file = source(flavour::standalone, "range_based_for");
  program target(program::unready{}, {executable(flavour::standalone, "range_based_for")});
  client peer = connect_when_listening(echo_port);
  ASSERT_EQ(peer.receive(7), "hello\r\n");
  const v1::StackView stacks = stacks_at_rest(target, 1);
  ASSERT_THAT(stacks.tasks(), SizeIs(1));
  EXPECT_THAT(places(stacks.tasks(0)),
              ElementsAre(place("operator++", file, "socket_ = co_await acceptor_->async_accept(use_awaitable)"),
                          place("listener", file, "for co_await (")));
  EXPECT_EQ(stacks.tasks(0).wait().kind(), v1::Wait::SOCKET_ACCEPT);
}
#endif

}  // namespace
}  // namespace tasks::testing
