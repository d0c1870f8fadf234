/// An executable with symbols and debug information: as damaged as a file may be, or made to mislead.
///
/// Whatever it says, each address is named or not, and every walk through it comes to an end.

#include <elfutils/libdwfl.h>
#include <fcntl.h>

#include <set>

#include "input.hpp"
#include "symbols/code_symbols.hpp"
#include "symbols/debug_units.hpp"
#include "symbols/dwarf_types.hpp"
#include "symbols/handler_places.hpp"
#include "symbols/modules.hpp"
#include "symbols/stack_variables.hpp"
#include "symbols/symbolizer.hpp"

namespace {

using namespace tasks;

constexpr std::uint64_t base = 0x10'0000;
constexpr int most_addresses = 40;

int no_elf(Dwfl_Module*, void**, const char*, Dwarf_Addr, char**, Elf**) { return -1; }
int no_debug_file(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word, char**) {
  return -1;
}
const Dwfl_Callbacks callbacks = {no_elf, no_debug_file, dwfl_offline_section_address, nullptr};

/// Where functions begin, and a little behind.
std::set<std::uint64_t> addresses_in(Dwfl_Module* module) {
  std::set<std::uint64_t> found = {base, base + 0x1000};
  const int count = std::min(dwfl_module_getsymtab(module), most_addresses);
  for (int i = 0; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr at = 0;
    if (dwfl_module_getsym_info(module, i, &symbol, &at, nullptr, nullptr, nullptr) != nullptr)
      found.insert({at, at + 5, at + 16});
  }
  return found;
}

void look_at(cli::modules& code, cli::symbolizer& names, cli::debug_units& units, cli::stack_variables& variables,
             std::uint64_t address) {
  static_cast<void>(names.resolve(address));
  static_cast<void>(cli::symbol_near(code, address));
  if (const auto scope = units.at(address)) fuzz::must(!scope->functions.empty());
  static_cast<void>(units.outermost_line(address));
  cli::handler_places places(units);
  static_cast<void>(places.of_operation(address));
  static_cast<void>(places.of_function(address));
  cli::code_frame frame;
  frame.address = address;
  frame.end = 0x7fff'0000;
  frame.registers.assign(17, cli::frame_register{0x7ffe'0000, 0x7ffe'0008});
  for (auto& each : variables.of(frame)) {
    fuzz::must(each.begin <= each.end);
    static_cast<void>(cli::dwarf::type_words(each.die));
    if (auto type = cli::dwarf::type_of(each.die)) {
      static_cast<void>(cli::dwarf::size_of(*type));
      static_cast<void>(cli::dwarf::find_member(*type, "member"));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::file file({reinterpret_cast<const char*>(data), size});
  Dwfl* dwfl = dwfl_begin(&callbacks);
  fuzz::must(dwfl != nullptr);
  cli::modules code(dwfl);
  const int fd = ::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0);
  Dwfl_Module* module = dwfl_report_elf(dwfl, "program", file.path().c_str(), fd, base, false);
  dwfl_report_end(dwfl, nullptr, nullptr);
  if (module == nullptr) {
    ::close(fd);
    return 0;
  }
  const auto names = cli::make_symbolizer(code);
  cli::debug_units units(code);
  cli::stack_variables variables(code, [](std::uint64_t at) { return std::optional(at * 8); });
  for (const auto address : addresses_in(module)) look_at(code, *names, units, variables, address);
  return 0;
}
