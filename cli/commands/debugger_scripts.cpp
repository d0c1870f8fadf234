#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "commands/command.hpp"
#include "linux/proc.hpp"

/// `tasks gdb-script`, `tasks lldb-script`: where that is what these debuggers load.

namespace tasks::cli {
namespace {

struct script_request {};

/// Beside this executable, as it is built, or where it is installed.
result<int> print_script(std::string_view command, std::string_view file, output& out) {
  const auto self = read_link("/proc/self/exe").value_or("");
  const auto folder = self.substr(0, self.rfind('/'));
  for (const std::string_view place : {"/debuggers/", "/../share/tasks/debuggers/"}) {
    std::error_code none;
    const auto path = std::filesystem::canonical(fmt::format("{}{}{}", folder, place, file), none);
    if (none || ::access(path.c_str(), R_OK) != 0) continue;
    fmt::format_to(std::back_inserter(out.text()), "{}\n", path.native());
    return 0;
  }
  return error{error_code::system, std::string(command), fmt::format("there is no {} that belongs to {}", file, self),
               fmt::format("a whole installation has it in {}/../share/tasks/debuggers", folder)};
}

result<int> run_gdb_script(const script_request&, output& out) {
  return print_script("gdb-script", "tasks_gdb.py", out);
}
result<int> run_lldb_script(const script_request&, output& out) {
  return print_script("lldb-script", "tasks_lldb.py", out);
}

}  // namespace

command gdb_script_command() {
  return make_command<script_request>("gdb-script",
                                      "gdb knows tasks (info tasks, task ID, the await chain in bt) by the script of "
                                      "which this prints the path: for gdb -x, or for source in ~/.gdbinit",
                                      {}, {}, run_gdb_script);
}

command lldb_script_command() {
  return make_command<script_request>("lldb-script",
                                      "lldb knows tasks by the script of which this prints the path: for command "
                                      "script import, in ~/.lldbinit",
                                      {}, {}, run_lldb_script);
}

}  // namespace tasks::cli
