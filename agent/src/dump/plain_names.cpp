#include "dump/plain_names.hpp"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "reports/symbols.hpp"

namespace tasks::detail {
namespace {

/// The opening parenthesis that belongs to the closing one at the end.
std::size_t opening(std::string_view text) noexcept {
  int depth = 0;
  for (auto i = text.size(); i-- > 0;) {
    if (text[i] == ')') ++depth;
    if (text[i] == '(' && --depth == 0) return i;
  }
  return text.npos;
}

/// "3lab" at the front of `symbol`: takes it off. Empty: it begins otherwise.
std::string_view take_name(std::string_view& symbol) noexcept {
  std::size_t size = 0, digits = 0;
  while (digits < symbol.size() && symbol[digits] >= '0' && symbol[digits] <= '9' && digits < 5)
    size = size * 10 + static_cast<std::size_t>(symbol[digits++] - '0');
  if (digits == 0 || size == 0 || size > symbol.size() - digits) return {};
  const auto name = symbol.substr(digits, size);
  symbol.remove_prefix(digits + size);
  return name;
}

/// The names of an encoding, each with the separator before it; false: there is something else among them.
template <class Take>
bool for_each_name(std::string_view symbol, Take take) noexcept {
  const bool nested = symbol.starts_with('N');
  if (nested) symbol.remove_prefix(1);
  while (nested && !symbol.empty() && std::strchr("rVKRO", symbol.front()) != nullptr) symbol.remove_prefix(1);
  bool first = true;
  const auto give = [&](std::string_view name) {
    take(first ? "" : "::", name);
    first = false;
  };
  if (symbol.starts_with("St")) {
    symbol.remove_prefix(2);
    give("std");
  }
  if (symbol.starts_with('L')) symbol.remove_prefix(1);  // static
  do {
    const auto name = take_name(symbol);
    if (name.empty()) return false;
    if (!name.starts_with("_GLOBAL__N_")) give(name);  // of no name in the source
  } while (nested && !symbol.starts_with('E'));
  return !symbol.starts_with('I');  // arguments of a template
}

/// <builtin-type> of the Itanium C++ ABI, 5.1.5.2: what is thrown by those who throw no objects.
std::string_view built_in(std::string_view symbol) noexcept {
  constexpr std::pair<std::string_view, std::string_view> types[] = {
      {"b", "bool"}, {"c", "char"},          {"i", "int"},    {"j", "unsigned int"},
      {"l", "long"}, {"m", "unsigned long"}, {"d", "double"}, {"PKc", "const char*"}};
  for (const auto& [letters, name] : types)
    if (symbol == letters) return name;
  return {};
}

/// Without what compilers call a namespace that has no name.
void write_named(last_words& out, std::string_view text) noexcept {
  while (!text.empty()) {
    std::size_t at = text.npos, size = 0;
    for (const std::string_view unnamed : {"(anonymous namespace)::", "{anonymous}::"})
      if (const auto found = text.find(unnamed); found < at) at = found, size = unnamed.size();
    out.foreign(text.substr(0, at));
    text.remove_prefix(at == text.npos ? text.size() : at + size);
  }
}

/// What _dl_find_object(3) knows of an address, without a lock.
struct module {
  std::uint64_t base = 0;
  const char* path = nullptr;  ///< null: none
  const char* name = "";
};

module module_of(std::uint64_t code) noexcept {
#if defined(DLFO_STRUCT_HAS_EH_DBASE)
  dl_find_object found{};
  if (_dl_find_object(reinterpret_cast<void*>(code), &found) != 0 || found.dlfo_link_map == nullptr) return {};
  const auto& map = *found.dlfo_link_map;
  module m{map.l_addr, map.l_name, map.l_name};
  if (map.l_name == nullptr || *map.l_name == 0) {
    m.path = "/proc/thread-self/exe";
    m.name = program_invocation_short_name;
  } else if (const char* slash = std::strrchr(map.l_name, '/')) {
    m.name = slash + 1;
  }
  return m;
#else
  static_cast<void>(code);
  return {};
#endif
}

}  // namespace

void write_function(last_words& out, std::string_view compilers) noexcept {
  constexpr std::string_view tail = ".Frame*)";
  auto name = compilers;
  if (name.starts_with("void ")) name.remove_prefix(5);
  const auto symbol = name.rfind("::_Z");
  const auto open = opening(name);
  if (!name.ends_with(tail) || symbol == name.npos || open >= symbol) return write_named(out, name);
  const auto signature = name.substr(open + 1, symbol - open - 1);
  name = name.substr(0, open);
  if (signature.empty()) return write_named(out, name);
  // The namespaces that the signature leaves out.
  const auto bare = signature.substr(0, std::min(signature.find_first_of("(<"), signature.size()));
  if (name.size() > bare.size() + 2 && name.ends_with(bare) && name[name.size() - bare.size() - 1] == ':')
    write_named(out, name.substr(0, name.size() - bare.size()));
  write_named(out, signature);
}

void write_symbol(last_words& out, std::string_view symbol) noexcept {
  auto encoding = symbol;
  if (encoding.starts_with("_Z")) encoding.remove_prefix(2);
  if (const auto type = built_in(symbol); !type.empty())
    out << type;
  else if (for_each_name(encoding, [](std::string_view, std::string_view) {}))
    for_each_name(encoding, [&](std::string_view before, std::string_view name) { (out << before).foreign(name); });
  else
    out.foreign(symbol);
}

void write_code(last_words& out, std::uint64_t code) noexcept {
  const auto in = module_of(code);
  if (in.path == nullptr) return void(out.hexadecimal(code));
  with_symbol_at(in.path, code - in.base, [&](const found_symbol& found) {
    if (!found.name.empty()) {
      write_symbol(out, found.name);
      (out << '+').hexadecimal(found.offset) << ' ';
    }
    ((out << '(').foreign(in.name) << '+').hexadecimal(code - in.base);
    if (!found.build_id.empty()) out << ", build id ";
    for (const char c : found.build_id) {
      const auto byte = static_cast<unsigned char>(c);
      out << "0123456789abcdef"[byte >> 4] << "0123456789abcdef"[byte & 15];
    }
    out << ')';
  });
}

bool write_function_at(last_words& out, std::uint64_t code, std::string_view before) noexcept {
  const auto in = module_of(code);
  bool known = false;
  if (in.path != nullptr)
    with_symbol_at(in.path, code - in.base, [&](const found_symbol& found) {
      known = !found.name.empty() && !is_plumbing_symbol(found.name);
      if (known) write_symbol(out << before, found.name);
    });
  return known;
}

bool is_plumbing_at(std::uint64_t code) noexcept {
  const auto in = module_of(code);
  bool plumbing = false;
  if (in.path != nullptr)
    with_symbol_at(in.path, code - in.base,
                   [&](const found_symbol& found) { plumbing = is_plumbing_symbol(found.name); });
  return plumbing;
}

bool lends_thread(std::uint64_t code) noexcept {
  const auto in = module_of(code);
  bool lends = false;
  if (in.path != nullptr)
    with_symbol_at(in.path, code - in.base,
                   [&](const found_symbol& found) { lends = lends_thread_symbol(found.name); });
  return lends;
}

}  // namespace tasks::detail
