#include "commands/command_line.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/nearest.hpp"
#include "commands/other_words.hpp"
#include "commands/remote.hpp"
#include "target/roots.hpp"

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
      "       tasks PID          the same as tasks vitals -p PID\n"
      "       tasks -H HOST …    the same on another host\n\nCommands:\n";
  for (const auto& c : commands()) text += fmt::format("  {:<12}{}\n", c.name, c.help);
  text += "\nOptions of every command:\n";
  for (const auto& o : host_options())
    text += fmt::format("  {:<18}{}\n", o.value.empty() ? std::string(o.names) : fmt::format("{} {}", o.names, o.value),
                        o.help);
  return text +
         "\nPID is a process id, a name that one process has, or a container's id. tasks help COMMAND lists a "
         "command's options.\n";
}

/// "no option '--gruop': did you mean --group?"
error no_such(std::string subject, std::string_view what, std::string_view word,
              std::span<const std::string_view> candidates, std::string next_step) {
  auto fact = fmt::format("no {} '{}'", what, word);
  if (const auto meant = nearest(word, candidates); !meant.empty())
    return usage_error(std::move(subject), fmt::format("{}: did you mean {}?", fact, meant));
  return usage_error(std::move(subject), std::move(fact), std::move(next_step));
}

bool is_number(std::string_view word) { return word.find_first_not_of("0123456789") == word.npos; }

/// Has the words of one command taken apart, and its call told of each.
class parser {
 public:
  explicit parser(const command& of)
      : command_(of), app_(std::string(of.help), fmt::format("tasks {}", of.name)), call_(of.begin()) {
    app_.allow_extras();
    given_.resize(of.options.size());
    for (std::size_t i = 0; i < of.options.size(); ++i) add(of.options[i], given_[i]);
    words_.resize(of.words.size());
    for (std::size_t i = 0; i < of.words.size(); ++i) add_word(of.words[i], words_[i]);
  }
  parser(const parser&) = delete;
  parser& operator=(const parser&) = delete;

  /// Null with the help that was asked for in `help`.
  result<std::unique_ptr<call>> parse(std::vector<std::string> words, std::string& help) {
    const auto of_program = take_rest(words);
    try {
      app_.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 wants them
    } catch (const CLI::CallForHelp&) {
      help = app_.help();
      return std::unique_ptr<call>();
    } catch (const CLI::ArgumentMismatch& e) {
      return mismatch(e.what());
    } catch (const CLI::ParseError& e) {
      return usage_error(std::string(command_.name), e.what(), how_to());
    }
    if (auto wrong = unknown(words)) return *std::move(wrong);
    set_words(words);
    for (std::size_t i = 0; i < given_.size(); ++i) set_option(i);
    for (std::size_t i = 0; i < words_.size(); ++i)
      if (!words_[i].empty()) note(call_->set_word(i, words_[i]));
    for (const auto& each : more_words_) note(call_->set_word(words_.size() - 1, each));
    for (const auto& each : of_program) note(call_->set_word(words_.size() - 1, each));
    if (wrong_) return *wrong_;
    return std::move(call_);
  }

 private:
  /// Words that are another program's, which the command runs.
  [[nodiscard]] std::vector<std::string> take_rest(std::vector<std::string>& words) const {
    if (!takes_other_words(command_)) return {};
    const auto first = words.begin() + static_cast<std::ptrdiff_t>(begin_of_other_words(command_, words));
    const bool is_marked = first != words.end() && *first == "--";
    std::vector<std::string> rest(first + (is_marked ? 1 : 0), words.end());
    words.erase(first, words.end());
    return rest;
  }

  [[nodiscard]] std::string how_to() const { return fmt::format("tasks help {}", command_.name); }

  /// Every value is kept, one each time that the option is given, or it would take the target for another.
  void add(const option& o, std::vector<std::string>& values) {
    const std::string names(o.names), help(o.help);
    std::string value(o.value);
    if (value.empty()) {
      app_.add_flag_function(
              names, [&values](std::int64_t) { values.emplace_back(); }, help)
          ->disable_flag_override();
      return;
    }
    if (value.front() == '[') {  // may be left out
      value = value.substr(1, value.size() - 2);
      app_.add_option_function<std::string>(
              names, [&values](const std::string& typed) { values.push_back(typed); }, help)
          ->type_name(value)
          ->expected(0, 1);
      return;
    }
    auto* added = app_.add_option_function<std::vector<std::string>>(
        names, [&values](const auto& all) { values = all; }, help);
    added->type_name(value)->take_all()->allow_extra_args(false);
    if (!o.repeats) added->expected(1);  // or --help shows that it takes several
  }

  /// One that repeats is the last.
  void add_word(const option& o, std::string& value) {
    const std::string name(o.names), help(o.help);
    auto* added = o.repeats ? app_.add_option(name, more_words_, help) : app_.add_option(name, value, help);
    added->type_name("");
  }

