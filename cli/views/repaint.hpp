#pragma once

/// Pictures of a view, one after the other in the same place of a terminal.

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tasks::cli {

/// A line as it is compared with others: ages are left out, and what sets colours.
[[nodiscard]] std::string without_ages(std::string_view line);

class repainter {
 public:
  /// What is to be sent to a terminal of so many rows, so that it shows the heading and under it as much of `text` as
  /// fits. Lines that the picture before did not have, but for ages, are in reverse video.
  [[nodiscard]] std::string paint(std::string_view heading, std::string_view text, std::size_t rows);

 private:
  static constexpr std::size_t most_lines = 10'000;

  std::unordered_map<std::string, std::size_t> last_;  ///< lines of the picture before: how often each was there
  bool has_last_ = false;
};

}  // namespace tasks::cli
