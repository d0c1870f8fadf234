#include "base/table.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t narrowest = 12;

bool begins_code_point(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

void pad(fmt::memory_buffer& out, std::size_t n) {
  for (; n != 0; --n) out.push_back(' ');
}

std::vector<std::size_t> widths_of(const std::vector<column>& columns, const std::vector<table_row>& rows,
                                   std::size_t indent, std::size_t terminal) {
  std::vector<std::size_t> widths(columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    widths[c] = columns[c].min_width;
    for (const auto& row : rows) {
      if (c < row.size()) widths[c] = std::max(widths[c], display_width(row[c]));
    }
  }
  if (terminal == 0) return widths;
  auto total = indent + gap * (columns.size() - 1);
  for (const auto w : widths) total += w;
  for (std::size_t c = columns.size(); c-- > 0 && total > terminal;) {
    if (!columns[c].shrinks || widths[c] <= narrowest) continue;
    const auto less = std::min(total - terminal, widths[c] - narrowest);
    widths[c] -= less;
    total -= less;
  }
  // The last one rather than a line that is broken anywhere.
  if (auto& last = widths.back(); total > terminal && last > narrowest && !columns.back().right)
    last -= std::min(total - terminal, last - narrowest);
  return widths;
}

/// Leaves "…" of what stands in each outermost pair of brackets that is not empty, but for lambdas' angles.
std::string without_contents(std::string_view text, char open, char close) {
  std::string out;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool arrow = text[i] == '>' && i != 0 && text[i - 1] == '-';
    const bool opens = text[i] == open && (depth != 0 || text.compare(i, 7, "<lambda") != 0);
    if (opens && depth++ == 0) {
      out += open;
      if (i + 1 < text.size() && text[i + 1] != close) out += "…";
    } else if (text[i] == close && !arrow && depth != 0) {
      if (--depth == 0) out += close;
    } else if (depth == 0) {
      out += text[i];
    }
  }
  return depth == 0 ? out : std::string(text);
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}

std::string cut(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::size_t end = 0, seen = 0;
  for (; end < text.size(); ++end) {
    if (begins_code_point(text[end]) && ++seen == width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string cut_function(std::string_view text, std::size_t width) {
  if (display_width(text) <= width || text.find('(') == text.npos) return cut(text, width);
  auto shorter = without_contents(text, '(', ')');
  if (display_width(shorter) > width && shorter.find("operator") == shorter.npos)
    shorter = without_contents(shorter, '<', '>');
  if (display_width(shorter) <= width) return shorter;
  // Its own name matters more than the scopes before it.
  std::string_view rest = shorter;
  for (auto at = rest.find("::"); at != rest.npos; at = rest.find("::")) {
    rest.remove_prefix(at + 2);
    if (display_width(rest) < width) return "…" + std::string(rest);
  }
  return cut(rest, width);
}

void render_table(fmt::memory_buffer& out, const std::vector<column>& columns, const std::vector<table_row>& rows,
                  std::string_view indent, const text_style& style) {
  const auto widths = widths_of(columns, rows, indent.size(), style.width);
  for (const auto& row : rows) {
    append(out, indent);
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c != 0) pad(out, gap);
      const auto cell = cut_function(row[c], widths[c]);
      const auto space = widths[c] - display_width(cell);
      if (columns[c].right) pad(out, space);
      append_foreign(out, cell);
      if (!columns[c].right && c + 1 < row.size()) pad(out, space);
    }
    out.push_back('\n');
  }
}

}  // namespace tasks::cli
