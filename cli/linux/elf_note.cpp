#include "linux/elf_note.hpp"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "linux/kernel_pages.hpp"
#include "linux/memory.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t max_headers = 512;
constexpr std::size_t max_note_bytes = 1 << 20;

void take_own_notes(std::string_view bytes, std::uint64_t base, std::uint64_t align, std::vector<elf_note>& found) {
  each_note(bytes, base, align, [&](const note_entry& each) {
    if (each.type != layout::note_type || each.owner != std::string_view("tasks\0", 6)) return;
    layout::note_descriptor note;
    if (each.descriptor.size() < sizeof note) return;
    std::memcpy(&note, each.descriptor.data(), sizeof note);
    const auto field = each.address + offsetof(layout::note_descriptor, root_offset);
    found.push_back({note.layout, field + static_cast<std::uint64_t>(note.root_offset)});
  });
}

/// The kernel maps whole pages of its own.
std::uint64_t in_pages(std::uint64_t at) { return at / kernel_page_size() * kernel_page_size(); }

/// The program headers of a file, or of an object in memory: both have them where e_phoff says.
std::vector<Elf64_Phdr> read_headers(const byte_reader& read, std::uint64_t start) {
  Elf64_Ehdr file;
  if (!read(start, &file, sizeof file) || std::memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 ||
      file.e_ident[EI_CLASS] != ELFCLASS64 || file.e_phentsize != sizeof(Elf64_Phdr) || file.e_phnum > max_headers) {
    return {};
  }
  std::vector<Elf64_Phdr> headers(file.e_phnum);
  if (!read(start + file.e_phoff, headers.data(), headers.size() * sizeof(Elf64_Phdr))) return {};
  return headers;
}

/// Calls `visit(bytes, address, align)` for each PT_NOTE segment of an object in memory.
template <class Visit>
void each_segment_of_notes(const byte_reader& read, std::uint64_t start, Visit visit) {
  const auto headers = read_headers(read, start);
  const auto first = std::find_if(headers.begin(), headers.end(), [](const auto& h) { return h.p_type == PT_LOAD; });
  if (first == headers.end()) return;
  const auto bias = start - in_pages(first->p_vaddr);
  for (const auto& header : headers) {
    if (header.p_type != PT_NOTE || header.p_memsz > max_note_bytes) continue;
    std::vector<char> bytes(header.p_memsz);
    if (!read(bias + header.p_vaddr, bytes.data(), bytes.size())) continue;
    visit(std::string_view(bytes.data(), bytes.size()), bias + header.p_vaddr, header.p_align == 8 ? 8u : 4u);
  }
}

}  // namespace

void each_note(std::string_view bytes, std::uint64_t base, std::uint64_t align,
               const std::function<void(const note_entry&)>& visit) {
  const auto align_up = [align](std::uint64_t value) { return (value + align - 1) / align * align; };
  for (std::uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= bytes.size();) {
    Elf64_Nhdr header;
    std::memcpy(&header, bytes.data() + at, sizeof header);
    const auto name = at + sizeof header;
    const auto descriptor = align_up(name + header.n_namesz);
    const auto end = descriptor + header.n_descsz;
    if (end > bytes.size()) return;
    visit({header.n_type, bytes.substr(name, header.n_namesz), bytes.substr(descriptor, header.n_descsz),
           base + descriptor});
    at = align_up(end);
  }
}

std::vector<elf_note> notes_at(const byte_reader& read, std::uint64_t start) {
  std::vector<elf_note> found;
  each_segment_of_notes(read, start, [&](std::string_view bytes, std::uint64_t base, std::uint64_t align) {
    take_own_notes(bytes, base, align, found);
  });
  return found;
}

std::string build_id_at(const byte_reader& read, std::uint64_t start) {
  std::string id;
  each_segment_of_notes(read, start, [&](std::string_view bytes, std::uint64_t base, std::uint64_t align) {
    each_note(bytes, base, align, [&](const note_entry& each) {
      if (each.type == NT_GNU_BUILD_ID && each.owner == std::string_view("GNU\0", 4)) id = each.descriptor;
    });
  });
  return id;
}

elf_notes read_notes(int fd) {
  elf_notes result;
  const byte_reader read = [fd](std::uint64_t at, void* to, std::size_t size) {
    return ::pread(fd, to, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
  };
  for (const auto& header : read_headers(read, 0)) {
    if (header.p_type == PT_LOAD) {
      result.segments.push_back({in_pages(header.p_offset), in_pages(header.p_vaddr)});
    } else if (header.p_type == PT_NOTE && header.p_filesz <= max_note_bytes) {
      std::vector<char> bytes(header.p_filesz);
      if (!read(header.p_offset, bytes.data(), bytes.size())) continue;
      take_own_notes({bytes.data(), bytes.size()}, header.p_vaddr, header.p_align == 8 ? 8 : 4, result.notes);
    }
  }
  return result;
}

}  // namespace tasks::cli
