#pragma once

/// `tasks -H [USER@]HOST COMMAND …`: the same words, run by the `tasks` of another host, or of several at once, over
/// the user's own ssh.
///
///   words ──take_hosts()──> hosts, and what is left ──run_remotely()──> ssh HOST 'sh script' for each ──> output, exit
///   code
///
/// Nothing of it is sent anywhere else, and nobody but ssh knows keys and passwords.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/output.hpp"
#include "commands/options.hpp"

namespace tasks::cli {

struct command;

/// What ssh says of itself, and so what this does of a host where the answer did not come, or not whole.
inline constexpr int no_answer = 255;

struct remote_call {
  std::vector<std::string> hosts;  ///< each once, in the order in which they were given
  bool push = false;               ///< this executable is brought along
  std::vector<std::string> words;  ///< the command line without them
};

/// The options that say where a command runs: -H and --push. They may stand before and behind its name.
[[nodiscard]] std::span<const option> host_options();

/// Nothing: no host is named. Fails where that makes no sense.
[[nodiscard]] result<std::optional<remote_call>> take_hosts(std::span<const char* const> words);

/// The largest exit code. What the hosts, and ssh, say on standard error is said there.
[[nodiscard]] result<int> run_remotely(const remote_call& call, output& out);

}  // namespace tasks::cli
