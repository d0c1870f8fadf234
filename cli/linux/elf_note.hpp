#pragma once

/// Finds the note "tasks" in an ELF file by its program headers alone, so also in a stripped one: section headers,
/// symbols and debug information may all be missing. See tasks/detail/layout.hpp for what the note says.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::cli {

/// A segment that the loader maps: p_offset and p_vaddr, rounded down to a page.
struct elf_segment {
  std::uint64_t offset;
  std::uint64_t address;
};

struct elf_note {
  std::uint32_t layout;  ///< tasks::layout::version of whoever wrote it
  std::uint64_t root;    ///< address of the root, before the load bias is added
};

struct elf_notes {
  std::vector<elf_segment> segments;
  std::vector<elf_note> notes;  ///< empty: not instrumented
};

/// A note as gabi has it, System V ABI, chapter "Note Section".
struct note_entry {
  std::uint32_t type;
  std::string_view owner;  ///< its final NUL included
  std::string_view descriptor;
  std::uint64_t address;  ///< of the descriptor
};
/// Of a PT_NOTE segment whose first byte lies at `base`. `align`: 4, or 8 where its header says so. Ends at the first
/// note that does not fit.
void each_note(std::string_view bytes, std::uint64_t base, std::uint64_t align,
               const std::function<void(const note_entry&)>& visit);

/// Reads `size` bytes at an offset or address; false: they are not all there.
using byte_reader = std::function<bool(std::uint64_t at, void* to, std::size_t size)>;
/// Of an object in memory whose first byte lies at `start`, with the addresses of roots as they are there.
[[nodiscard]] std::vector<elf_note> notes_at(const byte_reader& read, std::uint64_t start);
/// Likewise, the build id of the GNU linkers; empty: there is none, or no object.
[[nodiscard]] std::string build_id_at(const byte_reader& read, std::uint64_t start);
/// Of an open file; empty when it is no ELF file of this machine's kind or is damaged.
[[nodiscard]] elf_notes read_notes(int fd);

}  // namespace tasks::cli
