#pragma once

/// What sh does on another host so that `tasks` runs there as it would here, and what it says on its standard output
/// besides.
///
///   whatever a login shell prints, which is nobody's · TOKEN \n · what tasks prints · \n TOKEN FOLDER SIZE \n a file
///
/// Its standard input is the executable, where that is brought along; then it stays open for as long as somebody wants
/// the answer. When it ends tasks is interrupted, as by ^C: without a terminal there, nothing else tells that the
/// caller is gone.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::cli {

struct remote_script {
  std::string host;                 ///< for what is said of it
  std::string token;                ///< that nobody else prints
  std::vector<std::string> words;   ///< for tasks there
  std::string columns;              ///< of the terminal here, or COLUMNS; empty: no limit
  std::string terminal;             ///< TASKS_TERMINAL, see style_of_stdout(); empty: output is no terminal
  bool no_color = false;            ///< NO_COLOR, for a terminal there
  bool on_terminal = false;         ///< a terminal there: no tokens, and nobody watches standard input
  std::optional<std::string> file;  ///< name that a word has for what is to be brought back, see file_word
  std::vector<std::pair<std::string, std::size_t>> brings;  ///< names and sizes of what comes by standard input
  std::string brought;                                      ///< the folder there that has it already; empty: none
  bool leaves_it = false;  ///< only brings it, and says where it is: TOKEN \n FOLDER \n
};

/// Exit codes of the script's own.
inline constexpr int cannot_run_there = 126, not_there = 127;

/// Of a word: where it begins so, the folder that the file is made in stands for it.
inline constexpr std::string_view file_word = "\x01/";

[[nodiscard]] std::string text_of(const remote_script& script);

/// Removes what a script has left.
[[nodiscard]] std::string removal_of(std::string_view folder);

}  // namespace tasks::cli