  /// Of "--limit: 1 required N missing" or "json was given a disallowed flag override".
  [[nodiscard]] error mismatch(std::string_view said) const {
    for (const auto& o : command_.options) {
      for (auto name : names_of(o)) {
        if (!said.starts_with('-')) name.remove_prefix(name.find_first_not_of('-'));
        if (!said.starts_with(name) || said.substr(name.size(), 1).find_first_of(": ") != 0) continue;
        if (o.value.empty()) return usage_error(std::string(long_name(o.names)), "takes no value", how_to());
        if (o.value.front() == '[') return usage_error(std::string(long_name(o.names)), "given twice", how_to());
        return usage_error(std::string(long_name(o.names)), fmt::format("its {} is missing", o.value), how_to());
      }
    }
    return usage_error(std::string(command_.name), std::string(said), how_to());
  }

  /// The first word, as they were typed, that the command knows nothing of.
  std::optional<error> unknown(const std::vector<std::string>& words) const {
    const auto left = app_.remaining();
    const auto first = std::find_if(words.begin(), words.end(), [&left](const std::string& word) {
      return std::find(left.begin(), left.end(), word) != left.end();
    });
    if (first == words.end()) return std::nullopt;
    const std::string subject(command_.name);
    if (!first->starts_with('-'))
      return usage_error(subject, fmt::format("'{}' is one word too many", *first), how_to());
    std::vector<std::string_view> names{"--help"};
    for (const auto& o : command_.options)
      for (const auto name : names_of(o)) names.push_back(name);
    return no_such(subject, "option", std::string_view(*first).substr(0, first->find('=')), names, how_to());
  }

  void set_words(const std::vector<std::string>& typed) {
    const auto given = [this](const char* name) { return app_.get_option_no_throw(name) && app_.count(name) != 0; };
    const bool has_target = given("--pid") || given("--core") || given("--from");
    // A single word is the last of several where the first is told by an option: "tasks why --core FILE 7".
    if (words_.size() > 1 && words_.back().empty() && has_target) std::swap(words_.front(), words_.back());
    if (words_.empty() || !words_.front().empty() || has_target) return;
    // A word behind an option whose value may be left out is the target where there is no other: "vitals --watch 4131".
    for (std::size_t i = 0; i < given_.size(); ++i) {
      const bool may_be_left_out = command_.options[i].value.starts_with('[');
      if (!may_be_left_out || given_[i].empty() || given_[i].front().empty()) continue;
      if (std::find(typed.begin(), typed.end(), given_[i].front()) == typed.end()) continue;  // --watch=2
      words_.front() = std::exchange(given_[i].front(), {});
    }
  }

  void set_option(std::size_t place) {
    const auto& values = given_[place];
    const auto& o = command_.options[place];
    if (values.size() > 1 && !o.repeats)
      return note(usage_error(std::string(long_name(o.names)), "given twice", how_to()));
    for (const auto& value : values) note(call_->set_option(place, value));
  }

  void note(const result<void>& set) {
    if (!set && !wrong_) wrong_ = set.why();
  }

  const command& command_;
  CLI::App app_;
  std::unique_ptr<call> call_;
  std::vector<std::vector<std::string>> given_;  ///< values of each option; an empty one of a flag
  std::vector<std::string> words_;
  std::vector<std::string> more_words_;  ///< of one that repeats
  std::optional<error> wrong_;           ///< the first value that made no sense
};

}  // namespace

const command& command_of(std::span<const char* const> words) {
  const auto* named = words.empty() ? nullptr : find_command(words.front());
  return named != nullptr ? *named : implied_command(words);
}

error no_such_command(std::string_view word, bool nor_process) {
  std::vector<std::string_view> names{"help", "version"};
  for (const auto& c : commands()) names.push_back(c.name);
  return no_such("", nor_process ? "command and no process" : "command", word, names,
                 "tasks --help lists the commands");
}

result<invocation> parse_command_line(std::span<const char* const> words) {
  invocation call;
  std::string_view first = words.empty() ? std::string_view() : words.front();
  const bool asks_for_help = first == "help" && words.size() > 1;
  if (!asks_for_help && is_one_of(first, {"--help", "-h", "help"})) {
    call.text = overview();
    return call;
  }
  if (is_one_of(first, {"--version", "-V", "version"})) {
    call.text = fmt::format("tasks {}\n", program_version);
    return call;
  }
  if (asks_for_help) {
    const auto* about = find_command(words[1]);
    if (about == nullptr) return no_such_command(words[1]);
    auto parsed = parser(*about).parse({"--help"}, call.text);
    if (!parsed) return parsed.why();
    return call;
  }
  const auto& chosen = command_of(words);
  if (chosen.name == first) {
    words = words.subspan(1);
  } else if (!first.starts_with('-')) {
    call.bare_word = first;
  }
  auto parsed = parser(chosen).parse({words.begin(), words.end()}, call.text);
  if (!parsed) {
    // Of "leeks lab" not the second word is wrong, but of "lab --gruop" the option.
    if (call.bare_word.empty() || is_number(call.bare_word)) return parsed.why();
    const auto found = find_process(call.bare_word);
    const bool is_target = found || found.why().code == error_code::ambiguous_name;
    return is_target ? parsed.why() : no_such_command(call.bare_word);
  }
  call.command = *std::move(parsed);
  return call;
}

}  // namespace tasks::cli
