#include "symbols/module_files.hpp"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::cli {
namespace {

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec; }

/// The kernel stamps files with the time of its last tick, of which there are a hundred a second and more.
constexpr std::int64_t several_ticks_ns = 50'000'000;

bool has_changed_just_now(std::int64_t changed_ns) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return changed_ns > nanoseconds(now) - several_ticks_ns;
}

std::string folder_of(std::string_view path) { return std::string(path.substr(0, path.rfind('/'))); }

/// Where libdwfl looks for a debug file of this name: beside its file, in .debug there, and in /usr/lib/debug under the
/// folder's own path, of which it leaves out parts at the begin.
void add_places(std::string_view folder, std::string_view link, std::vector<std::string>& places) {
  if (link.starts_with('/')) return places.emplace_back(link), void();
  places.push_back(fmt::format("{}/{}", folder, link));
  places.push_back(fmt::format("{}/.debug/{}", folder, link));
  for (std::string_view rest = folder;;) {
    places.push_back(fmt::format("/usr/lib/debug{}/{}", rest, link));
    const auto next = rest.find('/', 1);
    if (next == rest.npos) break;
    rest.remove_prefix(next);
  }
  places.push_back(fmt::format("/usr/lib/debug/{}", link));
}

/// One is there, and nothing that is not a regular file: libdwfl opens one after another.
bool may_have_one_beside(const char* file, std::string_view link) {
  std::vector<std::string> places;
  add_places(folder_of(file), link, places);
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(file, nullptr), &std::free);
  if (real != nullptr) add_places(folder_of(real.get()), link, places);
  bool found = false;
  for (const auto& place : places) {
    struct stat its {};
    if (::stat(place.c_str(), &its) != 0) continue;
    if (!S_ISREG(its.st_mode)) return false;
    found = true;
  }
  return found;
}

bool has_both(Elf* elf) {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return false;
  bool symbols = false, debug = false;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const char* name = elf_strptr(elf, names, header.sh_name);
    symbols = symbols || header.sh_type == SHT_SYMTAB;
    debug = debug || (name != nullptr && std::string_view(name).find("debug_info") != std::string_view::npos);
  }
  return symbols && debug;
}

}  // namespace

detail::descriptor open_regular(const char* path) {
  detail::descriptor fd(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat its {};
  if (!fd || (::fstat(fd.get(), &its) == 0 && S_ISREG(its.st_mode))) return fd;
  errno = ENOENT;
  return {};
}

std::optional<file_identity> identity_of(int fd) {
  struct stat its {};
  struct statfs within {};
  if (::fstat(fd, &its) != 0 || !S_ISREG(its.st_mode) || ::fstatfs(fd, &within) != 0 ||
      within.f_type == FUSE_SUPER_MAGIC || has_changed_just_now(nanoseconds(its.st_ctim)))
    return std::nullopt;
  return file_identity{its.st_dev, its.st_ino, static_cast<std::uint64_t>(its.st_size), nanoseconds(its.st_mtim),
                       nanoseconds(its.st_ctim)};
}

module_files& files_of(void** data) {
  if (*data == nullptr) *data = new module_files;
  return *static_cast<module_files*>(*data);
}

module_files* files_of(Dwfl_Module* module) {
  void** data = nullptr;
  dwfl_module_info(module, &data, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  return data != nullptr ? static_cast<module_files*>(*data) : nullptr;
}

void forget_files(Dwfl* dwfl) {
  dwfl_getmodules(
      dwfl,
      [](Dwfl_Module*, void** data, const char*, Dwarf_Addr, void*) {
        delete static_cast<module_files*>(*data);
        *data = nullptr;
        return static_cast<int>(DWARF_CB_OK);
      },
      nullptr, 0);
}

int find_debug_file(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, const char* file,
                    const char* link, GElf_Word crc, char** found) {
  int fd = dwfl_build_id_find_debuginfo(module, data, name, base, file, link, crc, found);
  if (fd < 0 && file != nullptr && link != nullptr && may_have_one_beside(file, link))
    fd = dwfl_standard_find_debuginfo(module, data, name, base, file, link, crc, found);
  // What it looks for later is the file that has what several debug files have in common (dwz).
  if (auto& its = files_of(data); fd >= 0 && !its.debug && !its.debug_is_unknown) {
    its.debug = identity_of(fd);
    its.debug_is_unknown = !its.debug;
  }
  return fd;
}

/// libdwfl looks itself: its callbacks, called by somebody else, leave the module with a debug file whose offset to the
/// module's own nobody has worked out.
std::optional<file_identity> debug_file_of(Dwfl_Module* module) {
  GElf_Addr bias = 0;
  Elf* elf = dwfl_module_getelf(module, &bias);
  if (elf == nullptr || has_both(elf)) return std::nullopt;
  const auto* its = files_of(module);
  static_cast<void>(dwfl_module_getsymtab(module));
  if (its != nullptr && !its->debug) static_cast<void>(dwfl_module_getdwarf(module, &bias));
  return its != nullptr ? its->debug : std::nullopt;
}

}  // namespace tasks::cli
