#include "reports/symbols.hpp"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include "descriptor.hpp"
#include "reports/libraries.hpp"

namespace tasks::detail {
namespace {

/// A file, mapped to be read. Empty where it cannot be.
class mapped_file {
 public:
  explicit mapped_file(const char* path) noexcept {
    const descriptor file(open(path, O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (file.get() < 0 || fstat(file.get(), &status) != 0 || status.st_size <= 0) return;
    const auto size = static_cast<std::size_t>(status.st_size);
    void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (at != MAP_FAILED) bytes_ = {static_cast<const char*>(at), size};
  }
  ~mapped_file() {
    if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  }
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;

  /// `count` values at `offset`; none where the file is too short.
  template <class T>
  [[nodiscard]] std::span<const T> at(std::uint64_t offset, std::uint64_t count) const noexcept {
    if (offset > bytes_.size() || count > (bytes_.size() - offset) / sizeof(T) || offset % alignof(T) != 0) return {};
    return {reinterpret_cast<const T*>(bytes_.data() + offset), static_cast<std::size_t>(count)};
  }

 private:
  std::span<const char> bytes_;
};

/// The object that an address lies in.
struct object {
  std::uint64_t address;  ///< to look for; relative to the object when it is found
  std::string path;
};

int find_object(dl_phdr_info* info, std::size_t, void* context) {
  auto& wanted = *static_cast<object*>(context);
  for (ElfW(Half) i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || wanted.address - info->dlpi_addr - segment.p_vaddr >= segment.p_memsz) continue;
    wanted.address -= info->dlpi_addr;
    wanted.path = *info->dlpi_name != 0 ? info->dlpi_name : "/proc/thread-self/exe";
    return 1;
  }
  return 0;
}

found_symbol find_in_table(const mapped_file& file, std::span<const ElfW(Shdr)> sections, const ElfW(Shdr) & table,
                           std::uint64_t address) noexcept {
  if (table.sh_link >= sections.size()) return {};
  const auto& names = sections[table.sh_link];
  for (const auto& symbol : file.at<ElfW(Sym)>(table.sh_offset, table.sh_size / sizeof(ElfW(Sym)))) {
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || address - symbol.st_value >= symbol.st_size) continue;
    if (symbol.st_name >= names.sh_size) return {};
    const auto text = file.at<char>(names.sh_offset + symbol.st_name, names.sh_size - symbol.st_name);
    return {{text.data(), strnlen(text.data(), text.size())}, address - symbol.st_value, {}};
  }
  return {};
}

/// Of the first section that has one.
std::string_view find_build_id(const mapped_file& file, std::span<const ElfW(Shdr)> sections) noexcept {
  for (const auto& section : sections) {
    if (section.sh_type != SHT_NOTE || section.sh_size < sizeof(ElfW(Nhdr))) continue;
    const auto note = file.at<ElfW(Nhdr)>(section.sh_offset, 1);
    if (note.empty() || note[0].n_type != NT_GNU_BUILD_ID || note[0].n_namesz != 4) continue;
    const auto bytes = file.at<char>(section.sh_offset + sizeof(ElfW(Nhdr)), 4 + std::uint64_t{note[0].n_descsz});
    if (!bytes.empty() && std::memcmp(bytes.data(), "GNU", 4) == 0) return {bytes.data() + 4, bytes.size() - 4};
  }
  return {};
}

}  // namespace

void with_symbol_at(const char* path, std::uint64_t address, void (*take)(const found_symbol&, void*), void* to) {
  found_symbol found{};
  const mapped_file file(path);
  const auto header = file.at<ElfW(Ehdr)>(0, 1);
  if (!header.empty() && std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) == 0) {
    const auto sections = file.at<ElfW(Shdr)>(header[0].e_shoff, header[0].e_shnum);
    for (const auto type : {SHT_SYMTAB, SHT_DYNSYM})
      for (const auto& section : sections)
        if (section.sh_type == static_cast<ElfW(Word)>(type) && found.name.empty())
          found = find_in_table(file, sections, section, address);
    found.build_id = find_build_id(file, sections);
  }
  take(found, to);
}

std::string symbol_at(std::uint64_t address) {
  object found{address, {}};
  if (dl_iterate_phdr(find_object, &found) == 0) return {};
  std::string name;
  with_symbol_at(found.path.c_str(), found.address, [&](const found_symbol& symbol) { name = symbol.name; });
  return name;
}

bool is_plumbing_symbol(std::string_view symbol) noexcept {
  if (!symbol.starts_with("_Z")) return false;
  symbol.remove_prefix(std::min(symbol.find_first_not_of("ZNKVRO", 2), symbol.size()));
  for (const std::string_view scope : {"5tasks6detail", "St"})
    if (symbol.starts_with(scope)) return true;
  for (const auto& each : libraries)
    for (const auto scope : each.mangled_scopes)
      if (symbol.starts_with(scope)) return true;
  return false;
}

bool lends_thread_symbol(std::string_view symbol) noexcept {
  if (!is_plumbing_symbol(symbol)) return false;
  for (const auto& each : libraries)
    for (const auto part : each.lend_threads)
      if (symbol.find(part) != symbol.npos) return true;
  return false;
}

}  // namespace tasks::detail
