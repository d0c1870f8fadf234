#include "symbols/symbolizer.hpp"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "symbols/code_cache.hpp"
#include "symbols/code_symbols.hpp"
#include "symbols/function_index.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {
namespace {

const char* linkage_name(Dwarf_Die& die) {
  Dwarf_Attribute memory;
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (const char* text = dwarf_formstring(dwarf_attr_integrate(&die, name, &memory))) return text;
  }
  return nullptr;
}

/// The entry that stands in the namespaces and classes of a function: what it was inlined from, where that was
/// declared.
Dwarf_Die declaration_of(Dwarf_Die die) {
  for (const unsigned link : {DW_AT_abstract_origin, DW_AT_specification}) {
    Dwarf_Attribute memory;
    Dwarf_Die target;
    if (dwarf_formref_die(dwarf_attr(&die, link, &memory), &target)) die = target;
  }
  return die;
}

/// Scopes within one another that are looked into. Only damaged debug information has more, or a function in itself.
constexpr int most_scopes = 256;

/// The child that an entry is, or is in. Entries lie in the order in which they are written. False: there is none.
bool enter(Dwarf_Die& parent, Dwarf_Off entry) {
  Dwarf_Die child, its;
  bool any = false;
  for (int more = dwarf_child(&parent, &child); more == 0 && dwarf_dieoffset(&child) <= entry;
       more = dwarf_siblingof(&child, &child)) {
    its = child;
    any = true;
  }
  if (any) parent = its;
  return any;
}

/// An entry, what it stands in, and so on out to its unit. dwarf_getscopes_die() would walk all of the unit, with every
/// scope within another on our stack.
std::vector<Dwarf_Die> scopes_of(Dwarf_Die& entry) {
  const auto offset = dwarf_dieoffset(&entry);
  std::vector<Dwarf_Die> scopes;
  Dwarf_Die at;
  if (dwarf_diecu(&entry, &at, nullptr, nullptr) == nullptr) return {entry};
  while (dwarf_dieoffset(&at) != offset) {
    scopes.push_back(at);
    if (scopes.size() > most_scopes || !enter(at, offset)) return {entry};
  }
  scopes.push_back(entry);
  std::reverse(scopes.begin(), scopes.end());
  return scopes;
}

/// Without parameters: for functions that have no linkage name, as lambdas and those in anonymous namespaces.
std::string qualified_name(Dwarf_Die& function, int depth = 0) {
  auto declaration = declaration_of(function);
  auto scopes = scopes_of(declaration);
  std::string name;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    const int tag = dwarf_tag(&scopes[i]);
    if (i != 0 && tag == DW_TAG_subprogram) {
      if (depth < most_scopes) name.insert(0, qualified_name(scopes[i], depth + 1) + "()::");
      break;
    }
    const bool is_class = tag == DW_TAG_class_type || tag == DW_TAG_structure_type;
    const char* part = i == 0 || is_class || tag == DW_TAG_namespace ? dwarf_diename(&scopes[i]) : nullptr;
    if (part) name.insert(0, name.empty() ? std::string(part) : std::string(part) + "::");
    if (!part && is_class && name == "operator()") name = "<lambda()>";
  }
  return name;
}

class dwfl_symbolizer final : public symbolizer {
 public:
  explicit dwfl_symbolizer(modules& code) : code_(code) {}
  explicit dwfl_symbolizer(std::unique_ptr<modules> own) : own_(std::move(own)), code_(*own_) {}

  std::vector<code_location> resolve(std::uint64_t address) override {
    Dwfl* dwfl = code_.dwfl();
    std::vector<code_location> found;
    Dwfl_Module* module = dwfl ? dwfl_addrmodule(dwfl, address) : nullptr;
    if (!module) return found;
    auto* kept = code_.kept_of(module);
    if (kept != nullptr && is_kept(*kept, address, found)) return found;
    from_debug_information(module, address, found);
    if (found.empty() || found.back().function.empty()) {
      if (auto symbol = symbol_near(code_, address)) {
        if (found.empty()) found.emplace_back();
        found.back().function = std::move(symbol->name);
      }
    }
    if (kept != nullptr) keep(*kept, address, found);
    return found;
  }

