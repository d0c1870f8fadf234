#include "dump/dump_environment.hpp"

#include <stdlib.h>

#include <atomic>
#include <exception>
#include <ostream>
#include <string>

#include "dump/dump_options.hpp"
#include "dump/dump_sink.hpp"
#include "dump/dump_thread.hpp"
#include "dump/terminate.hpp"
#include "registry/process_roots.hpp"
#include "tasks/dump.hpp"

namespace tasks::detail {
namespace {

const char* words_of(dump_status status) noexcept {
  switch (status) {
    case dump_status::installed:
      break;
    case dump_status::handled:
      return "the program handles it";
    case dump_status::bad_signal:
      return "no handler returns from it";
    case dump_status::bad_path:
      return "in a file's name %p, %t and %% have a meaning, and no other %";
    case dump_status::no_thread:
      return "no thread could be started";
  }
  return nullptr;
}

void do_as(const dump_options& options) {
  const auto sink = open_standard_error();
  dump_sink buffer(sink);
  std::ostream complaints(&buffer);
  const auto check = [&complaints](const std::string& word, const char* wrong) {
    if (wrong != nullptr) complaints << "tasks: TASKS_DUMP: " << word << ": " << wrong << '\n';
  };
  if (options.unknown[0] != 0) check(options.unknown, "neither a signal nor deadlock, exit or terminate");
  if (options.on_terminate) install_terminate_dump(options.path);
  const auto then = options.exits ? dump_then::exit : dump_then::go_on;
  for (int signal = 1; signal < most_signals; ++signal)
    if ((options.signals >> signal & 1) != 0)
      check(signal_name(signal),
            words_of(dump_on_signal(signal, {.path = options.path, .handled = dump_handled::refuse, .then = then})));
  if (options.on_deadlock) check("deadlock", words_of(dump_on_deadlock(options.path)));
  complaints.flush();
}

}  // namespace

void dump_as_environment_says() noexcept {
  static constinit std::atomic<bool> done{false};
  const char* wish = secure_getenv("TASKS_DUMP");
  if (wish == nullptr || *wish == 0) return;
  // Once a process: a plugin that dumped too would say everything twice, and of signals that somebody handles them.
  if (another_agent_dumps() || done.exchange(true, std::memory_order_relaxed)) return;
  try {
    do_as(parse_dump_options(wish));
  } catch (const std::exception&) {
    // No memory; nor would there be for a dump.
  }
}

}  // namespace tasks::detail
