#include "target/sleepers.hpp"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "linux/registers.hpp"
#include "target/thread_end.hpp"

namespace tasks::cli {
namespace {

/// Deeper stacks are those of endless recursions.
constexpr int deepest = 1024;

struct outermost_frame {
  std::uint64_t address = 0;        ///< in its function, behind the call that has not returned
  std::uint64_t stack_pointer = 0;  ///< at that call; 0: not known
  int count = 0;                    ///< of frames
};

int note_frame(Dwfl_Frame* frame, void* argument) {
  auto& last = *static_cast<outermost_frame*>(argument);
  Dwarf_Addr pc = 0;
  if (!dwfl_frame_pc(frame, &pc, nullptr)) return DWARF_CB_ABORT;
  Dwarf_Word sp = 0;
  last = {pc, dwfl_frame_reg(frame, stack_pointer_number, &sp) == 0 ? sp : 0, last.count + 1};
  return last.count == deepest ? DWARF_CB_ABORT : DWARF_CB_OK;
}

/// Does unwinding reach the thread's first function? libdwfl ends as well, and with success, where a register is not
/// known.
bool is_whole(Dwfl* dwfl, const memory& bytes, const thread_copy& copy, outermost_frame& last) {
  last = {};
  if (dwfl_getthread_frames(dwfl, copy.tid, note_frame, &last) != 0) return false;
  Dwfl_Module* module = dwfl_addrmodule(dwfl, last.address);
  return last.count > 1 && module != nullptr && ends_the_thread(module, bytes, last.address);
}

std::optional<std::uint64_t> word_of(const thread_copy& copy, std::uint64_t address) {
  std::uint64_t value = 0;
  if (address < copy.stack_begin || copy.stack.size() < sizeof value ||
      address - copy.stack_begin > copy.stack.size() - sizeof value)
    return std::nullopt;
  std::memcpy(&value, copy.stack.data() + (address - copy.stack_begin), sizeof value);
  return value;
}

#if defined(__x86_64__)

/// Bytes between the frame pointer and the stack pointer of a function that begins as
///
///   [endbr64]  push %rbp  mov %rsp,%rbp  [push %rbx, %r12 … %r15]…  [sub $size,%rsp]
///
/// (Intel's manual, volume 2). Nothing: it begins otherwise.
std::optional<std::uint64_t> size_of_frame(const memory& bytes, std::uint64_t function) {
  std::array<unsigned char, 32> code{};
  const auto size = bytes.read(function, code.data(), code.size());
  std::size_t at = 0;
  const auto take = [&](std::initializer_list<unsigned char> wanted) {
    if (size - at < wanted.size() || !std::equal(wanted.begin(), wanted.end(), code.begin() + at)) return false;
    at += wanted.size();
    return true;
  };
  take({0xf3, 0x0f, 0x1e, 0xfa});
  if (!take({0x55}) || !take({0x48, 0x89, 0xe5})) return std::nullopt;
  std::uint64_t pushed = 0;
  while (take({0x53}) || take({0x41, 0x54}) || take({0x41, 0x55}) || take({0x41, 0x56}) || take({0x41, 0x57}))
    pushed += 8;
  if (take({0x48, 0x83, 0xec}) && at < size) return pushed + code[at];
  std::uint32_t wide = 0;
  if (!take({0x48, 0x81, 0xec}) || size - at < sizeof wide) return pushed;
  std::memcpy(&wide, code.data() + at, sizeof wide);
  return pushed + wide;
}

/// Is there a call of `function` just before `address`?
bool follows_call_of(const memory& bytes, std::uint64_t address, std::uint64_t function) {
  constexpr unsigned char call = 0xe8;
  constexpr std::uint64_t length = 5;
  const auto opcode = bytes.get<unsigned char>(address - length);
  const auto distance = bytes.get<std::int32_t>(address - length + 1);
  return opcode == call && distance && address + static_cast<std::uint64_t>(std::int64_t{*distance}) == function;
}

/// Frame pointers that the function may have, the likeliest first.
std::vector<std::uint64_t> candidates(const memory& bytes, const thread_copy& copy, std::uint64_t function,
                                      std::uint64_t stack_pointer) {
  std::vector<std::uint64_t> found;
  if (const auto size = size_of_frame(bytes, function)) found.push_back(stack_pointer + *size);
  constexpr std::uint64_t most_bytes = 16384;
  constexpr std::size_t most = 4;
  for (auto at = stack_pointer; at < stack_pointer + most_bytes && found.size() < most; at += 8) {
    const auto outer = word_of(copy, at), address = word_of(copy, at + 8);
    if (!address) break;
    // The caller's frame pointer may be any value, where the caller has none.
    if (*outer != 0 && follows_call_of(bytes, *address, function)) found.push_back(at);
  }
  return found;
}

#else

std::vector<std::uint64_t> candidates(const memory&, const thread_copy&, std::uint64_t, std::uint64_t) { return {}; }

#endif

}  // namespace

bool find_frame_pointer(modules& code, const memory& bytes, thread_copy& copy) {
  Dwfl* dwfl = code.dwfl();
  if (dwfl == nullptr) return true;  // nothing unwinds it
  outermost_frame last;
  if (is_whole(dwfl, bytes, copy, last)) return true;
  if (last.count < 2 || last.stack_pointer == 0) return false;
  GElf_Off offset = 0;
  GElf_Sym symbol;
  const auto here = last.address - 1;
  if (dwfl_module_addrinfo(dwfl_addrmodule(dwfl, here), here, &offset, &symbol, nullptr, nullptr, nullptr) == nullptr ||
      offset >= symbol.st_size)
    return false;
  for (const auto candidate : candidates(bytes, copy, here - offset, last.stack_pointer)) {
    copy.registers[frame_pointer_number] = candidate;
    outermost_frame reached;
    if (is_whole(dwfl, bytes, copy, reached)) return true;
  }
  copy.registers[frame_pointer_number] = 0;
  return false;
}

}  // namespace tasks::cli
