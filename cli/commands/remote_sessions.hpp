#pragma once

/// Several ssh at once, and what comes of them.

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/output.hpp"
#include "commands/remote_script.hpp"

namespace tasks::cli {

struct session_request {
  std::string host;
  remote_script script;
  std::string command = {};  ///< is run instead of the script; what it prints is nobody's. Empty: the script is
  std::string input = {};    ///< what the script brings
  bool names_host = false;   ///< what is said on standard error begins with the host, and is kept, too
  output* to = nullptr;      ///< gets what tasks prints there as it comes; null: that is kept
};

struct host_answer {
  std::string host;
  int code = 0;                     ///< of tasks there; no_answer: it did not come, or not whole
  std::string why;                  ///< the line that says why no_answer, which has been said; empty otherwise
  std::string text;                 ///< what tasks printed there, where that is kept
  std::vector<std::string> said;    ///< lines of standard error, where that is kept; without the host
  std::optional<std::string> file;  ///< that the script has brought back; nothing: it did not come whole
  std::string folder;               ///< in which that was there
};

/// All at once, until each has ended. ^C, and whatever else asks this process to end, interrupts tasks there, whose
/// answer is waited for; where it has not begun, or the second time, ssh is ended. In the order of the requests.
[[nodiscard]] result<std::vector<host_answer>> run_sessions(std::vector<session_request> asked);

/// The user's ssh, or what TASKS_SSH says instead of it: a program and its options, as a shell takes them.
[[nodiscard]] std::vector<std::string> ssh_words(const std::string& host, const std::string& script, bool terminal);
/// Of letters, digits and a hyphen, another one each time.
[[nodiscard]] std::string new_token();

}  // namespace tasks::cli
