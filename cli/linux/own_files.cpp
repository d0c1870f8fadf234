#include "linux/own_files.hpp"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

bool is_of_libc(std::string_view name) {
  for (const std::string_view begin : {"linux-vdso.", "linux-gate.", "ld-linux", "libc.so.", "libm.so.", "libdl.so.",
                                       "libpthread.so.", "librt.so.", "libresolv.so.", "libutil.so."})
    if (name.starts_with(begin)) return true;
  return false;
}

int add_path(dl_phdr_info* object, std::size_t, void* paths) {
  const std::string_view path = object->dlpi_name != nullptr ? object->dlpi_name : "";
  if (!path.empty() && !is_of_libc(base_name(path))) static_cast<std::vector<std::string>*>(paths)->emplace_back(path);
  return 0;
}

}  // namespace

std::string without_sections(std::string bytes) {
  Elf64_Ehdr head;
  if (bytes.size() < sizeof head) return bytes;
  std::memcpy(&head, bytes.data(), sizeof head);
  const bool is_ours = std::memcmp(head.e_ident, ELFMAG, SELFMAG) == 0 && head.e_ident[EI_CLASS] == ELFCLASS64 &&
                       head.e_ident[EI_DATA] == ELFDATA2LSB && head.e_phentsize == sizeof(Elf64_Phdr);
  if (!is_ours || head.e_phnum == PN_XNUM || head.e_phoff > bytes.size() ||
      (bytes.size() - head.e_phoff) / sizeof(Elf64_Phdr) < head.e_phnum)
    return bytes;
  std::uint64_t end = head.e_phoff + std::uint64_t{head.e_phnum} * sizeof(Elf64_Phdr);
  for (unsigned i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes.data() + head.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_filesz > bytes.size() || segment.p_offset > bytes.size() - segment.p_filesz) return bytes;
    end = std::max(end, segment.p_offset + segment.p_filesz);
  }
  head.e_shoff = 0;
  head.e_shnum = head.e_shstrndx = 0;
  std::memcpy(bytes.data(), &head, sizeof head);
  bytes.resize(end);
  return bytes;
}

result<std::vector<own_file>> own_files() {
  std::vector<std::string> paths{"/proc/self/exe"};
  ::dl_iterate_phdr(add_path, &paths);
  std::vector<own_file> files;
  for (const auto& path : paths) {
    auto bytes = read_file(path.c_str());
    if (!bytes) return error{error_code::system, path, ::strerror(errno), ""};
    files.push_back({files.empty() ? "tasks" : std::string(base_name(path)), without_sections(*std::move(bytes))});
  }
  return files;
}

}  // namespace tasks::cli
