#include "linux/registers.hpp"

#include <errno.h>
#include <sys/user.h>

#include <algorithm>
#include <array>
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

void thread_registers::take_sleep(const sleeping_thread& asleep) {
  user_regs_struct registers{};
#if defined(__x86_64__)
  constexpr auto code_of_64_bits = 0x33;
  registers.cs = code_of_64_bits;
  registers.orig_rax = static_cast<std::uint64_t>(asleep.call);
  registers.rax = static_cast<std::uint64_t>(-EINTR);  // as of one that was stopped: it has got nothing
  registers.rdi = asleep.arguments[0];
  registers.rsi = asleep.arguments[1];
  registers.rdx = asleep.arguments[2];
  registers.r10 = asleep.arguments[3];
  registers.r8 = asleep.arguments[4];
  registers.r9 = asleep.arguments[5];
  registers.rsp = asleep.stack_pointer;
  registers.rip = asleep.instruction_pointer;
#elif defined(__aarch64__)
  std::copy(asleep.arguments.begin(), asleep.arguments.end(), std::begin(registers.regs));
  registers.regs[8] = static_cast<std::uint64_t>(asleep.call);
  registers.sp = asleep.stack_pointer;
  registers.pc = asleep.instruction_pointer;
#endif
  general.resize(sizeof registers / sizeof general[0]);
  std::memcpy(general.data(), &registers, sizeof registers);
  slept = take_general();
}

bool thread_registers::knows(unsigned number) const noexcept {
#if defined(__x86_64__)
  constexpr std::array known = {1u, 4u, 5u, 7u, 8u, 9u, 10u, 16u};  // rdx, rsi, rdi, rsp, r8, r9, r10, rip
#elif defined(__aarch64__)
  constexpr std::array known = {0u, 1u, 2u, 3u, 4u, 5u, 8u, 31u, 32u};
#endif
  return !slept || std::find(known.begin(), known.end(), number) != known.end();
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
