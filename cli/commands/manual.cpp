#include <fmt/format.h>

#include <iterator>

#include "commands/command.hpp"
#include "commands/command_line.hpp"

/// `tasks man`: the manual page, printed from the table of commands.

namespace tasks::cli {
namespace {

/// A hyphen that stays one, and no line taken for a request.
std::string roff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '-') escaped += '\\';
    escaped += c;
  }
  if (!escaped.empty() && (escaped.front() == '.' || escaped.front() == '\'')) escaped.insert(0, "\\&");
  return escaped;
}

struct manual_request {};

result<int> run_manual(const manual_request&, output& out) {
  const auto to = std::back_inserter(out.text());
  fmt::format_to(to, ".TH TASKS 1 \"\" \"tasks {}\"\n.SH NAME\ntasks \\- what the coroutines of a running program do\n",
                 program_version);
  fmt::format_to(to, ".SH SYNOPSIS\n.B tasks\n[\\fICOMMAND\\fR] [\\fIOPTIONS\\fR]\n.br\n.B tasks\n\\fIPID\\fR\n");
  fmt::format_to(to,
                 ".SH DESCRIPTION\nWithout a command,\n.B tasks\nlists processes;\n.B tasks\n\\fIPID\\fR is\n"
                 ".B tasks vitals\n\\-p \\fIPID\\fR.\n\\fIPID\\fR is a process id, or a name that one process has.\n");
  for (const auto& c : commands()) {
    if (c.hidden) continue;
    fmt::format_to(to, ".SH TASKS {}\n{}.\n", roff(c.name), roff(c.help));
    for (const auto& o : c.options) {
      fmt::format_to(to, ".TP\n\\fB{}\\fR", roff(fmt::format("{}", fmt::join(names_of(o), ", "))));
      if (!o.value.empty()) fmt::format_to(to, " \\fI{}\\fR", roff(o.value));
      fmt::format_to(to, "\n{}\n", roff(o.help));
    }
  }
  fmt::format_to(
      to,
      ".SH EXIT STATUS\n.TP\n0\nfine\n.TP\n1\nthe target could not be read\n.TP\n2\n"
      "the command line makes no sense\n.TP\n3\n.B tasks leaks\nfound tasks that never wake, grow or stall\n"
      ".TP\n4\n.B tasks leaks\nfound none, but could not tell of every task that waits for what can be proven\n");
  fmt::format_to(to, ".SH ENVIRONMENT\n.TP\nNO_COLOR\nno colour, also on a terminal\n");
  return 0;
}

}  // namespace

command manual_command() {
  auto made = make_command<manual_request>("man", "print the manual page", {}, {}, run_manual);
  made.hidden = true;
  return made;
}

}  // namespace tasks::cli
