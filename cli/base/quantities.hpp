#pragma once

/// Ages, sizes and durations, as views print and options take them.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tasks::cli {

/// "12s", "3m12s", "3h12m", "4d3h"; "<1s" for less than a second, or than the resolution where that is coarser.
[[nodiscard]] std::string format_age(std::uint64_t ms, std::uint32_t resolution_ms);
/// "850ns", "31µs", "2.1ms", "1.21s", "3m12s".
[[nodiscard]] std::string format_nanoseconds(std::uint64_t ns);
/// "1,234"
[[nodiscard]] std::string in_thousands(std::uint64_t number);
/// "1 task", "4,096 tasks".
[[nodiscard]] std::string number_and_noun(std::uint64_t count, std::string_view one);
/// "512 B", "12.3 MiB".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
/// "2026-01-31 12:30:05", local, of nanoseconds since the epoch.
[[nodiscard]] std::string format_time(std::int64_t ns);

/// "30s", "1m30s", "2h", "500ms", "0.5"; a number without a unit is seconds.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace tasks::cli
