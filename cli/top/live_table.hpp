#pragma once

/// A table on the screen: sorted, filtered, and with a line that is chosen and stays chosen while others come and go.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "top/screen.hpp"

namespace tasks::cli {

struct live_column {
  std::string_view title;
  std::string_view order;  ///< what it is called to sort by it: "count"; empty: nobody does
  std::size_t width = 0;   ///< 0: what is left
  bool right = false;
  std::size_t from_width = 0;  ///< left out on narrower screens
  bool hidden = false;         ///< and nobody sorts by it
};

struct live_row {
  std::string id;                  ///< the same at each look
  std::vector<std::string> cells;  ///< one a column: foreign text
  std::vector<double> values;      ///< one a column, to sort by, the largest first
};

class live_table {
 public:
  explicit live_table(std::vector<live_column> columns);

  void set_rows(std::vector<live_row> rows);
  /// Rows that have this in a cell, whatever the case; empty: all.
  void set_filter(std::string text);
  [[nodiscard]] const std::string& filter() const noexcept { return filter_; }
  void sort_by_next();
  void show_column(std::string_view title, bool shown);
  [[nodiscard]] std::string_view order() const { return columns_[order_].order; }
  /// False: it is none that moves the choice.
  bool press(const keystroke& key);
  /// Id of the row that is chosen; empty: there is none.
  [[nodiscard]] std::string chosen() const;
  [[nodiscard]] std::size_t size() const noexcept { return shown_.size(); }
  [[nodiscard]] std::size_t size_of_all() const noexcept { return rows_.size(); }
  /// A heading and at most `rows` - 1 rows.
  [[nodiscard]] std::vector<drawn_line> draw(std::size_t rows, std::size_t width);

 private:
  void arrange();
  void move_to(std::size_t place);
  [[nodiscard]] std::vector<std::size_t> widths_in(std::size_t width) const;
  [[nodiscard]] drawn_line draw_heading(const std::vector<std::size_t>& widths) const;

  std::vector<live_column> columns_;
  std::vector<live_row> rows_;
  std::vector<std::size_t> shown_;  ///< rows that pass the filter, in order
  std::string filter_;
  std::string chosen_;     ///< empty: the first, wherever that goes
  std::size_t order_ = 0;  ///< column
  std::size_t place_ = 0;  ///< of the chosen one among those that are shown
  std::size_t top_ = 0;    ///< the first that is drawn
  std::size_t page_ = 10;  ///< rows that were drawn last
};

/// Foreign text that drives no terminal.
[[nodiscard]] std::string harmless(std::string_view text);
/// Where `part`, which is not empty, begins in `text` from `from` on, whatever the case; npos: nowhere.
[[nodiscard]] std::size_t find_in_any_case(std::string_view text, std::string_view part, std::size_t from = 0);

}  // namespace tasks::cli
