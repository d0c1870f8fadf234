#pragma once

/// A terminal whose every place can be written to, and its keys. No line of text knows how it gets there.
///
///   model ──draw()──> drawing ──show()──> screen (ncurses)     keys ──read_key()──> model

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace tasks::cli {

enum class tone { usual, strong, faint, chosen, warning };

/// Text of one look: UTF-8, without what could drive a terminal.
struct toned {
  std::string text;
  tone as = tone::usual;
};

using drawn_line = std::vector<toned>;

/// What the screen shows, from the top; the rest is empty.
struct drawing {
  std::vector<drawn_line> lines;
  bool operator==(const drawing&) const = default;
};
inline bool operator==(const toned& a, const toned& b) { return a.text == b.text && a.as == b.as; }

struct screen_size {
  std::size_t rows = 24, columns = 80;
  bool operator==(const screen_size&) const = default;
};

enum class key { other, character, up, down, left, right, page_up, page_down, home, end, enter, escape, erase, resize };

struct keystroke {
  key which = key::other;
  char character = 0;  ///< of key::character, ASCII
};

class screen {
 public:
  /// Gives the terminal back as it was.
  virtual ~screen() = default;
  [[nodiscard]] virtual screen_size size() const = 0;
  /// Cuts what does not fit.
  virtual void show(const drawing& what) = 0;
  /// Does not wait. Nothing: no key was pressed.
  virtual std::optional<keystroke> read_key() = 0;
};

/// Takes the terminal. Fails where standard input or output is none, where it cannot move its cursor, and where this
/// was built without ncurses.
[[nodiscard]] result<std::unique_ptr<screen>> open_screen(bool color);

}  // namespace tasks::cli
