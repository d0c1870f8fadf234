#pragma once

/// The table of subcommands. --help, the man page and the shells' completions all come from it.
///
///   command ──begin()──> call ──set_option(), set_word()──> its own struct of choices ──run()──> exit code

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/output.hpp"
#include "commands/options.hpp"

namespace tasks::cli {

/// A command with what the user chose.
class call {
 public:
  virtual ~call() = default;
  /// By their place in the command. Fails where the text makes no sense.
  virtual result<void> set_option(std::size_t place, const std::string& text) = 0;
  virtual result<void> set_word(std::size_t place, const std::string& text) = 0;
  /// Returns the exit code; output goes to `out`.
  virtual result<int> run(output& out) const = 0;
};

struct command {
  std::string_view name;
  std::string_view help;        ///< one line
  std::vector<option> words;    ///< such as PID, in their order
  std::vector<option> options;  ///< as --help lists them
  std::function<std::unique_ptr<call>()> begin;
};

[[nodiscard]] std::span<const command> commands();
/// Null: no such command.
[[nodiscard]] const command* find_command(std::string_view name);

command list_command();
command vitals_command();
command stack_command();
command tree_command();
command threads_command();
command requests_command();
command channels_command();
command operations_command();
command memory_command();
command why_command();
command leaks_command();
command report_command();
command check_command();
command doctor_command();
command record_command();
command diff_command();
command profile_command();
command slow_command();
command top_command();
command serve_command();
command schema_command();
command gdb_script_command();
command lldb_script_command();
command manual_command();
command completion_command();

/// What a command's own struct of choices makes of it.
template <class Chosen>
class call_of final : public call {
 public:
  struct description {
    std::vector<option_of<Chosen>> words, options;
    result<int> (*run)(const Chosen&, output&);
  };
  explicit call_of(std::shared_ptr<const description> of) : of_(std::move(of)) {}

  result<void> set_option(std::size_t place, const std::string& text) override {
    return of_->options[place].set(chosen_, text);
  }
  result<void> set_word(std::size_t place, const std::string& text) override {
    return of_->words[place].set(chosen_, text);
  }
  result<int> run(output& out) const override { return of_->run(chosen_, out); }

 private:
  std::shared_ptr<const description> of_;
  Chosen chosen_;
};

template <class Chosen>
command make_command(std::string_view name, std::string_view help, std::vector<option_of<Chosen>> words,
                     std::vector<option_of<Chosen>> options, result<int> (*run)(const Chosen&, output&)) {
  using calls = call_of<Chosen>;
  const auto of = std::make_shared<const typename calls::description>(std::move(words), std::move(options), run);
  return {name, help, {of->words.begin(), of->words.end()}, {of->options.begin(), of->options.end()}, [of] {
            return std::make_unique<calls>(of);
          }};
}

}  // namespace tasks::cli
