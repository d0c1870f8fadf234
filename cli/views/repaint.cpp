#include "views/repaint.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace tasks::cli {
namespace {

constexpr std::string_view to_begin = "\033[H", to_line_end = "\033[K", to_screen_end = "\033[J";
constexpr std::string_view reverse = "\033[7m", usual = "\033[0m", usual_reverse = "\033[0;7m";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_word(char c) noexcept { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Behind "12", "0.5".
std::size_t behind_number(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && (is_digit(text[at]) || text[at] == '.')) ++at;
  return at;
}

/// Behind a unit of time; where it is none: `at`.
std::size_t behind_unit(std::string_view text, std::size_t at) noexcept {
  for (const std::string_view unit : {"ns", "us", "ms", "s", "min", "m", "h", "d"})
    if (text.substr(at).starts_with(unit)) return at + unit.size();
  return at;
}

/// Behind "5s", "3h12m", "0.2s"; where it is no age: `at`.
std::size_t behind_age(std::string_view text, std::size_t at) noexcept {
  auto end = at;
  while (end < text.size() && is_digit(text[end])) {
    const auto number = behind_number(text, end);
    const auto unit = behind_unit(text, number);
    if (unit == number) return at;
    end = unit;
  }
  return end < text.size() && is_word(text[end]) ? at : end;
}

/// Behind ESC [ … and the letter that ends it.
std::size_t behind_escape(std::string_view text, std::size_t at) noexcept {
  const auto end = text.find('m', at);
  return end == text.npos ? text.size() : end + 1;
}

void append_marked(std::string& to, std::string_view line) {
  to += reverse;
  for (std::size_t at = 0;;) {
    const auto next = line.find(usual, at);
    to += line.substr(at, next - at);
    if (next == line.npos) break;
    to += usual_reverse;
    at = next + usual.size();
  }
  to += usual;
}

}  // namespace

std::string without_ages(std::string_view line) {
  std::string left;
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    const bool begins = is_digit(c) && (left.empty() || (!is_word(left.back()) && left.back() != '.'));
    const auto behind = c == '\033' ? behind_escape(line, at) : begins ? behind_age(line, at) : at;
    if (behind == at) left += line[at++];
    at = std::max(at, behind);
  }
  return left;
}

std::string repainter::paint(std::string_view heading, std::string_view text, std::size_t rows) {
  std::string to(to_begin);
  // Before the text: a tab in that leaves what it passes.
  to += to_line_end;
  to += heading;
  std::unordered_map<std::string, std::size_t> now;
  std::size_t row = 1, lines = 0;
  while (!text.empty() && lines < most_lines) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++lines;
    auto key = without_ages(line);
    const auto known = last_.find(key);
    const bool is_new = has_last_ && (known == last_.end() || known->second == 0);
    if (known != last_.end() && known->second != 0) --known->second;
    ++now[std::move(key)];
    if (row >= rows) continue;
    ++row;
    to += '\n';
    to += to_line_end;
    if (is_new && !line.empty())
      append_marked(to, line);
    else
      to += line;
  }
  to += to_screen_end;
  last_ = std::move(now);
  has_last_ = true;
  return to;
}

}  // namespace tasks::cli
