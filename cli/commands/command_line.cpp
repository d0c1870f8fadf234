#include "commands/command_line.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace tasks::cli {
namespace {

constexpr std::string_view task_word = "TASK";

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

void add_option(CLI::App& app, const option& o, arguments& args) {
  const std::string names(o.names), help(o.help), value(o.value);
  std::visit(
      [&](auto field) {
        auto& target = args.*field;
        using type = std::remove_reference_t<decltype(target)>;
        if constexpr (std::is_same_v<type, bool>) {
          app.add_flag(names, target, help);
        } else if constexpr (std::is_same_v<type, std::optional<std::string>>) {
          auto* added = app.add_option_function<std::string>(
              names, [&target](const std::string& text) { target = text; }, help);
          added->type_name(value.front() == '[' ? value.substr(1, value.size() - 2) : value);
          // Given without its value, the option is still seen.
          if (value.front() == '[') added->expected(0, 1);
        } else {
          // One value each time it is given, or it would take the target for another.
          app.add_option(names, target, help)->type_name(value)->take_all()->allow_extra_args(false);
        }
      },
      o.field);
}

/// `words`: as many as the command's names for them.
void configure(CLI::App& app, const command& c, arguments& args, std::array<std::string, 2>& words) {
  for (const auto& o : c.options) add_option(app, o, args);
  std::string_view names = c.positional;
  for (auto& word : words) {
    const auto end = std::min(names.find(' '), names.size());
    if (end != 0) app.add_option(std::string(names.substr(0, end)), word)->type_name("");
    names.remove_prefix(std::min(end + 1, names.size()));
  }
}

/// "tasks --json" is a list, "tasks 4131" and "tasks -p 4131" are vitals.
const command& implied_command(std::span<const char* const> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--timeout") {
      ++i;
    } else if (!word.starts_with('-') || word.starts_with("-p") || word.starts_with("--pid") ||
               word.starts_with("--watch") || word.starts_with("--details")) {
      return vitals_command;
    }
  }
  return list_command;
}

std::string overview() {
  std::string text =
      "What the coroutines of a running program do: how many there are, what each waits for, and since when.\n\n"
      "Usage: tasks [COMMAND] [OPTIONS]\n"
      "       tasks              the same as tasks list\n"
      "       tasks PID          the same as tasks vitals -p PID\n\nCommands:\n";
  for (const auto& c : commands()) {
    if (!c.hidden) text += fmt::format("  {:<10}{}\n", c.name, c.help);
  }
  return text +
         "\nPID is a process id, or a name that one process has. tasks COMMAND --help lists a command's options.\n";
}

}  // namespace

result<invocation> parse_command_line(std::span<const char* const> words) {
  invocation call;
  const std::string_view first = words.empty() ? std::string_view() : words.front();
  if (is_one_of(first, {"--help", "-h", "help"})) {
    call.text = overview();
    return call;
  }
  if (first == "--version") {
    call.text = fmt::format("tasks {}\n", program_version);
    return call;
  }
  const command* named = words.empty() ? nullptr : find_command(first);
  call.what = named ? named : &implied_command(words);
  call.word_was_bare = !named && !first.empty() && !first.starts_with('-');
  if (named) words = words.subspan(1);

  CLI::App app(std::string(call.what->help), fmt::format("tasks {}", call.what->name));
  std::array<std::string, 2> positional;
  configure(app, *call.what, call.args, positional);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    call.text = app.help();
    call.what = nullptr;
    return call;
  } catch (const CLI::ParseError& e) {
    return usage_error(std::string(call.what->name), e.what(), fmt::format("tasks {} --help", call.what->name));
  }
  auto& [target, task] = positional;
  // With -p or --core a single word is the task's.
  if (call.what->positional.ends_with(task_word) && task.empty() && (!call.args.target.empty() || call.args.core))
    std::swap(target, task);
  call.args.task = task;
  if (!target.empty()) {
    if (!call.args.target.empty()) return usage_error(target, "a second target", "one at a time");
    call.args.target = target;
  }
  return call;
}

}  // namespace tasks::cli
