// `tasks operations`: what pends without a coroutine, of programs/callbacks.cpp, which never heard of tasks, and of the
// same with the hook.

#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"
#include "symbols/handler_types.hpp"

namespace tasks::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// " callbacks.cpp:31", of the one line that ends so.
std::string at(const std::string& end) {
  std::ifstream source(TASKS_CALLBACKS_SOURCE);
  std::string line;
  for (int number = 1; std::getline(source, line); ++number)
    if (line.ends_with("// " + end)) return " callbacks.cpp:" + std::to_string(number);
  ADD_FAILURE() << "no line " << end;
  return {};
}

/// "SOCKET_READ session::on_read callbacks.cpp:31 fd 8": without parameters and scopes of the program's.
std::string in_a_line(const v1::OperationView& o) {
  auto handler = o.handler();
  const auto lambda = handler.find("<lambda");
  handler = lambda != handler.npos ? handler.substr(0, lambda) + "<lambda>" : handler.substr(0, handler.find('('));
  if (handler.starts_with("callbacks::")) handler.erase(0, 11);
  auto line = v1::Wait::Kind_Name(o.wait().kind()) + " " + handler;
  if (!o.file().empty()) line += " " + o.file().substr(o.file().rfind('/') + 1) + ":" + std::to_string(o.line());
  if (o.wait().has_fd()) line += " fd " + std::to_string(o.wait().fd());
  for (const auto& signal : o.signals()) line += " " + signal;
  if (o.wait().never_expires()) line += " never";
  if (o.queued()) line += " queued";
  return line;
}

std::vector<std::string> lines(const v1::OperationsView& seen) {
  std::vector<std::string> all;
  for (const auto& each : seen.operations()) all.push_back(in_a_line(each));
  return all;
}

class Callbacks : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] v1::OperationsView look(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"operations", "-p", target_.pid_text()});
    return view<v1::OperationsView>(more);
  }

  program target_{{program_path(GetParam())}};
};
INSTANTIATE_TEST_SUITE_P(Of, Callbacks,
                         ::testing::Values("callbacks_0", "callbacks_2", "callbacks_hooked_0", "callbacks_hooked_2"));

TEST_P(Callbacks, ThatPendAreAllListedAndNothingElse) {
  const auto seen = look();
  EXPECT_THAT(
      lines(seen),
      UnorderedElementsAre(
          "SOCKET_READ session::start()::<lambda>" + at("read by a lambda") + " fd " + target_.value("read"),
          "SOCKET_READ session::on_read" + at("read by a member function") + " fd " + target_.value("bound"),
          "SOCKET_ACCEPT main()::<lambda>" + at("accept") + " fd " + target_.value("accept"),
          "TIMER alarm_bell" + at("an object"), "TIMER main()::<lambda>" + at("never") + " never",
          "TIMER main()::<lambda>" + at("date"), "SIGNAL on_signal" + at("a function") + " SIGUSR1 SIGUSR2",
          "CHANNEL_RECEIVE main()::<lambda>" + at("receive"), "POST main()::<lambda>" + at("posted") + " queued",
          "POST main()::<lambda>" + at("on the strand") + " queued"));
  EXPECT_EQ(seen.callbacks(), 10U);
  EXPECT_EQ(seen.of_tasks(), 2U);
}

TEST_P(Callbacks, KnowTheirPeersAndWhenTimersExpire) {
  int reads = 0;
  std::vector<int> hours;
  const auto seen = look({"--kind", "socket-read,timer"});
  for (const auto& each : seen.operations()) {
    if (each.wait().kind() == v1::Wait::SOCKET_READ) {
      ++reads;
      EXPECT_THAT(each.wait().peer(), ::testing::StartsWith("127.0.0.1:"));
    } else if (each.wait().has_expires_in_seconds()) {
      hours.push_back(static_cast<int>(each.wait().expires_in_seconds() / 3600));
    }
  }
  EXPECT_EQ(reads, 2);
  EXPECT_THAT(hours, UnorderedElementsAre(0, 47));
}

