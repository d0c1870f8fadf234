#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "linux/memory.hpp"
#include "linux/sleep.hpp"

namespace tasks::cli {

/// Bytes below the stack pointer in which functions that call no other keep values: of x86-64 (psABI, 3.2.2). On
/// aarch64 nothing is below it (AAPCS64, 6.4.5.1: Linux has no red zone).
#if defined(__aarch64__)
inline constexpr std::uint64_t red_zone = 0;
#else
inline constexpr std::uint64_t red_zone = 128;
#endif

/// The address of a return address that was saved: aarch64's pointer authentication signs it in the bits that no
/// address of a program's has (Arm ARM, D8.8).
[[nodiscard]] constexpr std::uint64_t code_address(std::uint64_t saved) noexcept {
#if defined(__aarch64__)
  return saved & ((std::uint64_t{1} << 48) - 1);
#else
  return saved;
#endif
}

/// [begin, end) of the thread-local storage of the executable and of the libraries that it was started with, of which
/// so many bytes are wanted: below the thread pointer, or on aarch64 above it, behind two words of libc's (Drepper,
/// "ELF Handling For Thread-Local Storage", variants II and I).
[[nodiscard]] constexpr range storage_at(std::uint64_t thread_pointer, std::uint64_t size) noexcept {
#if defined(__aarch64__)
  return {thread_pointer, thread_pointer + 16 + size};
#else
  return {thread_pointer - size, thread_pointer};
#endif
}

/// What a thread that does not move has in its registers.
struct thread_registers {
  std::uint32_t tid = 0;
  std::uint32_t inner_tid = 0;  ///< as its own process calls it, in a container; 0: not asked for
  std::uint64_t stack_pointer = 0;
  std::uint64_t thread_pointer = 0;  ///< of its thread-local storage; 0: not known
  std::uint64_t instruction_pointer = 0;
  std::vector<std::uint64_t> general;  ///< as the kernel lays them out (user_regs_struct)
  std::vector<std::uint64_t> vector;   ///< floating-point and vector registers
  /// It sleeps in a system call and was not stopped. Known are the call with its arguments, the stack pointer and the
  /// place; of the others nothing, and they are 0.
  bool slept = false;

  /// Fills the rest from `general`. False: those are of no 64-bit thread.
  [[nodiscard]] bool take_general();
  /// Fills all but the thread pointer. Precondition: it is in a call.
  void take_sleep(const sleeping_thread& asleep);
  /// Is the value of the register with this DWARF number known?
  [[nodiscard]] bool knows(unsigned number) const noexcept;
};

/// Registers as debug information numbers them, up to the program counter's column, of `general` as above. Empty: those
/// are of no 64-bit thread.
[[nodiscard]] std::vector<std::uint64_t> in_dwarf_order(std::span<const std::uint64_t> general);
/// Likewise, 0 all but the stack pointer's.
[[nodiscard]] std::vector<std::uint64_t> in_dwarf_order(std::uint64_t stack_pointer);

/// By DWARF number.
#if defined(__x86_64__)
inline constexpr unsigned stack_pointer_number = 7, frame_pointer_number = 6;
#elif defined(__aarch64__)
inline constexpr unsigned stack_pointer_number = 31, frame_pointer_number = 29;
#endif

}  // namespace tasks::cli
