#pragma once

/// Numbers of the last looks, and the small line that is drawn of them: "▁▁▂▅█▅".

#include <cstddef>
#include <deque>
#include <string>

namespace tasks::cli {

class history {
 public:
  static constexpr std::size_t most = 256;

  void add(double value);
  [[nodiscard]] const std::deque<double>& values() const noexcept { return values_; }
  /// The newest on the right, `width` columns; blanks where nothing is known yet. The lowest block stands for zero, the
  /// highest for the largest that is drawn.
  [[nodiscard]] std::string line(std::size_t width) const;

 private:
  std::deque<double> values_;
};

}  // namespace tasks::cli
