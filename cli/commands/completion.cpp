#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.hpp"
#include "commands/open_target.hpp"

/// `tasks completion SHELL`: completions for a shell, printed from the table of commands.

namespace tasks::cli {
namespace {

std::string words_of(const option& o) { return o.words ? fmt::format("{}", fmt::join(o.words(), " ")) : ""; }

void print_bash(fmt::memory_buffer& text) {
  const auto to = std::back_inserter(text);
  std::vector<std::string_view> names;
  for (const auto& c : commands()) {
    names.push_back(c.name);
  }
  fmt::format_to(to, "_tasks() {{\n  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}\n");
  fmt::format_to(to,
                 "  case $prev in\n    -p|--pid) COMPREPLY=($(compgen -W \"$(ls /proc | grep '^[0-9]')\" -- "
                 "\"$cur\")); return;;\n");
  for (const auto& o : find_command("stack")->options) {
    if (o.words)
      fmt::format_to(to, "    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")); return;;\n", o.names, words_of(o));
  }
  fmt::format_to(to,
                 "  esac\n  if ((COMP_CWORD == 1)); then COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")); return; fi\n",
                 fmt::join(names, " "));
  fmt::format_to(to, "  case ${{COMP_WORDS[1]}} in\n");
  for (const auto& c : commands()) {
    std::string flags;
    for (const auto& o : c.options) flags += fmt::format("{} ", fmt::join(names_of(o), " "));
    fmt::format_to(to, "    {}) COMPREPLY=($(compgen -W \"{}--help\" -- \"$cur\"));;\n", c.name, flags);
  }
  fmt::format_to(to, "  esac\n}}\ncomplete -F _tasks tasks\n");
}

void print_zsh(fmt::memory_buffer& text) {
  const auto to = std::back_inserter(text);
  fmt::format_to(to, "#compdef tasks\n_tasks() {{\n  if ((CURRENT == 2)); then\n    local -a commands=(\n");
  for (const auto& c : commands()) {
    fmt::format_to(to, "      '{}:{}'\n", c.name, c.help);
  }
  fmt::format_to(to,
                 "    )\n    _describe command commands\n    return\n  fi\n  local command=$words[2]\n  shift words\n"
                 "  ((CURRENT--))\n  case $command in\n");
  for (const auto& c : commands()) {
    fmt::format_to(to, "    {}) _arguments", c.name);
    for (const auto& o : c.options) {
      for (const auto& name : names_of(o)) {
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
    fmt::format_to(to, "complete -c tasks -n __fish_use_subcommand -a {} -d '{}'\n", c.name, quoted(c.help));
    for (const auto& o : c.options) {
      fmt::format_to(to, "complete -c tasks -n '__fish_seen_subcommand_from {}'", c.name);
      for (const auto& name : names_of(o)) {
        fmt::format_to(to, " -{} {}", name.starts_with("--") ? 'l' : 's', name.substr(name.find_first_not_of('-')));
      }
      if (!o.value.empty()) fmt::format_to(to, " -x");
      if (o.words) fmt::format_to(to, " -a '{}'", words_of(o));
      if (o.names == pid_option().names) fmt::format_to(to, " -a '(__fish_complete_pids)'");
      fmt::format_to(to, " -d '{}'\n", quoted(o.help));
    }
  }
}

struct completion_request {
  std::string shell;
};

result<int> run_completion(const completion_request& asked, output& out) {
  if (asked.shell == "bash") {
    print_bash(out.text());
  } else if (asked.shell == "zsh") {
    print_zsh(out.text());
  } else if (asked.shell == "fish") {
    print_fish(out.text());
  } else {
    return usage_error("completion",
                       asked.shell.empty() ? "for which shell?" : "\"" + asked.shell + "\" is no shell it knows",
                       "bash, zsh or fish");
  }
  return 0;
}

}  // namespace

command completion_command() {
  return make_command<completion_request>("completion", "print a shell's completions",
                                          {text("SHELL", "", "bash, zsh or fish", &completion_request::shell)}, {},
                                          run_completion);
}

}  // namespace tasks::cli
