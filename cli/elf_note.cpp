#include "elf_note.hpp"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "tasks/layout.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t max_headers = 512;
constexpr std::size_t max_note_bytes = 1 << 20;
constexpr std::uint64_t page = 4096;

bool read_at(int fd, void* to, std::size_t size, std::uint64_t offset) {
  return ::pread(fd, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

/// Notes of one PT_NOTE segment, whose first byte has the address `base`.
void parse_notes(const std::vector<char>& bytes, std::uint64_t base, std::uint64_t align,
                 std::vector<elf_note>& found) {
  constexpr std::string_view owner("tasks\0", 6);
  std::uint64_t at = 0;
  while (at + sizeof(Elf64_Nhdr) <= bytes.size()) {
    Elf64_Nhdr header;
    std::memcpy(&header, bytes.data() + at, sizeof header);
    const auto name = at + sizeof header;
    const auto descriptor = align_up(name + header.n_namesz, align);
    const auto end = descriptor + header.n_descsz;
    if (end > bytes.size()) return;
    if (header.n_type == layout::note_type && header.n_namesz == owner.size() &&
        header.n_descsz >= sizeof(layout::note_descriptor) &&
        std::memcmp(bytes.data() + name, owner.data(), owner.size()) == 0) {
      layout::note_descriptor note;
      std::memcpy(&note, bytes.data() + descriptor, sizeof note);
      const auto field = base + descriptor + offsetof(layout::note_descriptor, root_offset);
      found.push_back({note.layout, field + static_cast<std::uint64_t>(note.root_offset)});
    }
    at = align_up(end, align);
  }
}

}  // namespace

elf_notes read_notes(int fd) {
  elf_notes result;
  Elf64_Ehdr file;
  if (!read_at(fd, &file, sizeof file, 0) || std::memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 ||
      file.e_ident[EI_CLASS] != ELFCLASS64 || file.e_phentsize != sizeof(Elf64_Phdr) || file.e_phnum > max_headers) {
    return result;
  }
  std::vector<Elf64_Phdr> headers(file.e_phnum);
  if (!read_at(fd, headers.data(), headers.size() * sizeof(Elf64_Phdr), file.e_phoff)) return result;
  for (const auto& header : headers) {
    if (header.p_type == PT_LOAD) {
      result.segments.push_back({header.p_offset / page * page, header.p_vaddr / page * page});
    } else if (header.p_type == PT_NOTE && header.p_filesz <= max_note_bytes) {
      std::vector<char> bytes(header.p_filesz);
      if (!read_at(fd, bytes.data(), bytes.size(), header.p_offset)) continue;
      parse_notes(bytes, header.p_vaddr, header.p_align == 8 ? 8 : 4, result.notes);
    }
  }
  return result;
}

}  // namespace tasks::cli
