#include "symbols/modules.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tasks::cli {
namespace {

/// As dwfl_linux_proc_find_elf, and opens the mapped file itself where its path leads nowhere or to another namespace.
int find_elf(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, char** file, Elf** elf) {
  const auto pid = static_cast<pid_t>(reinterpret_cast<std::intptr_t>(*data));
  if (name && name[0] == '/') {
    Dwarf_Addr start = 0, end = 0;
    dwfl_module_info(module, nullptr, &start, &end, nullptr, nullptr, nullptr, nullptr);
    std::string path(name);
    constexpr std::string_view deleted = " (deleted)";
    const bool is_deleted = path.ends_with(deleted);
    if (is_deleted) path.resize(path.size() - deleted.size());
    char exe[4096];
    const auto n = ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), exe, sizeof exe);
    const bool is_exe = n > 0 && std::string_view(exe, static_cast<std::size_t>(n)) == name;
    const auto outside = is_exe ? fmt::format("/proc/{}/exe", pid) : fmt::format("/proc/{}/root{}", pid, path);
    const int fd = ::open(outside.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
      *file = ::strdup(outside.c_str());
      return fd;
    }
  }
  return dwfl_linux_proc_find_elf(module, data, name, base, file, elf);
}

char* debug_path = nullptr;
const Dwfl_Callbacks callbacks = {find_elf, dwfl_standard_find_debuginfo, nullptr, &debug_path};

}  // namespace

modules::~modules() {
  if (dwfl_) dwfl_end(dwfl_);
}

Dwfl* modules::dwfl() {
  if (!is_open_) open();
  return dwfl_;
}

void modules::open() {
  is_open_ = true;
  // Debug information comes from this machine: a reader must not hang on somebody's server.
  unsetenv("DEBUGINFOD_URLS");
  dwfl_ = dwfl_begin(&callbacks);
  if (!dwfl_) return;
  if (dwfl_linux_proc_report(dwfl_, pid_) != 0) {
    dwfl_end(dwfl_);
    dwfl_ = nullptr;
    return;
  }
  dwfl_report_end(dwfl_, nullptr, nullptr);
  // Hands find_elf the pid.
  dwfl_getmodules(
      dwfl_,
      [](Dwfl_Module*, void** data, const char*, Dwarf_Addr, void* pid) {
        *data = pid;
        return static_cast<int>(DWARF_CB_OK);
      },
      reinterpret_cast<void*>(static_cast<std::intptr_t>(pid_)), 0);
}

}  // namespace tasks::cli
