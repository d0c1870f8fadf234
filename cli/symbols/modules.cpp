#include "symbols/modules.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "symbols/code_cache.hpp"
#include "symbols/module_files.hpp"

namespace tasks::cli {
namespace {

/// As dwfl_linux_proc_find_elf, and opens the mapped file itself where its path leads nowhere or to another namespace.
int find_elf(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, char** file, Elf** elf) {
  auto& files = files_of(data);
  const auto pid = files.pid;
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
    if (auto fd = open_regular(outside.c_str())) {
      *file = ::strdup(outside.c_str());
      files.opened = identity_of(fd.get());
      return fd.release();
    }
    if (struct stat its{}; ::stat(name, &its) == 0 && !S_ISREG(its.st_mode)) return -1;
  }
  const int fd = dwfl_linux_proc_find_elf(module, data, name, base, file, elf);
  if (fd >= 0) files.opened = identity_of(fd);
  return fd;
}

char* debug_path = nullptr;
const Dwfl_Callbacks callbacks = {find_elf, find_debug_file, nullptr, &debug_path};

}  // namespace

modules::modules(pid_t thread) : pid_(thread) {}
modules::modules(Dwfl* dwfl) : dwfl_(dwfl), is_open_(true) {}

modules::~modules() {
  if (!dwfl_) return;
  save();
  forget_files(dwfl_);
  dwfl_end(dwfl_);
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
        files_of(data).pid = *static_cast<const pid_t*>(pid);
        return static_cast<int>(DWARF_CB_OK);
      },
      &pid_, 0);
}

void modules::keep(std::function<std::string(std::uint64_t)> in_memory) {
  if (!cache_) cache_ = code_cache::open(std::move(in_memory));
}

kept_code* modules::kept_of(Dwfl_Module* module) { return cache_ ? cache_->of(module) : nullptr; }

kept_code* modules::kept_at(std::uint64_t address) {
  Dwfl_Module* module = cache_ && dwfl() != nullptr ? dwfl_addrmodule(dwfl_, address) : nullptr;
  return module != nullptr ? cache_->of(module) : nullptr;
}

void modules::save() noexcept {
  if (cache_) cache_->save();
}

}  // namespace tasks::cli
