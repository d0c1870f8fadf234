#include "target/coroutine_files.hpp"

#include <gelf.h>
#include <libelf.h>

#include <memory>
#include <string_view>

#include "linux/memory.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

struct elf_end_call {
  void operator()(Elf* elf) const noexcept { elf_end(elf); }
};

bool names_coroutines(std::string_view names) {
  using namespace std::string_view_literals;
  return names.find(".Frame.actor"sv) != names.npos || names.find(".resume\0"sv) != names.npos;
}

}  // namespace

told_coroutines coroutines_of(int fd) {
  elf_version(EV_CURRENT);
  const std::unique_ptr<Elf, elf_end_call> elf(elf_begin(fd, ELF_C_READ, nullptr));
  std::size_t names_of_sections = 0;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || elf_getshdrstrndx(elf.get(), &names_of_sections) != 0)
    return told_coroutines::none;
  bool has_some = false, has_debug_information = false;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const char* name = elf_strptr(elf.get(), names_of_sections, header.sh_name);
    has_debug_information = has_debug_information ||
                            (name != nullptr && std::string_view(name).find("debug_info") != std::string_view::npos);
    if (header.sh_type != SHT_SYMTAB) continue;
    Elf_Scn* names = elf_getscn(elf.get(), header.sh_link);
    const auto* bytes = names ? elf_rawdata(names, nullptr) : nullptr;
    has_some = bytes && bytes->d_buf && names_coroutines({static_cast<const char*>(bytes->d_buf), bytes->d_size});
  }
  if (!has_some) return told_coroutines::none;
  return has_debug_information ? told_coroutines::by_debug_information : told_coroutines::by_symbols;
}

told_coroutines coroutine_files::in(pid_t pid) {
  const auto bytes = process_memory(pid);
  for (const auto& region : bytes->regions()) {
    if (!region.executable || region.inode == 0) continue;
    const auto [known, is_new] = files_.try_emplace({region.device, region.inode}, told_coroutines::none);
    if (is_new)
      if (const auto fd = open_mapped(pid, region)) known->second = coroutines_of(fd.get());
    if (known->second != told_coroutines::none) return known->second;
  }
  return told_coroutines::none;
}

}  // namespace tasks::cli
