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

std::string text_in(const drawn_line& line) {
  std::string text;
  for (const auto& part : line) text += part.text;
  return text;
}

/// The same line, with whatever is looked for in it as chosen.
drawn_line with_marks(const drawn_line& line, std::string_view sought) {
  const auto text = text_in(line);
  drawn_line marked;
  std::size_t begin = 0;  // of a part, in the whole line
  std::size_t from = text.npos, to = 0;
  const auto find_next = [&](std::size_t at) {
    from = find_in_any_case(text, sought, at);
    to = from == text.npos ? from : from + sought.size();
  };
  find_next(0);
  for (const auto& part : line) {
    for (std::size_t at = begin; at < begin + part.text.size();) {
      const bool is_in = from <= at;
      const auto end = std::min(begin + part.text.size(), is_in ? to : from);
      marked.push_back({text.substr(at, end - at), is_in ? tone::chosen : part.as});
      at = end;
      if (is_in && at == to) find_next(at);
    }
    begin += part.text.size();
  }
  return marked;
}

}  // namespace

void text_page::set_text(std::string_view text) {
  lines_.assign(1, {});
  found_.reset();
  sought_.clear();
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

void text_page::press_while_typing(const keystroke& key) {
  if (key.which == key::escape || (key.which == key::erase && typed_->empty())) {
    typed_.reset();
  } else if (key.which == key::erase) {
    typed_->pop_back();
  } else if (key.which == key::character) {
    *typed_ += key.character;
  } else if (key.which == key::enter) {
    const bool is_new = !typed_->empty();
    if (is_new) {
      sought_ = *std::move(typed_);
      found_.reset();
    }
    typed_.reset();
    is_new ? search(true, top_) : search_on(true);
  }
}

/// From that line on.
void text_page::search(bool forward, std::size_t from) {
  if (sought_.empty()) return;
  sought_forward_ = forward;
  const auto has = [this](std::size_t at) {
    return find_in_any_case(text_in(lines_[at]), sought_) != std::string::npos;
  };
  auto at = from;
  while (at < lines_.size() && !has(at)) forward ? ++at : --at;  // before the first is beyond the last
  has_missed_ = at >= lines_.size();
  if (has_missed_) return;
  found_ = at;
  if (!is_seen(at)) top_ = at;
}

/// From the line that was found, if it is still seen, else from the first that is.
void text_page::search_on(bool forward) {
  const bool goes_on = found_ && is_seen(*found_);
  if (forward)
    search(true, goes_on ? *found_ + 1 : top_);
  else
    search(false, (goes_on ? *found_ : top_) - 1);
}

bool text_page::press(const keystroke& key) {
  if (typed_) {
    press_while_typing(key);
    top_ = std::min(top_, last_top());
    return true;
  }
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
  else if (is('/'))
    typed_.emplace();
  else if (is('n') || is('N'))
    search_on(is('n'));
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
    for (const auto& part : sought_.empty() ? lines_[at] : with_marks(lines_[at], sought_))
      line.push_back({without_left(part.text, left), part.as});
    drawn.push_back(std::move(line));
  }
  return drawn;
}

std::string text_page::where() const {
  std::string words;
  if (lines_.size() > rows_)
    words = fmt::format("lines {}-{} of {}", top_ + 1, std::min(lines_.size(), top_ + rows_), lines_.size());
  if (sought_.empty()) return words;
  if (!words.empty()) words += "; ";
  if (!has_missed_) return words + fmt::format("\"{}\" in line {}", sought_, found_.value_or(0) + 1);
  return words + fmt::format("no \"{}\" {}", sought_, sought_forward_ ? "further down" : "further up");
}

}  // namespace tasks::cli