TEST_P(Callbacks, AreThoseWhoseHandlerAndDescriptorAreAskedFor) {
  using ::testing::ElementsAre;
  EXPECT_THAT(lines(look({"--function", "alarm|on_signal"})),
              UnorderedElementsAre("TIMER alarm_bell" + at("an object"),
                                   "SIGNAL on_signal" + at("a function") + " SIGUSR1 SIGUSR2"));
  const auto accept = "SOCKET_ACCEPT main()::<lambda>" + at("accept") + " fd " + target_.value("accept");
  EXPECT_THAT(lines(look({"--fd", target_.value("accept") + ",9999"})), ElementsAre(accept));
  EXPECT_THAT(lines(look({"--fd", target_.value("accept"), "--kind", "timer"})), IsEmpty());
  const auto none = text({"operations", target_.pid_text(), "--function", "nowhere"});
  EXPECT_THAT(none, ::testing::StartsWith("none of 10 operations matches\n\n10 operations pend without a task"));
}

/// What the descriptors lead to, which no core tells, is kept as well.
TEST_P(Callbacks, ReadInARecordingAsTheyDid) {
  char name[] = "/tmp/tasks-test-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(name);
  const auto file = (folder / "seen.tasks").string();
  const auto made =
      run({tasks_executable(), "record", target_.pid_text(), "-o", file, "--for", "0", "--with", "operations"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  const auto then = view<v1::OperationsView>({"operations", "--from", file, "--all"});
  const auto now = look({"--all"});
  EXPECT_EQ(lines(then), lines(now));
  EXPECT_EQ(then.callbacks(), now.callbacks());
  for (int i = 0; i < then.operations_size() && i < now.operations_size(); ++i) {
    EXPECT_EQ(then.operations(i).wait().peer(), now.operations(i).wait().peer());
    EXPECT_EQ(then.operations(i).wait().has_expires_in_seconds(), now.operations(i).wait().has_expires_in_seconds());
  }
  EXPECT_THAT(text({"operations", "--from", file}), HasSubstr(" outstanding work 8: 3 timer, 1 socket accept, "));
  std::filesystem::remove_all(folder);
}

TEST_P(Callbacks, OfTasksAreListedWhereTheyAreAskedFor) {
  int of_tasks = 0;
  const auto seen = look({"--all", "--kind", "timer"});
  for (const auto& each : seen.operations()) of_tasks += each.of_task() ? 1 : 0;
  EXPECT_EQ(of_tasks, 2);
}

/// Three timers, three descriptors and a set of signals keep it busy, and a work guard.
TEST_P(Callbacks, AndWhatElseIsWorkSaysWhyRunDoesNotReturn) {
  const auto seen = text({"operations", "-p", target_.pid_text()});
  EXPECT_THAT(seen, ContainsRegex("\nio_context 0x[0-9a-f]+: outstanding work 8: 3 timer, 1 socket accept, 2 socket "
                                  "read, 1 signal, 1 not accounted for \\(tasks, work guards, "));
  EXPECT_THAT(seen, ContainsRegex("\n[a-z_ ]+ 0x[0-9a-f]+: no outstanding work: run\\(\\) returns\n"));
  EXPECT_THAT(seen, ContainsRegex("\n[a-z_ ]+ 0x[0-9a-f]+: outstanding work 3: 1 post, 1 strand to run, 1 not "));
  EXPECT_THAT(seen, HasSubstr("\n10 operations pend without a task (since when is not known); 2 of tasks: tasks "));
  EXPECT_THAT(seen, ::testing::Not(HasSubstr("pipe_read_op")));
}

TEST_P(Callbacks, OfOneKindAndHandlerAreOneGroup) {
  const auto seen = look({"--group", "--all", "--limit", "1"});
  ASSERT_EQ(seen.groups_size(), 1);
  EXPECT_EQ(seen.groups(0).count(), 2U);
  EXPECT_TRUE(seen.groups(0).of_task());
  EXPECT_THAT(seen.operations(), IsEmpty());
}

TEST_P(Callbacks, AreCountedByVitals) {
  const auto seen = view<v1::VitalsView>({"vitals", "--no-hook", "--details", "-p", target_.pid_text()});
  EXPECT_EQ(seen.callbacks(), 10U);
  EXPECT_FALSE(view<v1::VitalsView>({"vitals", "--no-hook", "-p", target_.pid_text()}).has_callbacks());
  EXPECT_THAT(text({"vitals", "--details", "-p", target_.pid_text()}),
              HasSubstr("\noperations without a task: 10 (3 timer, 2 socket read, 2 post, "));
}

/// What a wholly stripped program has are queues, by which kinds are known.
TEST(StrippedCallbacks, AreCountedByTheQueuesThatTheyAreIn) {
  const auto stripped = ::testing::TempDir() + "callbacks_stripped_" + std::to_string(::getpid());
  ASSERT_EQ(run({"strip", "-o", stripped, program_path("callbacks_2")}).end.code, 0);
  const program target({stripped});
  const auto seen = view<v1::OperationsView>({"operations", "-p", target.pid_text()});
  std::filesystem::remove(stripped);
  const auto fd = [&](const char* name) { return " fd " + target.value(name); };
  EXPECT_THAT(lines(seen), UnorderedElementsAre("TIMER ", "TIMER ", "TIMER ", "TIMER ", "TIMER  never",
                                                "SOCKET_READ " + fd("read"), "SOCKET_READ " + fd("bound"),
                                                "SOCKET_READ " + fd("accept"), "SIGNAL  SIGUSR1 SIGUSR2",
                                                "CHANNEL_RECEIVE ", "OTHER  queued", "OTHER  queued", "OTHER  queued"));
}

TEST(OperationsCommand, RefusesWhatMakesNoSense) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"-p", "1", "--kind", "tea"}, {"-p", "1", "--limit", "0"}, {}, {"-p", "1", "--core", "none"}}) {
    auto argv = words;
    argv.insert(argv.begin(), {tasks_executable(), "operations"});
    EXPECT_EQ(run(argv).end.code, 2);
  }
}

