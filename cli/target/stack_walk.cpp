#include "target/stack_walk.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdlib>
#include <memory>

#include "linux/registers.hpp"
#include "target/native_stack.hpp"

namespace tasks::cli {
namespace {

#if defined(__aarch64__)
constexpr unsigned return_address_number = 30;
#else
constexpr unsigned return_address_number = 16;
#endif
constexpr std::size_t deepest_walk = 1024;

struct free_frame {
  void operator()(Dwarf_Frame* frame) const { std::free(frame); }  // libdw.h: with free()
};
using frame_information = std::unique_ptr<Dwarf_Frame, free_frame>;

/// The first of these that knows the address, as libdwfl asks them.
frame_information information_at(Dwfl_Module* module, std::uint64_t address) {
  for (auto* find : {dwfl_module_eh_cfi, dwfl_module_dwarf_cfi}) {
    Dwarf_Addr bias = 0;
    Dwarf_Frame* frame = nullptr;
    auto* table = find(module, &bias);
    if (table != nullptr && dwarf_cfi_addrframe(table, address - bias, &frame) == 0) return frame_information(frame);
  }
  return nullptr;
}

/// On x86-64 a call has put the return address on the stack.
constexpr bool can_be_leaf([[maybe_unused]] std::size_t depth) {
#if defined(__aarch64__)
  return depth == 1;
#else
  return false;
#endif
}

}  // namespace

stack_walker::stack_walker(modules& code) : code_(code), attached_(1) {}

stack_walker::rule stack_walker::find_rule(std::uint64_t address) {
  rule found;
  Dwfl_Module* module = dwfl_addrmodule(code_.dwfl(), address);
  if (module == nullptr) return found;
  const auto frame = information_at(module, address);
  bool is_signal = false;
  if (!frame || dwarf_frame_info(frame.get(), nullptr, nullptr, &is_signal) != int{return_address_number} || is_signal)
    return found;
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_cfa(frame.get(), &ops, &count) != 0 || count != 1 || ops[0].atom != DW_OP_bregx ||
      ops[0].number >= registers)
    return found;
  found.cfa_register = static_cast<unsigned>(ops[0].number);
  found.cfa_offset = static_cast<std::int64_t>(ops[0].number2);
  for (unsigned number = 0; number < registers; ++number) {
    Dwarf_Op memory[3];
    if (dwarf_frame_register(frame.get(), static_cast<int>(number), memory, &ops, &count) != 0) return rule();
    if (count == 0) {
      // Neither saved nor changed; or, with operations of none, not to be had any more.
      if (number == return_address_number) (ops != nullptr ? found.ends : found.is_leaf) = true;
      continue;
    }
    if (number == stack_pointer_number) continue;  // the CFA itself
    const bool is_saved =
        ops[0].atom == DW_OP_call_frame_cfa && (count == 1 || (count == 2 && ops[1].atom == DW_OP_plus_uconst));
    if (!is_saved) return rule();
    found.saved |= std::uint64_t{1} << number;
    found.at[number] = count == 2 ? static_cast<std::int64_t>(ops[1].number) : 0;
  }
  found.known = found.ends || found.is_leaf || (found.saved >> return_address_number & 1) != 0;
  return found;
}

bool stack_walker::walk_by_rules(const thread_copy& thread, std::vector<std::uint64_t>& found) {
  if (thread.registers.size() < registers) return false;
  values now;
  std::copy_n(thread.registers.begin(), registers, now.begin());
  for (auto address = thread.pc; found.size() < deepest_walk; address = now[return_address_number] - 1) {
    found.push_back(address);
    const auto [known, is_new] = rules_.try_emplace(address);
    if (is_new) known->second = find_rule(address);
    const auto& by = known->second;
    if (!by.known || (by.is_leaf && (thread.slept || !can_be_leaf(found.size())))) return false;
    if (by.ends) return true;
    const auto cfa = now[by.cfa_register] + static_cast<std::uint64_t>(by.cfa_offset);
    for (unsigned number = 0; number < registers; ++number) {
      if ((by.saved >> number & 1) == 0) continue;
      const auto value = word_at(thread, cfa + static_cast<std::uint64_t>(by.at[number]));
      if (!value) return false;
      now[number] = *value;
    }
    now[return_address_number] = code_address(now[return_address_number]);
    // A caller is further up, or the walk has lost its way. A leaf may have no frame.
    if (cfa < now[stack_pointer_number] || (cfa == now[stack_pointer_number] && !by.is_leaf)) return false;
    now[stack_pointer_number] = cfa;
    ends_.push_back(cfa);
    if (now[return_address_number] == 0) return true;
  }
  return true;
}

std::vector<std::uint64_t> stack_walker::walk(const thread_copy& thread) {
  std::vector<std::uint64_t> found;
  ends_.clear();
  if (code_.dwfl() == nullptr || thread.registers.empty()) return found;
  if (walk_by_rules(thread, found)) return found;
  ++left_;
  attached_.front() = thread;
  if (!is_attached_) is_attached_ = attach(code_, attached_);
  if (!is_attached_) return found;
  auto by_libdwfl = unwind(code_, thread.tid);
  // Each of them may have got further.
  return by_libdwfl.addresses.size() < found.size() ? found : std::move(by_libdwfl.addresses);
}

}  // namespace tasks::cli
