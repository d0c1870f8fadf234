#include "linux/registers.hpp"

#include <sys/user.h>

#include <cstring>

namespace tasks::cli {

bool thread_registers::take_general() {
  user_regs_struct registers;
  if (general.size() * sizeof general[0] != sizeof registers) return false;
  std::memcpy(&registers, general.data(), sizeof registers);
#if defined(__x86_64__)
  stack_pointer = registers.rsp;
  instruction_pointer = registers.rip;
  thread_pointer = registers.fs_base;
#elif defined(__aarch64__)
  stack_pointer = registers.sp;
  instruction_pointer = registers.pc;
#endif
  return true;
}

}  // namespace tasks::cli