 private:
  static bool is_kept(const kept_code& in, std::uint64_t address, std::vector<code_location>& found) {
    const auto known = in.facts.functions().find(in.to_file(address));
    if (known == in.facts.functions().end()) return false;
    for (const auto& each : known->second.functions()) found.push_back({each.name(), each.file(), each.line()});
    return true;
  }

  static void keep(kept_code& in, std::uint64_t address, const std::vector<code_location>& found) {
    auto& functions = *in.facts.mutable_functions();
    if (!kept_code::has_room_behind(functions.size()) || !in.has_all_debug_information()) return;
    auto& its = functions[in.to_file(address)];
    for (const auto& each : found) {
      auto& function = *its.add_functions();
      function.set_name(each.function);
      function.set_file(each.file);
      function.set_line(each.line);
    }
    in.changed();
  }

  static code_location line_at(Dwarf_Die* unit, Dwarf_Addr address) {
    code_location at;
    int number = 0;
    Dwarf_Line* line = dwarf_getsrc_die(unit, address);
    const char* path = line ? dwarf_linesrc(line, nullptr, nullptr) : nullptr;
    if (!path || dwarf_lineno(line, &number) != 0) return at;
    at.file = absolute(unit, path);
    at.line = static_cast<unsigned>(number);
    return at;
  }

  std::string name_of(Dwarf_Die& function, std::uint64_t address) {
    if (const char* name = linkage_name(function)) return name;
    // The symbol table knows local functions too, and coroutines' bodies, but not what is inlined in them.
    if (dwarf_tag(&function) == DW_TAG_subprogram) {
      if (auto symbol = symbol_near(code_, address)) return std::move(symbol->name);
    }
    auto [known, is_new] = names_.try_emplace(function.addr);
    if (is_new) known->second = qualified_name(function);
    return known->second;
  }

  static std::string absolute(Dwarf_Die* unit, const char* path) {
    if (path[0] == '/') return path;
    Dwarf_Attribute memory;
    const char* folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &memory));
    return folder ? fmt::format("{}/{}", folder, path) : std::string(path);
  }

  /// Each function's position in the next one out is where it was inlined.
  void from_debug_information(Dwfl_Module* module, std::uint64_t address, std::vector<code_location>& found) {
    Dwarf_Addr bias = 0;
    Dwarf_Die* unit = unit_at(module, address, bias);
    if (!unit) return;
    auto& index = units_[unit->addr];
    if (!index) index = std::make_unique<function_index>(*unit);
    auto place = line_at(unit, address - bias);
    Dwarf_Files* files = nullptr;
    dwarf_getsrcfiles(unit, &files, nullptr);
    // File 0 is the unit's own source since DWARF 5, and means "none" before.
    Dwarf_Half version = 0;
    dwarf_cu_info(unit->cu, &version, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    const Dwarf_Word first_file = version >= 5 ? 0 : 1;
    for (auto& function : index->chain_at(address - bias)) {
      place.function = name_of(function, address);
      found.push_back(place);
      if (dwarf_tag(&function) == DW_TAG_subprogram) break;
      Dwarf_Attribute memory;
      Dwarf_Word call_file = 0, call_line = 0;
      dwarf_formudata(dwarf_attr(&function, DW_AT_call_file, &memory), &call_file);
      dwarf_formudata(dwarf_attr(&function, DW_AT_call_line, &memory), &call_line);
      const char* path = files && call_file >= first_file ? dwarf_filesrc(files, call_file, nullptr, nullptr) : nullptr;
      place.file = path ? absolute(unit, path) : "";
      place.line = path ? static_cast<unsigned>(call_line) : 0;
    }
    if (found.empty() && !place.file.empty()) found.push_back(place);
  }

  std::unique_ptr<modules> own_;
  modules& code_;
  std::unordered_map<void*, std::unique_ptr<function_index>> units_;  ///< by where the unit's entry lies
  std::unordered_map<void*, std::string> names_;                      ///< likewise, of functions without linkage names
};

}  // namespace

std::unique_ptr<symbolizer> make_symbolizer(modules& code) { return std::make_unique<dwfl_symbolizer>(code); }

std::unique_ptr<symbolizer> make_symbolizer(pid_t pid) {
  return std::make_unique<dwfl_symbolizer>(std::make_unique<modules>(pid));
}

}  // namespace tasks::cli
