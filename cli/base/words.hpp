#pragma once

/// What waits and states are called, by views and in options.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// "channel receive"; "other" for a kind that this tasks does not know.
[[nodiscard]] std::string_view kind_name(v1::Wait::Kind kind);
/// "running".
[[nodiscard]] std::string_view state_name(v1::Task::State state);

/// Takes "channel receive", "channel-receive" and "CHANNEL_RECEIVE", and what views call waits: "pipe read" and
/// "file read" are a descriptor read, "blocked: tasks" is tasks.
[[nodiscard]] std::optional<v1::Wait::Kind> parse_kind(std::string_view text);
[[nodiscard]] std::optional<v1::Task::State> parse_state(std::string_view text);
/// What somebody meant who typed a kind that there is not: "channel-receive". Empty: nothing comes to mind.
[[nodiscard]] std::string nearest_kind(std::string_view text);
/// As options take them: "channel-receive", "running".
[[nodiscard]] std::vector<std::string> kind_words();
[[nodiscard]] std::vector<std::string> state_words();

/// "SIGSEGV"; "signal 99" of one without a name.
[[nodiscard]] std::string signal_name(int signal);

}  // namespace tasks::cli
