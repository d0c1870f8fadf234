#include <fmt/format.h>

#include <iterator>

#include "commands/command.hpp"
#include "commands/command_line.hpp"

/// `tasks man` and `tasks completion SHELL`: what packagers and shells need, printed from the table of commands.

namespace tasks::cli {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

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

result<int> print_man(const arguments&, output& out) {
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
      fmt::format_to(to, ".TP\n\\fB{}\\fR", roff(fmt::format("{}", fmt::join(split(o.names, ','), ", "))));
      if (!o.value.empty()) fmt::format_to(to, " \\fI{}\\fR", roff(o.value));
      fmt::format_to(to, "\n{}\n", roff(o.help));
    }
  }
  fmt::format_to(
      to,
      ".SH EXIT STATUS\n.TP\n0\nfine\n.TP\n1\nthe target could not be read\n.TP\n2\n"
      "the command line makes no sense\n.TP\n3\n.B tasks leaks\nfound tasks that never wake, grow or stall\n");
  fmt::format_to(to, ".SH ENVIRONMENT\n.TP\nNO_COLOR\nno colour, also on a terminal\n");
  return 0;
}

std::string words_of(const option& o) { return o.words ? fmt::format("{}", fmt::join(o.words(), " ")) : ""; }

void print_bash(fmt::memory_buffer& text) {
  const auto to = std::back_inserter(text);
  std::vector<std::string_view> names;
  for (const auto& c : commands()) {
    if (!c.hidden) names.push_back(c.name);
  }
  fmt::format_to(to, "_tasks() {{\n  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}\n");
  fmt::format_to(to,
                 "  case $prev in\n    -p|--pid) COMPREPLY=($(compgen -W \"$(ls /proc | grep '^[0-9]')\" -- "
                 "\"$cur\")); return;;\n");
  for (const auto& o : stack_command.options) {
    if (o.words)
      fmt::format_to(to, "    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")); return;;\n", o.names, words_of(o));
  }
  fmt::format_to(to,
                 "  esac\n  if ((COMP_CWORD == 1)); then COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")); return; fi\n",
                 fmt::join(names, " "));
  fmt::format_to(to, "  case ${{COMP_WORDS[1]}} in\n");
  for (const auto& c : commands()) {
    if (c.hidden) continue;
    std::string flags;
    for (const auto& o : c.options) flags += fmt::format("{} ", fmt::join(split(o.names, ','), " "));
    fmt::format_to(to, "    {}) COMPREPLY=($(compgen -W \"{}--help\" -- \"$cur\"));;\n", c.name, flags);
  }
  fmt::format_to(to, "  esac\n}}\ncomplete -F _tasks tasks\n");
}

void print_zsh(fmt::memory_buffer& text) {
  const auto to = std::back_inserter(text);
  fmt::format_to(to, "#compdef tasks\n_tasks() {{\n  if ((CURRENT == 2)); then\n    local -a commands=(\n");
  for (const auto& c : commands()) {
    if (!c.hidden) fmt::format_to(to, "      '{}:{}'\n", c.name, c.help);
  }
  fmt::format_to(to,
                 "    )\n    _describe command commands\n    return\n  fi\n  local command=$words[2]\n  shift words\n"
                 "  ((CURRENT--))\n  case $command in\n");
  for (const auto& c : commands()) {
    if (c.hidden) continue;
    fmt::format_to(to, "    {}) _arguments", c.name);
    for (const auto& o : c.options) {
      for (const auto& name : split(o.names, ',')) {
        std::string help;
        for (const char ch : o.help) help += ch == '\'' ? std::string("'\\''") : std::string(1, ch);
        fmt::format_to(to, " \\\n      '{}[{}]", name, help);
        if (!o.value.empty()) {
          fmt::format_to(to, ":{}:{}", o.value.front() == '[' ? "seconds" : o.value,
                         o.words                           ? "(" + words_of(o) + ")"
                         : name == "-p" || name == "--pid" ? "_pids"
                                                           : "");
        }
        fmt::format_to(to, "'");
      }
    }
    fmt::format_to(to, ";;\n");
  }
  fmt::format_to(to, "  esac\n}}\n_tasks \"$@\"\n");
}

void print_fish(fmt::memory_buffer& text) {
  const auto to = std::back_inserter(text);
  const auto quoted = [](std::string_view plain) {
    std::string q;
    for (const char c : plain) q += c == '\'' ? std::string("\\'") : std::string(1, c);
    return q;
  };
  fmt::format_to(to, "complete -c tasks -f\n");
  for (const auto& c : commands()) {
    if (c.hidden) continue;
    fmt::format_to(to, "complete -c tasks -n __fish_use_subcommand -a {} -d '{}'\n", c.name, quoted(c.help));
    for (const auto& o : c.options) {
      fmt::format_to(to, "complete -c tasks -n '__fish_seen_subcommand_from {}'", c.name);
      for (const auto& name : split(o.names, ',')) {
        fmt::format_to(to, " -{} {}", name.starts_with("--") ? 'l' : 's', name.substr(name.find_first_not_of('-')));
      }
      if (!o.value.empty()) fmt::format_to(to, " -x");
      if (o.words) fmt::format_to(to, " -a '{}'", words_of(o));
      if (o.names == pid_option.names) fmt::format_to(to, " -a '(__fish_complete_pids)'");
      fmt::format_to(to, " -d '{}'\n", quoted(o.help));
    }
  }
}

result<int> print_completion(const arguments& args, output& out) {
  if (args.target == "bash") {
    print_bash(out.text());
  } else if (args.target == "zsh") {
    print_zsh(out.text());
  } else if (args.target == "fish") {
    print_fish(out.text());
  } else {
    return usage_error("completion",
                       args.target.empty() ? "for which shell?" : "\"" + args.target + "\" is no shell it knows",
                       "bash, zsh or fish");
  }
  return 0;
}

}  // namespace

const command man_command = {"man", "print the manual page", "", {}, print_man, true};
const command completion_command = {"completion", "print a shell's completions", "SHELL", {}, print_completion, true};

}  // namespace tasks::cli
