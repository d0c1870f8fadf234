#include "symbols/code_symbols.hpp"

#include <elfutils/libdwfl.h>

#include "symbols/code_cache.hpp"

namespace tasks::cli {
namespace {

std::optional<code_symbol> look_up(Dwfl_Module* module, std::uint64_t address) {
  GElf_Off offset = 0;
  GElf_Sym symbol;
  const char* name = dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
  if (name == nullptr || name[0] == '\0') return std::nullopt;
  return code_symbol{name, address - offset, symbol.st_size};
}

}  // namespace

std::optional<code_symbol> symbol_near(modules& code, std::uint64_t address) {
  Dwfl_Module* module = code.dwfl() != nullptr ? dwfl_addrmodule(code.dwfl(), address) : nullptr;
  if (module == nullptr) return std::nullopt;
  auto* kept = code.kept_of(module);
  if (kept == nullptr) return look_up(module, address);
  auto& symbols = *kept->facts.mutable_symbols();
  if (const auto known = symbols.find(kept->to_file(address)); known != symbols.end()) {
    const auto& its = known->second;
    if (its.name().empty()) return std::nullopt;
    return code_symbol{its.name(), kept->to_memory(its.address()), its.size()};
  }
  auto found = look_up(module, address);
  if (!kept_code::has_room_behind(symbols.size())) return found;
  auto& its = symbols[kept->to_file(address)];
  if (found) {
    its.set_name(found->name);
    its.set_address(kept->to_file(found->begin));
    its.set_size(found->size);
  }
  kept->changed();
  return found;
}

}  // namespace tasks::cli
