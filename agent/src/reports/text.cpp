#include "reports/text.hpp"

#include <charconv>

#include "demangle.hpp"
#include "names.hpp"
#include "reports/libraries.hpp"

namespace tasks::detail {

std::string demangled(const std::string& symbol) { return demangle(symbol).value_or(symbol); }

std::string function_name(std::string_view compilers) { return make_readable(compilers).text; }

bool is_plumbing(std::string_view function, std::string_view file) noexcept {
  for (const auto& each : libraries) {
    for (const auto folder : each.folders)
      if (file.find(folder) != file.npos) return true;
    if (function.find(each.scope) < function.find('(')) return true;
  }
  return false;
}

std::string duration(std::uint64_t ms) {
  const auto seconds = ms / 1000;
  if (seconds == 0) return {};
  std::string text;
  if (seconds >= 3600) text += std::to_string(seconds / 3600) + "h";
  if (seconds >= 60) text += std::to_string(seconds / 60 % 60) + "m";
  return text + std::to_string(seconds % 60) + "s";
}

std::string hexadecimal(std::uint64_t address) {
  char text[19] = {'0', 'x'};
  return {text, std::to_chars(text + 2, text + sizeof text, address, 16).ptr};
}

}  // namespace tasks::detail
