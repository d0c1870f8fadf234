#include "base/text.hpp"

#include <algorithm>

namespace tasks::cli {

void append_foreign(fmt::memory_buffer& out, std::string_view text) {
  const auto harmless = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  if (std::all_of(text.begin(), text.end(), harmless)) return append(out, text);
  for (const char c : text) out.push_back(harmless(c) ? c : '?');
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

}  // namespace tasks::cli
