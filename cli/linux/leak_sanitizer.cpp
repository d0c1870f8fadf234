#include "linux/leak_sanitizer.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

constexpr std::uint64_t most_names = std::uint64_t{64} << 20;

template <class T>
bool read_at(int file, std::uint64_t at, T* to, std::size_t count) {
  return ::pread(file, to, count * sizeof(T), static_cast<off_t>(at)) == static_cast<ssize_t>(count * sizeof(T));
}

/// Names of libraries and of dynamic symbols; empty where there are none.
std::string dynamic_names(int file) {
  Elf64_Ehdr head;
  if (!read_at(file, 0, &head, 1) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > 512)
    return {};
  std::vector<Elf64_Phdr> segments(head.e_phnum);
  if (!read_at(file, head.e_phoff, segments.data(), segments.size())) return {};
  const auto offset_of = [&](std::uint64_t address) -> std::uint64_t {
    for (const auto& each : segments)
      if (each.p_type == PT_LOAD && address >= each.p_vaddr && address - each.p_vaddr < each.p_filesz)
        return address - each.p_vaddr + each.p_offset;
    return 0;
  };
  for (const auto& each : segments) {
    if (each.p_type != PT_DYNAMIC || each.p_filesz > most_names) continue;
    std::vector<Elf64_Dyn> entries(each.p_filesz / sizeof(Elf64_Dyn));
    if (!read_at(file, each.p_offset, entries.data(), entries.size())) return {};
    std::uint64_t at = 0, size = 0;
    for (const auto& entry : entries) {
      if (entry.d_tag == DT_STRTAB) at = offset_of(entry.d_un.d_ptr);
      if (entry.d_tag == DT_STRSZ) size = entry.d_un.d_val;
    }
    std::string names(std::min(size, most_names), '\0');
    if (at == 0 || !read_at(file, at, names.data(), names.size())) return {};
    return names;
  }
  return {};
}

bool is_switched_off(pid_t pid) {
  const auto variables = read_file(fmt::format("/proc/{}/environ", pid).c_str()).value_or("");
  for (std::size_t begin = 0; begin < variables.size();) {
    const auto end = std::min(variables.find('\0', begin), variables.size());
    const auto each = std::string_view(variables).substr(begin, end - begin);
    const bool is_option = each.starts_with("ASAN_OPTIONS=") || each.starts_with("LSAN_OPTIONS=");
    if (is_option && (each.find("detect_leaks=0") != each.npos || each.find("detect_leaks=false") != each.npos))
      return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

bool has_leak_sanitizer(pid_t pid) {
  const descriptor file(::open(fmt::format("/proc/{}/exe", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  const auto names = dynamic_names(file.get());
  const auto has = [&](const char* name) { return names.find(name) != names.npos; };
  return (has("libasan.so") || has("liblsan.so") || has("libclang_rt.asan") || has("__asan_init") ||
          has("__lsan_init")) &&
         !is_switched_off(pid);
}

}  // namespace tasks::cli
