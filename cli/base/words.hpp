#pragma once

/// The words and numbers that views print and options take.

#include <chrono>
#include <cstdint>
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

/// Takes "channel receive", "channel-receive" and "CHANNEL_RECEIVE".
[[nodiscard]] std::optional<v1::Wait::Kind> parse_kind(std::string_view text);
[[nodiscard]] std::optional<v1::Task::State> parse_state(std::string_view text);
/// As options take them: "channel-receive", "running".
[[nodiscard]] std::vector<std::string> kind_words();
[[nodiscard]] std::vector<std::string> state_words();

/// "12s", "3m12s", "3h12m", "4d3h"; "<1s" for less than a second, or than the resolution where that is coarser.
[[nodiscard]] std::string format_age(std::uint64_t ms, std::uint32_t resolution_ms);
/// "512 B", "12.3 MiB".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

/// "30s", "1m30s", "2h", "500ms", "0.5"; a number without a unit is seconds.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace tasks::cli
