#include "reports/spawn_sites.hpp"

#include "readers/locations.hpp"
#include "reports/symbols.hpp"
#include "reports/text.hpp"

namespace tasks::detail {

spawn_site spawn_sites::find(std::uint64_t path, std::uint64_t where, std::uint64_t outer) {
  spawn_site site;
  for (const auto code : read_own_call_path(path)) {
    const auto& name = symbol(code - 1);
    if (name.lends_thread) break;
    if (name.plumbing || name.function.empty()) continue;
    site.function = name.function;
    break;
  }
  // Of a coroutine of Asio's own, as of the operators && and ||: for whoever awaits that.
  const auto* spawner = &names_->find(where);
  if (where != 0 && spawner->plumbing) {
    spawner = &names_->find(where = outer);
    site.exact = site.function.empty();
  }
  if (const auto& frame = *spawner; where != 0 && !frame.plumbing) {
    if (site.function.empty()) site.function = frame.address != 0 ? symbol(frame.address).function : frame.function;
    site.compilers = frame.compilers;
    if (frame.address == 0) site.line = frame.place;
  }
  return site;
}

const spawn_sites::code_name& spawn_sites::symbol(std::uint64_t code) {
  auto [at, added] = symbols_.try_emplace(code);
  if (added) {
    const auto mangled = symbol_at(code);
    const auto name = demangled(mangled);
    at->second = {function_name(name.substr(0, name.find(" [clone "))), is_plumbing_symbol(mangled),
                  lends_thread_symbol(mangled)};
  }
  return at->second;
}

}  // namespace tasks::detail
