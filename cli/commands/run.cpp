#include "commands/run.hpp"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "base/json.hpp"
#include "commands/command_line.hpp"
#include "commands/remote.hpp"
#include "surveys/recorded_facts.hpp"

namespace tasks::cli {
namespace {

/// As monitoring expects it of a plugin: on standard output, and with code 3.
int fail_as_plugin(const error& e) {
  const auto line = "UNKNOWN: " + message(e) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  return 3;
}

/// For a program that asks.
std::string as_json(const error& e) {
  fmt::memory_buffer text;
  print_json(text, to_message(e));
  return fmt::to_string(text);
}

int fail(const error& e) {
  const char* const form = std::getenv("TASKS_ERRORS");
  const bool is_json = form != nullptr && std::string_view(form) == "json";
  const auto line = (is_json ? as_json(e) : message(e)) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return exit_code(e.code);
}

bool is_check(std::string_view word) { return word == "check"; }

/// On other hosts.
int run_there(const remote_call& call) {
  const bool is_plugin = !call.words.empty() && is_check(call.words.front());
  output out(STDOUT_FILENO, style_of_stdout());
  const auto code = run_remotely(call, out);
  const auto written = out.finish();
  if (!code) return is_plugin ? fail_as_plugin(code.why()) : fail(code.why());
  if (!written) return is_plugin ? fail_as_plugin(written.why()) : fail(written.why());
  return *code;
}

/// What nobody can deal with, in whichever thread: there is no memory to say more than this with. The target goes on,
/// as the kernel lets go whom we have stopped.
[[noreturn]] void give_up() {
  std::string_view line;
  try {
    if (std::current_exception()) throw;
  } catch (const std::bad_alloc&) {
    line =
        "tasks: there is not enough memory for this (raise the limit of tasks itself, ulimit -v; leaks --no-prove "
        "needs least)\n";
  } catch (const std::system_error&) {
    line = "tasks: a thread cannot be begun: the limits of tasks itself are too small (raise ulimit -v, ulimit -u)\n";
  } catch (...) {
  }
  if (line.empty()) std::abort();
  static_cast<void>(::write(STDERR_FILENO, line.data(), line.size()) < 0);
  ::_exit(1);
}

void say_that_memory_is_limited(int) {
  constexpr std::string_view line =
      "tasks: the address space of tasks itself is limited, and too small for this (raise ulimit -v)\n";
  static_cast<void>(::write(STDERR_FILENO, line.data(), line.size()) < 0);
  ::_exit(1);
}

/// Libraries abort where they get no memory, or do not look whether they got it (elfutils 0.188, read_srclines), and a
/// stack that cannot grow is none to handle that on.
void expect_short_memory() {
  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur == RLIM_INFINITY) return;
  static std::array<unsigned char, std::size_t{64} << 10> room;
  stack_t other{};
  other.ss_sp = room.data();
  other.ss_size = room.size();
  ::sigaltstack(&other, nullptr);
  struct sigaction action {};
  action.sa_handler = say_that_memory_is_limited;
  action.sa_flags = SA_ONSTACK;
  for (const int each : {SIGABRT, SIGSEGV, SIGBUS}) ::sigaction(each, &action, nullptr);
}

/// Nothing: we may open as many files as a look needs at least. The kernel says so of each that fails, but who asks for
/// what a directory has, or for debug information, takes none for nothing.
std::optional<error> look_for_limits() {
  constexpr rlim_t least = 64;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= least) return std::nullopt;
  return error{error_code::system, "",
               fmt::format("{} files may be open at a time, {} are needed", files.rlim_cur, least),
               fmt::format("raise the limit of tasks itself: ulimit -n {}", least)};
}

}  // namespace

int run_command_line(int argc, char** argv) {
  std::set_terminate(give_up);
  expect_short_memory();
  // What is no message is refused in words of ours; protobuf would print its own.
  google::protobuf::SetLogHandler(nullptr);
  const std::span<const char* const> words(argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0));
  const bool is_plugin = !words.empty() && is_check(words.front());
  const auto there = take_hosts(words);
  if (!there)
    return std::any_of(words.begin(), words.end(), is_check) ? fail_as_plugin(there.why()) : fail(there.why());
  if (*there) return run_there(**there);
  auto call = parse_command_line(words);
  if (!call) return is_plugin ? fail_as_plugin(call.why()) : fail(call.why());
  output out(STDOUT_FILENO, style_of_stdout());
  int code = 0;
  if (call->command) {
    if (const auto why = look_for_limits()) return is_plugin ? fail_as_plugin(*why) : fail(*why);
    const auto done = call->command->run(out);
    // What was printed before an error stands before it.
    if (!done) {
      (void)out.flush();
      const auto why = done.why();
      if (is_plugin) return fail_as_plugin(why);
      const bool is_no_target = why.code == error_code::no_such_process && !call->bare_word.empty();
      if (is_no_target && why.subject == call->bare_word) return fail(no_such_command(call->bare_word, true));
      return fail(why);
    }
    code = *done;
  } else {
    out.text().append(call->text.data(), call->text.data() + call->text.size());
  }
  if (const auto written = out.finish(); !written)
    return is_plugin ? fail_as_plugin(written.why()) : fail(written.why());
  return code;
}

}  // namespace tasks::cli
