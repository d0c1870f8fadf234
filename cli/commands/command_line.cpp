#include "commands/command_line.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace tasks::cli {
namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// "tasks --json" is a list, "tasks 4131" and "tasks -p 4131" are vitals.
const command& implied_command(std::span<const char* const> words) {
  const auto vitals = [] { return find_command("vitals"); };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--timeout") {
      ++i;
    } else if (!word.starts_with('-') || word.starts_with("-p") || word.starts_with("--pid") ||
               word.starts_with("--watch") || word.starts_with("--details")) {
      return *vitals();
    }
  }
  return *find_command("list");
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

/// Has the words of one command taken apart, and its call told of each.
class parser {
 public:
  explicit parser(const command& of)
      : command_(of), app_(std::string(of.help), fmt::format("tasks {}", of.name)), call_(of.begin()) {
    for (std::size_t i = 0; i < of.options.size(); ++i)
      add(of.options[i], [this, i](const std::string& text) { note(call_->set_option(i, text)); });
    words_.resize(of.words.size());
    for (std::size_t i = 0; i < of.words.size(); ++i)
      app_.add_option(std::string(of.words[i].names), words_[i])->type_name("");
  }
  parser(const parser&) = delete;
  parser& operator=(const parser&) = delete;

  /// Null with the help that was asked for in `help`.
  result<std::unique_ptr<call>> parse(std::vector<std::string> words, std::string& help) {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      app_.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
      help = app_.help();
      return std::unique_ptr<call>();
    } catch (const CLI::ParseError& e) {
      return usage_error(std::string(command_.name), e.what(), fmt::format("tasks {} --help", command_.name));
    }
    set_words();
    if (wrong_) return *wrong_;
    return std::move(call_);
  }

 private:
  using setter = std::function<void(const std::string&)>;

  void add(const option& o, const setter& set) {
    const std::string names(o.names), help(o.help);
    std::string value(o.value);
    if (value.empty()) {
      app_.add_flag_function(
          names, [set](std::int64_t) { set({}); }, help);
    } else if (o.repeats) {
      // One value each time it is given, or it would take the target for another.
      app_.add_option_function<std::vector<std::string>>(
              names, [set](const auto& all) { std::for_each(all.begin(), all.end(), set); }, help)
          ->type_name(value)
          ->take_all()
          ->allow_extra_args(false);
    } else {
      const bool may_be_left_out = value.front() == '[';
      if (may_be_left_out) value = value.substr(1, value.size() - 2);
      auto* added = app_.add_option_function<std::string>(names, set, help)->type_name(value);
      if (may_be_left_out) added->expected(0, 1);
    }
  }

  /// A single word is the last of several where the first is told by an option: "tasks why --core FILE 7".
  void set_words() {
    const auto given = [this](const char* name) { return app_.get_option_no_throw(name) && app_.count(name) != 0; };
    if (words_.size() > 1 && words_.back().empty() && (given("--pid") || given("--core")))
      std::swap(words_.front(), words_.back());
    for (std::size_t i = 0; i < words_.size(); ++i)
      if (!words_[i].empty()) note(call_->set_word(i, words_[i]));
  }

  void note(const result<void>& set) {
    if (!set && !wrong_) wrong_ = set.why();
  }

  const command& command_;
  CLI::App app_;
  std::unique_ptr<call> call_;
  std::vector<std::string> words_;
  std::optional<error> wrong_;  ///< the first value that made no sense
};

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
  const auto* named = words.empty() ? nullptr : find_command(first);
  if (named) {
    words = words.subspan(1);
  } else if (!first.starts_with('-')) {
    call.bare_word = first;
  }
  auto parsed = parser(named ? *named : implied_command(words)).parse({words.begin(), words.end()}, call.text);
  if (!parsed) return parsed.why();
  call.command = *std::move(parsed);
  return call;
}

}  // namespace tasks::cli
