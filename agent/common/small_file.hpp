#pragma once

/// The small text files of /proc and the cgroup file system.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::detail {

/// The first 1 MiB of a file; empty when it cannot be read. Throws std::bad_alloc.
[[nodiscard]] std::string read_small_file(const std::string& path);

/// Likewise of a file that is one short line, which the kernel writes at once: its end is not asked for.
[[nodiscard]] std::string read_line_of(const std::string& path);

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

/// A decimal number at the start of `text`; 0 when there is none.
[[nodiscard]] std::uint64_t parse_number(std::string_view text) noexcept;

}  // namespace tasks::detail
