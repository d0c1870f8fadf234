#include "linux/leak_sanitizer.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

constexpr std::uint64_t most_names = std::uint64_t{64} << 20;
/// Of an executable's code and constants: some tenths of a second, where they are in memory.
constexpr std::uint64_t most_searched = std::uint64_t{1} << 30;

template <class T>
bool read_at(int file, std::uint64_t at, T* to, std::size_t count) {
  return ::pread(file, to, count * sizeof(T), static_cast<off_t>(at)) == static_cast<ssize_t>(count * sizeof(T));
}

std::vector<Elf64_Phdr> segments_of(int file) {
  Elf64_Ehdr head;
  if (!read_at(file, 0, &head, 1) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > 512)
    return {};
  std::vector<Elf64_Phdr> segments(head.e_phnum);
  if (!read_at(file, head.e_phoff, segments.data(), segments.size())) return {};
  return segments;
}

/// Names of libraries and of dynamic symbols; empty where there are none.
std::string dynamic_names(int file, const std::vector<Elf64_Phdr>& segments) {
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

/// The runtime's own complaint, in what it cannot write to, where it is linked statically. Without the first letter, so
/// that it is not found in us; the names of its variables are in others, too (ctest).
bool has_words_of_runtime(int file, const std::vector<Elf64_Phdr>& segments) {
  constexpr std::string_view words = "eakSanitizer does not work under ptrace";
  constexpr std::uint64_t piece = std::uint64_t{1} << 20;
  std::uint64_t left = most_searched;
  std::string text;
  for (const auto& each : segments) {
    if (each.p_type != PT_LOAD || (each.p_flags & PF_W) != 0) continue;
    const auto size = std::min(each.p_filesz, left);
    left -= size;
    text.clear();
    for (std::uint64_t at = 0; at < size; at += piece) {
      if (text.size() > words.size()) text.erase(0, text.size() - words.size());  // they may go on in this piece
      const auto kept = text.size();
      const auto count = std::min(piece, size - at);
      text.resize(kept + count);
      if (!read_at(file, each.p_offset + at, text.data() + kept, count)) break;
      for (auto found = text.find(words); found != text.npos; found = text.find(words, found + 1))
        if (found != 0 && text[found - 1] == 'L') return true;
    }
  }
  return false;
}

/// What a process was given as a variable, or nothing.
std::string_view variable_of(std::string_view variables, std::string_view name) {
  for (std::size_t begin = 0; begin < variables.size();) {
    const auto end = std::min(variables.find('\0', begin), variables.size());
    const auto each = variables.substr(begin, end - begin);
    if (each.starts_with(name) && each.substr(name.size()).starts_with('=')) return each.substr(name.size() + 1);
    begin = end + 1;
  }
  return {};
}

bool has(std::string_view text, std::initializer_list<std::string_view> any) {
  return std::any_of(any.begin(), any.end(), [&](auto each) { return text.find(each) != text.npos; });
}

bool is_switched_off(std::string_view variables) {
  for (const auto* name : {"ASAN_OPTIONS", "LSAN_OPTIONS"})
    if (has(variable_of(variables, name), {"detect_leaks=0", "detect_leaks=false"})) return true;
  return false;
}

}  // namespace

bool has_leak_sanitizer(pid_t pid) {
  const descriptor file(::open(fmt::format("/proc/{}/exe", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  const auto variables = read_file(fmt::format("/proc/{}/environ", pid).c_str()).value_or("");
  if (is_switched_off(variables)) return false;
  if (has(variable_of(variables, "LD_PRELOAD"), {"libasan", "liblsan", "libclang_rt.asan"})) return true;
  const auto segments = segments_of(file.get());
  return has(dynamic_names(file.get(), segments),
             {"libasan.so", "liblsan.so", "libclang_rt.asan", "__asan_init", "__lsan_init"}) ||
         has_words_of_runtime(file.get(), segments);
}

}  // namespace tasks::cli
