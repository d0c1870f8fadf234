#include "demangle.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

/// Of libstdc++'s archive alone. Returns 0 when the whole name has been handed over, part by part.
extern "C" [[gnu::weak]] int __gcclibcxx_demangle_callback(const char* symbol,
                                                           void (*take)(const char* part, std::size_t size, void* to),
                                                           void* to);

namespace tasks::detail {
namespace {

struct too_long {};

void take_part(const char* part, std::size_t size, void* to) {
  auto& name = *static_cast<std::string*>(to);
  if (name.size() + size > longest_name) throw too_long();
  name.append(part, size);
}

/// Throws too_long, through libstdc++'s functions, which own nothing.
std::optional<std::string> demangle_in_parts(const std::string& symbol) {
  std::string name;
  if (__gcclibcxx_demangle_callback(symbol.c_str(), take_part, &name) != 0) return std::nullopt;
  return name;
}

/// Whether what is expanded there begins with a pack: references and pointers to it are looked through at once.
bool is_pack_itself(std::string_view expanded) {
  const auto type = expanded.find_first_not_of("ORPKV");
  return type != expanded.npos && expanded[type] == 'T';
}

/// The same with arrays and negations in the place of packs that are to be searched for: as long, of as many types, and
/// printed as it is read. False: there are none.
bool replace_packs(std::string& symbol) {
  bool any = false;
  for (std::size_t at = 0; at + 2 < symbol.size(); ++at) {
    const auto rest = std::string_view(symbol).substr(at);
    const bool type = rest.starts_with("Dp"), value = rest.starts_with("sp") || rest.starts_with("sZ");
    if ((!type && !value) || is_pack_itself(rest.substr(2))) continue;
    symbol.replace(at, 2, type ? "A_" : "ng");
    any = true;
  }
  return any;
}

/// Before libstdc++ prints an expanded pack it searches what is expanded for one, in a time that grows as the text
/// would that it has not printed yet. Throws too_long.
void check_packs(std::string symbol) {
  constexpr std::ptrdiff_t harmless = 40;  // of types named again: the search takes milliseconds
  if (std::count(symbol.begin(), symbol.end(), '_') <= harmless || !replace_packs(symbol)) return;
  if (!demangle_in_parts(symbol)) throw too_long();
}

std::optional<std::string> demangle_bounded(const std::string& symbol) {
  try {
    check_packs(symbol);
    return demangle_in_parts(symbol);
  } catch (const too_long&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> demangle(const std::string& symbol) {
  if (__gcclibcxx_demangle_callback != nullptr) return demangle_bounded(symbol);
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 && name ? std::optional<std::string>(name.get()) : std::nullopt;
}

}  // namespace tasks::detail
