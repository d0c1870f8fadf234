#include "target/sleepers.hpp"

#include <elfutils/libdwfl.h>

#include <cstring>
#include <optional>

#include "linux/registers.hpp"
#include "target/frame_pointers.hpp"
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

}  // namespace

bool find_frame_pointer(modules& code, const memory& bytes, thread_copy& copy) {
  Dwfl* dwfl = code.dwfl();
  if (dwfl == nullptr) return true;  // nothing unwinds it
  outermost_frame last;
  if (is_whole(dwfl, bytes, copy, last)) return true;
  if (last.count < 2 || last.stack_pointer == 0) return false;
  const auto word = [&copy](std::uint64_t address) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    if (address < copy.stack_begin || copy.stack.size() < sizeof value ||
        address - copy.stack_begin > copy.stack.size() - sizeof value)
      return std::nullopt;
    std::memcpy(&value, copy.stack.data() + (address - copy.stack_begin), sizeof value);
    return value;
  };
  for (const auto candidate : likely_frame_pointers(code, bytes, word, last.address - 1, last.stack_pointer)) {
    copy.registers[frame_pointer_number] = candidate;
    outermost_frame reached;
    if (is_whole(dwfl, bytes, copy, reached)) return true;
  }
  copy.registers[frame_pointer_number] = 0;
  return false;
}

}  // namespace tasks::cli
