#include "linux/registers.hpp"

#include <sys/user.h>

#include <cstring>
#include <iterator>
#include <optional>

namespace tasks::cli {
namespace {

std::optional<user_regs_struct> as_struct(std::span<const std::uint64_t> general) {
  user_regs_struct registers;
  if (general.size_bytes() != sizeof registers) return std::nullopt;
  std::memcpy(&registers, general.data(), sizeof registers);
  return registers;
}

}  // namespace

bool thread_registers::take_general() {
  const auto registers = as_struct(general);
  if (!registers) return false;
#if defined(__x86_64__)
  stack_pointer = registers->rsp;
  instruction_pointer = registers->rip;
  thread_pointer = registers->fs_base;
#elif defined(__aarch64__)
  stack_pointer = registers->sp;
  instruction_pointer = registers->pc;
#endif
  return true;
}

std::vector<std::uint64_t> in_dwarf_order(std::span<const std::uint64_t> general) {
  const auto known = as_struct(general);
  if (!known) return {};
  const auto& r = *known;
#if defined(__x86_64__)
  return {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
          r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};
#elif defined(__aarch64__)
  std::vector<std::uint64_t> registers(std::begin(r.regs), std::end(r.regs));
  registers.push_back(r.sp);
  return registers;
#else
#  error "registers of this machine are not known"
#endif
}

std::vector<std::uint64_t> in_dwarf_order(std::uint64_t stack_pointer) {
  constexpr std::vector<std::uint64_t>::size_type count = 17 > stack_pointer_number ? 17 : stack_pointer_number + 1;
  std::vector<std::uint64_t> registers(count);
  registers[stack_pointer_number] = stack_pointer;
  return registers;
}

}  // namespace tasks::cli
