#include "top/live_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/table.hpp"
#include "base/text.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t space_between = 2;
constexpr std::size_t least_rest = 20;

std::string laid_out(std::string_view text, std::size_t width, bool right) {
  const auto cell = cut_function(text, width);
  const std::string space(width - std::min(width, display_width(cell)), ' ');
  return right ? space + cell : cell + space;
}

}  // namespace

std::string harmless(std::string_view text) {
  fmt::memory_buffer made;
  append_foreign(made, text);
  return {made.data(), made.size()};
}

std::size_t find_in_any_case(std::string_view text, std::string_view part, std::size_t from) {
  const auto equal = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  const auto begin = text.begin() + static_cast<std::ptrdiff_t>(std::min(from, text.size()));
  const auto found = std::search(begin, text.end(), part.begin(), part.end(), equal);
  return found == text.end() ? text.npos : static_cast<std::size_t>(found - text.begin());
}

live_table::live_table(std::vector<live_column> columns) : columns_(std::move(columns)) {
  const auto first =
      std::find_if(columns_.begin(), columns_.end(), [](const live_column& each) { return !each.order.empty(); });
  order_ = static_cast<std::size_t>(first - columns_.begin());
}

void live_table::set_rows(std::vector<live_row> rows) {
  rows_ = std::move(rows);
  arrange();
}

void live_table::set_filter(std::string text) {
  filter_ = std::move(text);
  arrange();
}

void live_table::sort_by_next() {
  do order_ = (order_ + 1) % columns_.size();
  while (columns_[order_].order.empty() || columns_[order_].hidden);
  chosen_.clear();
  place_ = 0;
  arrange();
}

void live_table::show_column(std::string_view title, bool shown) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].title != title) continue;
    columns_[i].hidden = !shown;
    if (!shown && order_ == i) sort_by_next();
  }
}

void live_table::arrange() {
  shown_.clear();
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto& cells = rows_[i].cells;
    if (filter_.empty() || std::any_of(cells.begin(), cells.end(),
                                       [&](const auto& cell) { return find_in_any_case(cell, filter_) != cell.npos; }))
      shown_.push_back(i);
  }
  std::stable_sort(shown_.begin(), shown_.end(),
                   [this](std::size_t a, std::size_t b) { return rows_[a].values[order_] > rows_[b].values[order_]; });
  if (!chosen_.empty()) {
    const auto at =
        std::find_if(shown_.begin(), shown_.end(), [this](std::size_t i) { return rows_[i].id == chosen_; });
    if (at != shown_.end()) place_ = static_cast<std::size_t>(at - shown_.begin());
  }
  place_ = std::min(place_, shown_.empty() ? 0 : shown_.size() - 1);
  if (!chosen_.empty()) chosen_ = chosen();
}

void live_table::move_to(std::size_t place) {
  place_ = std::min(place, shown_.empty() ? 0 : shown_.size() - 1);
  chosen_ = chosen();
}

bool live_table::press(const keystroke& key) {
  const auto back = [this](std::size_t by) { return place_ - std::min(place_, by); };
  const auto is = [&](char c) { return key.which == key::character && key.character == c; };
  if (key.which == key::up || is('k'))
    move_to(back(1));
  else if (key.which == key::down || is('j'))
    move_to(place_ + 1);
  else if (key.which == key::page_up)
    move_to(back(page_));
  else if (key.which == key::page_down || is(' '))
    move_to(place_ + page_);
  else if (key.which == key::home || is('g'))
    move_to(0);
  else if (key.which == key::end || is('G'))
    move_to(shown_.size());
  else
    return false;
  return true;
}

std::string live_table::chosen() const { return shown_.empty() ? std::string() : rows_[shown_[place_]].id; }

/// A column of width 0 is not drawn.
std::vector<std::size_t> live_table::widths_in(std::size_t width) const {
  std::vector<std::size_t> widths;
  std::size_t taken = 0;
  for (const auto& each : columns_) {
    widths.push_back(width < each.from_width || each.hidden ? 0 : each.width);
    if (widths.back() != 0) taken += widths.back() + space_between;
  }
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].width == 0) widths[i] = std::max(width - std::min(width, taken), least_rest);
  return widths;
}

drawn_line live_table::draw_heading(const std::vector<std::size_t>& widths) const {
  drawn_line line;
  std::size_t drawn = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (widths[i] == 0) continue;
    const auto title = laid_out(columns_[i].title, widths[i], columns_[i].right);
    line.push_back(
        {(drawn == 0 ? "" : std::string(space_between, ' ')) + title, i == order_ ? tone::chosen : tone::strong});
    drawn += widths[i] + space_between;
  }
  return line;
}

std::vector<drawn_line> live_table::draw(std::size_t rows, std::size_t width) {
  const auto widths = widths_in(width);
  std::vector<drawn_line> lines = {draw_heading(widths)};
  page_ = rows < 2 ? 1 : rows - 1;
  if (place_ < top_) top_ = place_;
  if (place_ >= top_ + page_) top_ = place_ + 1 - page_;
  top_ = std::min(top_, shown_.size() - std::min(shown_.size(), page_));
  for (std::size_t at = top_; at < std::min(shown_.size(), top_ + page_); ++at) {
    std::string text;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] == 0) continue;
      if (!text.empty()) text.append(space_between, ' ');
      text += laid_out(harmless(rows_[shown_[at]].cells[i]), widths[i], columns_[i].right);
    }
    if (at == place_ && display_width(text) < width) text.append(width - display_width(text), ' ');
    lines.push_back({{std::move(text), at == place_ ? tone::chosen : tone::usual}});
  }
  return lines;
}

}  // namespace tasks::cli
