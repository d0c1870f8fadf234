#include "base/shell_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tasks::cli {
namespace {

bool means_itself(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" _-+./:=,@").find(c) != std::string_view::npos;
}

}  // namespace

std::string quoted_for_sh(std::string_view word) {
  std::string text = "'";
  for (const char c : word) c == '\'' ? text += "'\\''" : text += c;
  return text + "'";
}

std::string quoted_for_sh(std::span<const std::string> words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + quoted_for_sh(word);
  return text;
}

std::string for_any_shell(std::string_view script) {
  // Not as $0, which stands before what sh has to say.
  std::string text = R"sh(exec sh -c 'eval "$(printf %b "$1")"' sh ')sh";
  for (const char c : script) {
    if (means_itself(c))
      text += c;
    else
      fmt::format_to(std::back_inserter(text), "\\0{:03o}", static_cast<unsigned char>(c));
  }
  return text + "'";
}

}  // namespace tasks::cli
