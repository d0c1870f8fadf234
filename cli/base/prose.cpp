#include "base/prose.hpp"

#include <algorithm>
#include <string>

#include "base/table.hpp"
#include "base/text.hpp"

namespace tasks::cli {
namespace {

/// How long the sequence is that sets a colour, where a text begins with one; 0: it does not.
std::size_t color_length(std::string_view text) {
  if (!text.starts_with("\033[")) return 0;
  const auto end = text.find('m');
  return end == text.npos ? 0 : end + 1;
}

std::size_t shown_width(std::string_view word) {
  std::size_t width = 0;
  while (!word.empty()) {
    if (const auto color = color_length(word); color != 0) {
      word.remove_prefix(color);
      continue;
    }
    const auto next = word.find("\033[", 1);
    width += display_width(word.substr(0, next));
    word.remove_prefix(std::min(next, word.size()));
  }
  return width;
}

/// What a line begins with, which the lines that follow leave blank.
struct lead {
  std::size_t bytes, width;
};

lead lead_of(std::string_view line) {
  const auto color = color_length(line);
  line.remove_prefix(color);
  const auto blanks = std::min(line.find_first_not_of(' '), line.size());
  const auto width = blanks + (line.substr(blanks).starts_with("! ") ? 2 : 0);
  return {color + width, width};
}

}  // namespace

void append_prose(fmt::memory_buffer& out, std::string_view line, const text_style& style) {
  const auto begin = lead_of(line);
  append(out, line.substr(0, begin.bytes));
  auto width = begin.width;
  for (auto at = begin.bytes; at < line.size();) {
    const auto word = std::min(line.find_first_not_of(' ', at), line.size());
    const auto end = std::min(line.find(' ', word), line.size());
    const auto wide = shown_width(line.substr(word, end - word));
    if (style.width != 0 && at != begin.bytes && width + (word - at) + wide > style.width) {
      append(out, "\n" + std::string(begin.width, ' '));
      width = begin.width;
    } else {
      append(out, line.substr(at, word - at));
      width += word - at;
    }
    append(out, line.substr(word, end - word));
    width += wide;
    at = end;
  }
  append(out, "\n");
}

}  // namespace tasks::cli
