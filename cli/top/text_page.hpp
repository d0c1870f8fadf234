#pragma once

/// A view's text on the screen, to scroll in.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "top/screen.hpp"

namespace tasks::cli {

class text_page {
 public:
  /// Text with the few colours that views use.
  void set_text(std::string_view text);
  /// False: it is no key that scrolls.
  bool press(const keystroke& key);
  [[nodiscard]] std::vector<drawn_line> draw(std::size_t rows);
  /// "lines 1-20 of 57"; empty: all of it is to be seen.
  [[nodiscard]] std::string where() const;

 private:
  [[nodiscard]] std::size_t last_top() const;

  std::vector<drawn_line> lines_;
  std::size_t top_ = 0, left_ = 0;
  std::size_t rows_ = 1;  ///< that were drawn last
};

}  // namespace tasks::cli
