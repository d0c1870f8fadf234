#include "commands/command.hpp"

#include <algorithm>

#include "commands/run_program.hpp"

namespace tasks::cli {

std::span<const command> commands() {
  static const std::vector<command> table = {
      list_command(),       vitals_command(),   stack_command(),      tree_command(),        requests_command(),
      threads_command(),    channels_command(), operations_command(), memory_command(),      why_command(),
      leaks_command(),      profile_command(),  slow_command(),       top_command(),         serve_command(),
      record_command(),     diff_command(),     report_command(),     run_program_command(), check_command(),
      doctor_command(),     schema_command(),   gdb_script_command(), lldb_script_command(), manual_command(),
      completion_command(),
  };
  return table;
}

const command* find_command(std::string_view name) {
  const auto all = commands();
  const auto found = std::find_if(all.begin(), all.end(), [name](const command& c) { return c.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace tasks::cli
