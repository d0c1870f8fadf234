#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/words.hpp"
#include "commands/command.hpp"
#include "commands/open_target.hpp"
#include "commands/remote.hpp"
#include "surveys/processes.hpp"

/// `tasks completion SHELL`: completions for a shell, printed from the table of commands. What they offer of processes
/// they ask for when it is needed: `tasks completion targets`, `tasks completion tasks PID`.

namespace tasks::cli {
namespace {

/// A shell waits for this.
constexpr std::chrono::milliseconds shells_patience{300};
constexpr std::uint64_t most_tasks = 200;

enum class offered : std::uint8_t { nothing, words, targets, tasks, files };

offered offer_of(const option& o) {
  if (o.words) return offered::words;
  if (o.value == "FILE") return offered::files;
  if (o.names == "PID" || o.names == pid_option().names) return offered::targets;
  if (o.names == "TASK" || o.value == "ID") return offered::tasks;
  return offered::nothing;
}

std::string words_of(const option& o) { return o.words ? fmt::format("{}", fmt::join(o.words(), " ")) : ""; }

/// For a string between single quotes, in each of which `quote` stands for one.
std::string quoted(std::string_view plain, std::string_view quote) {
  std::string text;
  for (const char c : plain) text += c == '\'' ? std::string(quote) : std::string(1, c);
  return text;
}

std::string all_names(char between) {
  std::string names = "help";
  for (const auto& c : commands()) names += fmt::format("{}{}", between, c.name);
  return names + between + "version";
}

std::string host_option_names() {
  std::vector<std::string_view> names;
  for (const auto& o : host_options())
    for (const auto name : names_of(o)) names.push_back(name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::string bash_offer(const option& o) {
  switch (offer_of(o)) {
    case offered::words:
      return fmt::format("_tasks_offer \"{}\"", words_of(o));
    case offered::targets:
      return "_tasks_offer \"$(_tasks_ask targets)\"";
    case offered::tasks:
      return "_tasks_offer \"$(_tasks_ask tasks \"$(_tasks_target)\")\"";
    case offered::files:
      return "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\"))";
    case offered::nothing:
      break;
  }
  return ":";
}

void print_bash(fmt::memory_buffer& text) {
  const auto to = std::back_inserter(text);
  append(text, R"sh(_tasks_offer() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_tasks_ask() { [[ $tasks_there ]] || "${COMP_WORDS[0]}" completion "$@" 2>/dev/null | cut -f 1; }
_tasks_target() {
  local i
  for ((i = 2; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in -p | --pid) echo "${COMP_WORDS[i + 1]}"; return;; esac
  done
  echo "${COMP_WORDS[2]}"
}
_tasks() {
  # Where it runs may be said anywhere, and is nothing for what is between. Of other hosts no processes are offered.
  local words=() i tasks_there=
  for ((i = 0; i <= COMP_CWORD; ++i)); do
    if ((i < COMP_CWORD)); then
      case ${COMP_WORDS[i]} in
        -H | --host) tasks_there=1; ((++i)); ((i < COMP_CWORD)) || return; continue;;
        -H?* | --push) tasks_there=1; continue;;
      esac
    fi
    words+=("${COMP_WORDS[i]}")
  done
  local COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} place=0
  if ((COMP_CWORD == 1)) && [[ $cur == -* ]]; then
)sh");
  fmt::format_to(to, "    _tasks_offer \"{}\"; return\n  fi\n", host_option_names());
  fmt::format_to(to, "  if ((COMP_CWORD == 1)); then _tasks_offer \"{} $(_tasks_ask targets)\"; return; fi\n",
                 all_names(' '));
  append(text, "  case $command:$prev in\n");
  fmt::format_to(to, "    *:-p|*:--pid) {}; return;;\n", bash_offer(pid_option()));
  for (const auto& c : commands()) {
    for (const auto& o : c.options) {
      if (o.value.empty() || o.value.front() == '[' || o.names == pid_option().names) continue;
      for (const auto name : names_of(o)) fmt::format_to(to, "    {}:{}) {}; return;;\n", c.name, name, bash_offer(o));
    }
  }
  fmt::format_to(to, "    help:*) _tasks_offer \"{}\"; return;;\n  esac\n", all_names(' '));
  append(text, "  if [[ $cur == -* ]]; then\n    case $command in\n");
  for (const auto& c : commands()) {
    std::string flags;
    for (const auto& o : c.options) flags += fmt::format("{} ", fmt::join(names_of(o), " "));
    fmt::format_to(to, "      {}) _tasks_offer \"{}{} --help\";;\n", c.name, flags, host_option_names());
  }
  append(text, R"sh(    esac
    return
  fi
  for ((i = 2; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      -p | --pid) ((place == 0)) && place=1; ((++i));;
      -*) ;;
      *) ((++place));;
    esac
  done
  case $command:$place in
)sh");
  for (const auto& c : commands())
    for (std::size_t i = 0; i < c.words.size(); ++i)
      fmt::format_to(to, "    {}:{}) {};;\n", c.name, c.words[i].repeats ? "*" : std::to_string(i),
                     bash_offer(c.words[i]));
  append(text, "  esac\n}\ncomplete -F _tasks tasks\n");
}

std::string zsh_offer(const option& o) {
  switch (offer_of(o)) {
    case offered::words:
      return "(" + words_of(o) + ")";
    case offered::targets:
      return "_tasks_targets";
    case offered::tasks:
      return "_tasks_ids";
    case offered::files:
      return "_files";
    case offered::nothing:
      break;
  }
  return " ";
}

/// As _arguments takes it.
std::string in_brackets(std::string_view plain) {
  std::string text;
  for (const char c : plain) text += c == '[' || c == ']' ? std::string{'\\', c} : std::string(1, c);
  return text;
}

void print_zsh(fmt::memory_buffer& text) {
  const auto to = std::back_inserter(text);
  append(text, R"sh(#compdef tasks
_tasks_ask() {
  [[ -n $tasks_there ]] && return
  local line
  local -a found
  for line in ${(f)"$($tasks_program completion "$@" 2>/dev/null)"}; do found+=("${line%%$'\t'*}:${line#*$'\t'}"); done
  _describe "$1" found
}
_tasks_targets() { # after a -p, the word of why that has no other is a task's
  local at=${words[(I)(-p|--pid)]}
  if [[ $words[1] == why ]] && ((at > 0 && at + 1 < CURRENT)); then _tasks_ids; else _tasks_ask targets; fi
}
_tasks_ids() {
  local at=${words[(i)(-p|--pid)]}
  if ((at < ${#words})); then _tasks_ask tasks "$words[at+1]"; else _tasks_ask tasks "$words[2]"; fi
}
_tasks() {
  local tasks_program=$words[1] tasks_there= at=2
  while ((at < CURRENT)); do
    case $words[at] in
      -H|--host)
        tasks_there=1
        ((at + 1 == CURRENT)) && return
        words[at,at+1]=()
        ((CURRENT -= 2));;
      -H?*|--host=*|--push)
        tasks_there=1
        words[at,at]=()
        ((CURRENT--));;
      *) ((at++));;
    esac
  done
  if ((CURRENT == 2)) && [[ $words[2] == -* ]]; then
)sh");
  fmt::format_to(to, "    compadd -- {}\n    return\n  fi\n", host_option_names());
  append(text, R"sh(  if ((CURRENT == 2)); then
    local -a commands=(
)sh");
  for (const auto& c : commands()) fmt::format_to(to, "      '{}:{}'\n", c.name, quoted(c.help, "'\\''"));
  append(text, R"sh(      'help:list the options of a command'
      'version:print the version'
    )
    _describe command commands
    _tasks_targets
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
)sh");
  for (const auto& c : commands()) {
    fmt::format_to(to, "    {}) _arguments '--help[list the options]'", c.name);
    for (std::size_t i = 0; i < c.words.size(); ++i)
      fmt::format_to(to, " \\\n      '{}:{}:{}'", c.words[i].repeats ? "*" : std::to_string(i + 1), c.words[i].names,
                     zsh_offer(c.words[i]));
    auto options = c.options;
    options.insert(options.end(), host_options().begin(), host_options().end());
    for (const auto& o : options) {
      for (const auto& name : names_of(o)) {
        fmt::format_to(to, " \\\n      '{}{}[{}]", o.repeats ? "*" : "", name, quoted(in_brackets(o.help), "'\\''"));
        // An argument that may be left out begins with two colons.
        if (!o.value.empty()) {
          const bool may_be_left_out = o.value.front() == '[';
          fmt::format_to(to, "{}:{}", may_be_left_out ? "::seconds" : fmt::format(":{}", o.value), zsh_offer(o));
        }
        append(text, "'");
      }
    }
    append(text, ";;\n");
  }
  fmt::format_to(to, "    help) _values command {};;\n", all_names(' '));
  append(text, "  esac\n}\nif [[ $funcstack[1] == _tasks ]]; then _tasks \"$@\"; else compdef _tasks tasks; fi\n");
}

std::string fish_offer(const option& o) {
  switch (offer_of(o)) {
    case offered::words:
      return fmt::format(" -a '{}'", words_of(o));
    case offered::targets:
      return " -a '(__tasks_ask targets)'";
    case offered::tasks:
      return " -a '(__tasks_ask tasks (__tasks_target))'";
    default:
      return "";
  }
}

/// `condition`: when it is offered; empty: always.
void print_fish_option(fmt::memory_buffer& text, const option& o, std::string_view condition) {
  const auto to = std::back_inserter(text);
  fmt::format_to(to, "complete -c tasks{}", condition);
  for (const auto& name : names_of(o))
    fmt::format_to(to, " -{} {}", name.starts_with("--") ? 'l' : 's', name.substr(name.find_first_not_of('-')));
  if (!o.value.empty() && o.value.front() != '[') append(text, o.value == "FILE" ? " -r -F" : " -x");
  fmt::format_to(to, "{} -d '{}'\n", fish_offer(o), quoted(o.help, "\\'"));
}

void print_fish(fmt::memory_buffer& text) {
  const auto to = std::back_inserter(text);
  append(text, R"sh(function __tasks_words # without what says where it runs, which may be said anywhere
  set -l skip 0
  for word in (commandline -opc)
    if test $skip = 1
      set skip 0
    else if contains -- $word -H --host
      set skip 1
    else if not string match -qr -- '^(-H.+|--host=.*|--push)$' $word
      printf '%s\n' $word
    end
  end
end
function __tasks_needs_command
  set -l words (__tasks_words)
  test (count $words) -lt 2
end
function __tasks_ask # of other hosts nothing
  string match -qr -- '^(-H.*|--host.*)$' (commandline -opc); and return
  set -l words (__tasks_words)
  $words[1] completion $argv 2>/dev/null
end
function __tasks_target
  set -l words (__tasks_words)
  for i in (seq (count $words))
    if contains -- $words[$i] -p --pid
      echo $words[(math $i + 1)]
      return
    end
  end
  echo $words[3]
end
function __tasks_place # COMMAND N: the word is the Nth of COMMAND's that are no options
  set -l words (__tasks_words)
  test (count $words) -ge 2; and test $words[2] = $argv[1]; or return 1
  set -l place 0
  set -l skip 0
  for word in $words[3..-1]
    if test $skip = 1
      set skip 0
    else if contains -- $word -p --pid
      set skip 1
      test $place = 0; and set place 1
    else if not string match -q -- '-*' $word
      set place (math $place + 1)
    end
  end
  test $place = $argv[2]
end
complete -c tasks -f
complete -c tasks -n __tasks_needs_command -a '(__tasks_ask targets)'
complete -c tasks -n __tasks_needs_command -a help -d 'list the options of a command'
complete -c tasks -n __tasks_needs_command -a version -d 'print the version'
)sh");
  for (const auto& o : host_options()) print_fish_option(text, o, "");
  fmt::format_to(to, "complete -c tasks -n '__tasks_place help 0' -a '{}'\n", all_names(' '));
  for (const auto& c : commands()) {
    fmt::format_to(to, "complete -c tasks -n __tasks_needs_command -a {} -d '{}'\n", c.name, quoted(c.help, "\\'"));
    for (std::size_t i = 0; i < c.words.size(); ++i)
      if (const auto offer = fish_offer(c.words[i]); !offer.empty())
        fmt::format_to(to, "complete -c tasks -n '{} {}'{}\n",
                       c.words[i].repeats ? "__fish_seen_subcommand_from" : "__tasks_place",
                       c.words[i].repeats ? std::string(c.name) : fmt::format("{} {}", c.name, i), offer);
    for (const auto& o : c.options)
      print_fish_option(text, o, fmt::format(" -n '__fish_seen_subcommand_from {}'", c.name));
  }
}

/// "PID<tab>NAME" of each process, and "NAME<tab>PID" where that names one.
void print_targets(fmt::memory_buffer& text) {
  const auto list = list_processes(shells_patience);
  std::map<std::string, int> names;
  for (const auto& p : list.processes()) ++names[p.name()];
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
  for (const auto& p : list.processes()) {
    if (p.name().empty() || p.name().find_first_not_of(plain) != std::string::npos) continue;
    fmt::format_to(std::back_inserter(text), "{}\t{}\n", p.pid(), p.name());
    if (names[p.name()] == 1) fmt::format_to(std::back_inserter(text), "{}\t{}\n", p.name(), p.pid());
  }
}

/// "ID<tab>what it does" of its oldest tasks. Whatever keeps it from being told is told by nothing.
void print_tasks(fmt::memory_buffer& text, const std::string& of) {
  target_options asked;
  asked.timeout = shells_patience;
  asked.target = of;
  const auto source = open_target(asked);
  if (!source) return;
  v1::StacksRequest query;
  query.set_limit(most_tasks);
  (void)(*source)->stacks(query, [&text](const v1::Chunk& chunk) {
    for (const auto& task : chunk.tasks()) {
      const bool blocked = task.state() == v1::Task::BLOCKED;
      fmt::format_to(std::back_inserter(text), "{}\t{}\n", task.id(),
                     blocked ? kind_name(task.wait().kind()) : state_name(task.state()));
    }
    return true;
  });
}

std::vector<std::string> shells() { return {"bash", "zsh", "fish"}; }

struct completion_request {
  std::string shell, target;
};

result<int> run_completion(const completion_request& asked, output& out) {
  if (asked.shell == "bash") {
    print_bash(out.text());
  } else if (asked.shell == "zsh") {
    print_zsh(out.text());
  } else if (asked.shell == "fish") {
    print_fish(out.text());
  } else if (asked.shell == "targets") {
    print_targets(out.text());
  } else if (asked.shell == "tasks") {
    print_tasks(out.text(), asked.target);
  } else {
    return usage_error("completion",
                       asked.shell.empty() ? "for which shell?" : "\"" + asked.shell + "\" is no shell it knows",
                       "bash, zsh or fish");
  }
  return 0;
}

}  // namespace

command completion_command() {
  const auto as_typed = [](std::string_view, const std::string& typed) { return result<std::string>(typed); };
  return make_command<completion_request>(
      "completion", "print a shell's completions",
      {value_option({"SHELL", "", "bash, zsh or fish; or what they ask for: targets, or tasks of a PID", shells},
                    &completion_request::shell, as_typed),
       text("PID", "", "whose tasks", &completion_request::target)},
      {}, run_completion);
}

}  // namespace tasks::cli