/// Symbols as compilers spell them, and what is none.
TEST(HandlerTypes, AreWhatAsiosWrappersHave) {
  using cli::handler_of;
  using kind = cli::handler_type::kind;
  const auto type = [](std::string_view symbol) { return handler_of(symbol).value_or(cli::handler_type()); };
  EXPECT_EQ(type("asio::detail::wait_handler<session::start()::{lambda(std::error_code)#1}, asio::any_io_executor>::"
                 "do_complete(void*, asio::detail::scheduler_operation*, std::error_code const&, unsigned long)")
                .type,
            "session::start()::{lambda(std::error_code)#1}");
  EXPECT_EQ(type("boost::asio::detail::reactive_socket_recv_op<boost::asio::mutable_buffers_1, "
                 "boost::asio::detail::read_op<S, B, I, boost::asio::detail::transfer_all_t, "
                 "boost::asio::executor_binder<handler<int>, boost::asio::strand<E> > >, boost::asio::any_io_executor>"
                 "::do_complete(void*)")
                .type,
            "handler<int>");
  EXPECT_EQ(type("asio::detail::wait_handler<asio::detail::spawn_handler<asio::any_io_executor, void (std::error_code)>"
                 ", asio::any_io_executor>::do_complete(void*)")
                .is,
            kind::stackful);
  EXPECT_EQ(type("asio::detail::wait_handler<asio::detail::coro_handler<H, void>, E>::do_complete(void*)").is,
            kind::stackful);
  EXPECT_EQ(type("asio::detail::wait_handler<asio::detail::awaitable_handler<E>, E>::do_complete(void*)").is,
            kind::task);
  EXPECT_EQ(type("void asio::detail::executor_function::complete<asio::detail::binder1<f, std::error_code>, "
                 "std::allocator<void> >(asio::detail::executor_function::impl_base*, bool)")
                .type,
            "f");
  for (const auto* none : {"", "main", "<>::do_complete(", ">::do_complete(", "asio::detail::x<((((", "_ZN",
                           "asio::detail::wait_handler<>::do_complete(void*)"})
    static_cast<void>(handler_of(none));
}

}  // namespace
}  // namespace tasks::testing
