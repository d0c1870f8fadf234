#pragma once

/// A view's text on the screen, to scroll and to search in.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "top/screen.hpp"

namespace tasks::cli {

class text_page {
 public:
  /// Text with the few colours that views use.
  void set_text(std::string_view text);
  /// As in less: / begins to type what is looked for, n and N lead to the next and the previous line that has it.
  /// False: it is no key of a page's.
  bool press(const keystroke& key);
  [[nodiscard]] std::vector<drawn_line> draw(std::size_t rows);
  /// "lines 1-20 of 57", "lines 38-57 of 57; "pool" in line 41"; empty: all of it is to be seen, and nothing is looked
  /// for.
  [[nodiscard]] std::string where() const;
  /// What is being typed to be looked for; nothing: keys mean what they say.
  [[nodiscard]] const std::optional<std::string>& typed() const noexcept { return typed_; }

 private:
  void press_while_typing(const keystroke& key);
  void search(bool forward, std::size_t from);
  void search_on(bool forward);
  [[nodiscard]] bool is_seen(std::size_t line) const noexcept { return line >= top_ && line - top_ < rows_; }
  [[nodiscard]] std::size_t last_top() const;

  std::vector<drawn_line> lines_;
  std::size_t top_ = 0, left_ = 0;
  std::size_t rows_ = 1;  ///< that were drawn last
  std::optional<std::string> typed_;
  std::string sought_;                               ///< empty: nothing yet
  std::optional<std::size_t> found_;                 ///< the last line that was found to have it
  bool sought_forward_ = true, has_missed_ = false;  ///< the last search; there was no other line that way
};

}  // namespace tasks::cli
