#include "target/thread_end.hpp"

#include <gelf.h>

#include <algorithm>
#include <array>

namespace tasks::cli {

bool ends_the_thread(Dwfl_Module* module, const memory& bytes, std::uint64_t address) {
  std::array<unsigned char, 12> code{};
  if (bytes.read(address, code.data(), code.size()) != code.size()) return false;
#if defined(__x86_64__)
  // clone3: mov %eax, %edi; mov $SYS_exit, %eax; syscall. clone: the same with %rax, %rdi.
  constexpr std::array<unsigned char, 9> exits = {0x89, 0xc7, 0xb8, 0x3c, 0, 0, 0, 0x0f, 0x05};
  const auto* after_prefix = code.data() + (code[0] == 0x48 ? 1 : 0);
  if (std::equal(exits.begin(), exits.end(), after_prefix)) return true;
  constexpr unsigned char halt = 0xf4;
  const bool halts = code[0] == halt;
#elif defined(__aarch64__)
  // mov x8, #SYS_exit; svc #0
  constexpr std::array<unsigned char, 8> exits = {0xa8, 0x0b, 0x80, 0xd2, 0x01, 0, 0, 0xd4};
  if (std::equal(exits.begin(), exits.end(), code.begin())) return true;
  const bool halts = true;
#endif
  // _start, where the executable is entered.
  constexpr std::uint64_t longest_start = 128;
  GElf_Addr bias = 0;
  GElf_Ehdr header;
  Elf* elf = dwfl_module_getelf(module, &bias);
  return halts && elf != nullptr && gelf_getehdr(elf, &header) != nullptr && header.e_entry != 0 &&
         address - (header.e_entry + bias) < longest_start;
}

}  // namespace tasks::cli
