#include "top/text_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "top/live_table.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t side_step = 8;

/// Columns from `left` on.
std::string without_left(std::string_view text, std::size_t& left) {
  std::size_t at = 0;
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  while (at < text.size() && left != 0) {
    ++at;
    while (at < text.size() && !begins(text[at])) ++at;
    --left;
  }
  return std::string(text.substr(at));
}

tone tone_of(std::string_view code) {
  if (code == "1") return tone::strong;
  if (code == "2") return tone::faint;
  return code == "33" ? tone::warning : tone::usual;
}

/// A tab is as wide as a blank elsewhere, but for one at the beginning of a line.
std::string with_blanks(std::string_view text) {
  std::string made;
  for (const char c : text) c == '\t' ? made.append(4, ' ') : made.append(1, c);
  return harmless(made);
}

}  // namespace

void text_page::set_text(std::string_view text) {
  lines_.assign(1, {});
  tone as = tone::usual;
  const auto add = [&](std::string_view part) {
    if (!part.empty()) lines_.back().push_back({with_blanks(part), as});
  };
  while (!text.empty()) {
    const auto at = std::min(text.find_first_of("\n\033"), text.size());
    add(text.substr(0, at));
    text.remove_prefix(at);
    if (text.empty()) break;
    if (text.front() == '\n') {
      lines_.emplace_back();
      text.remove_prefix(1);
      continue;
    }
    const auto end = text.find('m');
    const bool is_color = text.starts_with("\033[") && end != text.npos;
    if (is_color) as = tone_of(text.substr(2, end - 2));
    text.remove_prefix(is_color ? end + 1 : 1);
  }
  if (lines_.back().empty()) lines_.pop_back();
}

std::size_t text_page::last_top() const { return lines_.size() - std::min(lines_.size(), rows_); }

bool text_page::press(const keystroke& key) {
  const auto is = [&](char c) { return key.which == key::character && key.character == c; };
  if (key.which == key::up || is('k'))
    top_ -= std::min<std::size_t>(top_, 1);
  else if (key.which == key::down || key.which == key::enter || is('j'))
    ++top_;
  else if (key.which == key::page_up || is('b'))
    top_ -= std::min(top_, rows_);
  else if (key.which == key::page_down || is(' '))
    top_ += rows_;
  else if (key.which == key::home || is('g'))
    top_ = 0;
  else if (key.which == key::end || is('G'))
    top_ = last_top();
  else if (key.which == key::left)
    left_ -= std::min(left_, side_step);
  else if (key.which == key::right)
    left_ += side_step;
  else
    return false;
  top_ = std::min(top_, last_top());
  return true;
}

std::vector<drawn_line> text_page::draw(std::size_t rows) {
  rows_ = std::max<std::size_t>(rows, 1);
  top_ = std::min(top_, last_top());
  std::vector<drawn_line> drawn;
  for (auto at = top_; at < std::min(lines_.size(), top_ + rows_); ++at) {
    auto left = left_;
    drawn_line line;
    for (const auto& part : lines_[at]) line.push_back({without_left(part.text, left), part.as});
    drawn.push_back(std::move(line));
  }
  return drawn;
}

std::string text_page::where() const {
  if (lines_.size() <= rows_) return {};
  return fmt::format("lines {}-{} of {}", top_ + 1, std::min(lines_.size(), top_ + rows_), lines_.size());
}

}  // namespace tasks::cli
