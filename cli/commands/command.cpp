#include "commands/command.hpp"

#include <array>

#include "base/words.hpp"
#include "sources/fallback_source.hpp"
#include "sources/memory_source.hpp"
#include "target/roots.hpp"

namespace tasks::cli {

std::span<const command> commands() {
  static const std::array table = {list_command,    vitals_command,   stack_command,     tree_command,
                                   threads_command, channels_command, why_command,       leaks_command,
                                   report_command,  man_command,      completion_command};
  return table;
}

const command* find_command(std::string_view name) {
  for (const auto& c : commands()) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

error usage_error(std::string subject, std::string fact, std::string next_step) {
  return {error_code::usage, std::move(subject), std::move(fact), std::move(next_step)};
}

result<std::chrono::milliseconds> timeout_of(const arguments& args) {
  using namespace std::chrono_literals;
  if (!args.timeout) return std::chrono::milliseconds(2s);
  const auto timeout = parse_duration(*args.timeout);
  if (!timeout || *timeout <= 0ms) {
    return usage_error("--timeout", "\"" + *args.timeout + "\" is no duration", "such as 2, 0.5 or 500ms");
  }
  return *timeout;
}

namespace {

result<std::unique_ptr<snapshot_source>> widened(result<std::unique_ptr<memory_source>> opened) {
  if (!opened) return opened.why();
  return std::unique_ptr<snapshot_source>(*std::move(opened));
}

}  // namespace

result<std::unique_ptr<snapshot_source>> open_target(const arguments& args) {
  if (args.core) {
    if (!args.target.empty() || args.direct)
      return usage_error("--core", "a core is read instead of a process", "leave out the PID and --direct");
    return widened(open_core(*args.core, args.exe));
  }
  if (args.exe) return usage_error("--exe", "there is no core that it belongs to", "add --core FILE");
  if (args.target.empty()) return usage_error("", "which process?", "give a PID or a name; tasks list shows them");
  const auto timeout = timeout_of(args);
  if (!timeout) return timeout.why();
  const auto pid = find_process(args.target);
  if (!pid) return pid.why();
  if (args.direct) return widened(open_direct(live_target(*pid)));
  return open_agent_or_memory(*pid, *timeout);
}

}  // namespace tasks::cli
