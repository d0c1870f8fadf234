#include "target/core_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>

#include <elfutils/libdwelf.h>

#include "symbols/module_files.hpp"

namespace tasks::cli {
namespace {

char* debug_path = nullptr;
/// By build id where the system keeps such files, else where the core says that the object was. libdwfl refuses a file
/// whose build id is another than the one in the core.
int find_elf(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, char** file, Elf** elf) {
  int fd = dwfl_build_id_find_elf(module, data, name, base, file, elf);
  if (fd < 0 && !*elf && name && name[0] == '/') {
    fd = open_regular(name).release();
    if (fd >= 0) *file = ::strdup(name);
  }
  if (fd >= 0) files_of(data).opened = identity_of(fd);
  return fd;
}

const Dwfl_Callbacks callbacks = {find_elf, find_debug_file, nullptr, &debug_path};

std::string last_problem() {
  const char* text = dwfl_errmsg(-1);
  return text ? text : "it is damaged";
}

error core_error(const std::string& path, std::string fact, std::string next_step = "") {
  return {error_code::system, "core " + path, std::move(fact), std::move(next_step)};
}

std::size_t read_file_at(int fd, std::uint64_t offset, void* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const auto n = ::pread(fd, static_cast<char*>(to) + done, size - done, static_cast<off_t>(offset + done));
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace

result<std::shared_ptr<core_file>> core_file::open(const std::string& path,
                                                   const std::optional<std::string>& executable) {
  std::shared_ptr<core_file> core(new core_file);
  core->path_ = path;
  core->fd_ = descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!core->fd_) return core_error(path, fmt::format("cannot be opened: {}", ::strerror(errno)));
  if (const auto good = core->read_headers(); !good) return good.why();
  if (const auto good = core->attach(executable); !good) return good.why();
  return core;
}

core_file::~core_file() {
  code_.reset();  // before the Elf that it uses
  if (elf_) elf_end(elf_);
}

result<void> core_file::read_headers() {
  elf_version(EV_CURRENT);
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0 || !S_ISREG(info.st_mode)) return core_error(path_, "is no file");
  const auto file_size = static_cast<std::uint64_t>(info.st_size);
  elf_ = elf_begin(fd_.get(), ELF_C_READ_MMAP, nullptr);
  GElf_Ehdr header;
  if (!elf_ || elf_kind(elf_) != ELF_K_ELF || !gelf_getehdr(elf_, &header)) {
    return core_error(path_, "is no core file: it has no ELF header",
                      "zstd -d, lz4 -d or gunzip it first if it is compressed");
  }
  if (header.e_type != ET_CORE) return core_error(path_, "is no core file, but a program or library");
  std::size_t count = 0;
  if (elf_getphdrnum(elf_, &count) != 0) return core_error(path_, "its headers cannot be read: it is cut off");
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr part;
    if (!gelf_getphdr(elf_, static_cast<int>(i), &part))
      return core_error(path_, "its headers cannot be read: it is cut off");
    if (part.p_offset + part.p_filesz > file_size) truncated_ = true;
    if (part.p_type != PT_LOAD || part.p_memsz == 0) continue;
    const auto held = part.p_offset >= file_size ? 0 : std::min(part.p_filesz, file_size - part.p_offset);
    segments_.push_back({part.p_vaddr, part.p_vaddr + part.p_memsz, held, part.p_offset});
    memory_region region;
    region.begin = part.p_vaddr;
    region.end = part.p_vaddr + part.p_memsz;
    // What was made unreadable after it was filled is in the core all the same.
    region.readable = (part.p_flags & PF_R) != 0 || held != 0;
    region.writable = (part.p_flags & PF_W) != 0;
    region.executable = (part.p_flags & PF_X) != 0;
    regions_.push_back(region);
  }
  const auto by_address = [](const auto& a, const auto& b) { return a.begin < b.begin; };
  std::sort(segments_.begin(), segments_.end(), by_address);
  std::sort(regions_.begin(), regions_.end(), by_address);
  if (segments_.empty()) return core_error(path_, "holds no memory");
  if (truncated_) doubts_.emplace_back("the core is cut off: parts of the memory are missing");
  return {};
}

result<void> core_file::attach(const std::optional<std::string>& executable) {
  // Debug information comes from this machine: a reader must not hang on somebody's server.
  ::unsetenv("DEBUGINFOD_URLS");
  Dwfl* dwfl = dwfl_begin(&callbacks);
  if (!dwfl) return core_error(path_, last_problem());
  code_ = std::make_unique<modules>(dwfl);
  if (executable) {
    if (const auto good = check_executable(*executable); !good) return good;
  }
  if (dwfl_core_file_report(dwfl, elf_, executable ? executable->c_str() : nullptr) < 0) {
    return core_error(path_, fmt::format("cannot be read: {}", last_problem()));
  }
  dwfl_report_end(dwfl, nullptr, nullptr);
  pid_ = dwfl_core_file_attach(dwfl, elf_);
  if (pid_ < 0) {
    pid_ = 0;
    return core_error(path_, fmt::format("its threads cannot be read: {}", last_problem()),
                      truncated_ ? "the core is cut off" : "");
  }
  dwfl_getthreads(
      dwfl,
      [](Dwfl_Thread* thread, void* to) {
        static_cast<std::vector<pid_t>*>(to)->push_back(dwfl_thread_tid(thread));
        return static_cast<int>(DWARF_CB_OK);
      },
      &tids_);
  add_regions_of_objects();
  name_regions();
  return {};
}

/// gdb leaves out what stands in the files of objects, their code and constants; the kernel names at least where it
/// was.
void core_file::add_regions_of_objects() {
  std::vector<memory_region> missing;
  const auto add = [&](std::uint64_t begin, std::uint64_t end, bool executable) {
    const auto add_gap = [&](std::uint64_t to) {
      if (begin >= to) return;
      auto& region = missing.emplace_back();
      region.begin = begin;
      region.end = to;
      region.readable = true;
      region.executable = executable;
    };
    for (const auto& known : regions_) {
      if (known.end <= begin) continue;
      if (known.begin >= end) break;
      add_gap(known.begin);
      begin = known.end;
    }
    add_gap(end);
  };
  for (const auto start : objects()) {
    Dwfl_Module* module = dwfl_addrmodule(code_->dwfl(), start);
    GElf_Addr bias = 0;
    Elf* elf = module ? dwfl_module_getelf(module, &bias) : nullptr;
    std::size_t count = 0;
    if (!elf || elf_getphdrnum(elf, &count) != 0) continue;
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Phdr part;
      if (!gelf_getphdr(elf, static_cast<int>(i), &part) || part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0)
        continue;
      const auto begin = part.p_vaddr + bias, end = begin + part.p_memsz;
      add(begin / page_size * page_size, (end + page_size - 1) / page_size * page_size, (part.p_flags & PF_X) != 0);
    }
  }
  regions_.insert(regions_.end(), missing.begin(), missing.end());
  std::sort(regions_.begin(), regions_.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
}

namespace {

/// The address of the random bytes that the kernel puts on the main thread's stack, of the auxiliary vector; 0: none.
/// See getauxval(3).
std::uint64_t random_bytes_at(Elf* core) {
  std::uint64_t found = 0;
  each_core_note(core, [&](const note_entry& note) {
    GElf_auxv_t entry;
    if (note.type != NT_AUXV) return;
    for (auto rest = note.descriptor; rest.size() >= sizeof entry; rest.remove_prefix(sizeof entry)) {
      std::memcpy(&entry, rest.data(), sizeof entry);
      if (entry.a_type == AT_RANDOM) found = entry.a_un.a_val;
    }
  });
  return found;
}

/// Of NT_FILE, see fs/binfmt_elf.c: {count, unit of offsets, {begin, end, offset}…, names…}.
template <class Visit>
void each_mapped_file(Elf* core, Visit visit) {
  each_core_note(core, [&](const note_entry& note) {
    if (note.type != NT_FILE || note.descriptor.size() < 16) return;
    const auto word = [&](std::uint64_t index) {
      std::uint64_t value = 0;
      std::memcpy(&value, note.descriptor.data() + 8 * index, sizeof value);
      return value;
    };
    const auto count = std::min<std::uint64_t>(word(0), (note.descriptor.size() - 16) / 24);
    auto names = note.descriptor.substr(16 + 24 * count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto name = names.substr(0, names.find('\0'));
      names.remove_prefix(std::min(names.size(), name.size() + 1));
      visit(range{word(2 + 3 * i), word(3 + 3 * i)}, name);
    }
  });
}

}  // namespace

void core_file::name_regions() {
  for (auto& region : regions_) {
    Dwfl_Module* module = dwfl_addrmodule(code_->dwfl(), region.begin);
    const char* file = nullptr;
    if (module) dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, &file, nullptr);
    if (!file && module) file = dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    if (file && file[0] == '/') region.path = file;
  }
  // An object that libdwfl leaves out: the loader of aarch64, since between its code and its data, 64 KiB apart, lies
  // the kernel's.
  each_mapped_file(elf_, [&](const range& mapped, std::string_view name) {
    for (auto& region : regions_)
      if (region.path.empty() && region.executable && !region.writable && region.begin >= mapped.begin &&
          region.end <= mapped.end)
        region.path = name;
  });
  const auto on_stack = random_bytes_at(elf_);
  for (auto& region : regions_)
    if (on_stack >= region.begin && on_stack < region.end && region.path.empty()) region.path = "[stack]";
}

void each_core_note(Elf* core, const std::function<void(const note_entry&)>& visit) {
  std::size_t count = 0;
  if (elf_getphdrnum(core, &count) != 0) return;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr part;
    if (!gelf_getphdr(core, static_cast<int>(i), &part) || part.p_type != PT_NOTE) continue;
    const auto* data = elf_getdata_rawchunk(core, static_cast<std::int64_t>(part.p_offset), part.p_filesz, ELF_T_BYTE);
    if (data) each_note({static_cast<const char*>(data->d_buf), data->d_size}, 0, part.p_align == 8 ? 8 : 4, visit);
  }
}

std::string core_file::what_is_left_out() const {
  std::string left_out;
  each_mapped_file(elf_, [&](const range& mapped, std::string_view name) {
    // What nobody wrote to of an object's code and constants stands in its file.
    if (dwfl_addrmodule(code_->dwfl(), mapped.begin) != nullptr) return;
    const bool held = std::any_of(regions_.begin(), regions_.end(), [&](const memory_region& region) {
      return region.begin <= mapped.begin && region.end >= mapped.end;
    });
    if (!held) left_out = fmt::format("the core leaves out what was mapped of {}", name);
  });
  return left_out;
}

std::vector<std::uint64_t> core_file::objects() const {
  std::vector<std::uint64_t> found;
  dwfl_getmodules(
      code_->dwfl(),
      [](Dwfl_Module*, void**, const char*, Dwarf_Addr start, void* to) {
        static_cast<std::vector<std::uint64_t>*>(to)->push_back(start);
        return static_cast<int>(DWARF_CB_OK);
      },
      &found, 0);
  return found;
}

/// Some object in the core must have been loaded from this file: one that has its build id.
result<void> core_file::check_executable(const std::string& executable) const {
  const descriptor fd(::open(executable.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return error{error_code::usage, "--exe " + executable, ::strerror(errno), ""};
  Elf* elf = elf_begin(fd.get(), ELF_C_READ_MMAP, nullptr);
  const void* bits = nullptr;
  const auto size = elf ? dwelf_elf_gnu_build_id(elf, &bits) : -1;
  const std::string id(static_cast<const char*>(bits), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (elf) elf_end(elf);
  if (id.empty()) return {};  // nothing to compare
  bool any = false;
  for (const auto& part : segments_) {
    const auto found =
        build_id_at([this](std::uint64_t at, void* to, std::size_t n) { return read(at, to, n) == n; }, part.begin);
    if (found == id) return {};
    any = any || !found.empty();
  }
  if (!any) return {};  // the core holds no object's headers
  return error{error_code::usage, "--exe " + executable,
               "is not what dumped this core: no object in it has its build id",
               "give the very file, not one that was built again"};
}

std::size_t core_file::read(std::uint64_t address, void* to, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const auto at = address + done;
    auto* place = static_cast<char*>(to) + done;
    auto next = std::upper_bound(segments_.begin(), segments_.end(), at,
                                 [](std::uint64_t value, const segment& s) { return value < s.begin; });
    const auto* in = next == segments_.begin() ? nullptr : &*std::prev(next);
    if (in && at >= in->end) in = nullptr;
    std::uint64_t want = size - done;
    if (in) want = std::min(want, in->end - at);
    if (!in && next != segments_.end()) want = std::min(want, next->begin - at);
    std::size_t got = 0;
    if (in && at - in->begin < in->in_file) {
      const auto into = at - in->begin;
      got = read_file_at(fd_.get(), in->offset + into, place, std::min(want, in->in_file - into));
    } else {
      got = read_from_object(at, place, want);
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

/// Pages that nobody wrote to are not in a core: they stand in the file that they were mapped from.
std::size_t core_file::read_from_object(std::uint64_t address, void* to, std::size_t size) const {
  Dwfl_Module* module = code_ ? dwfl_addrmodule(code_->dwfl(), address) : nullptr;
  GElf_Addr bias = 0;
  Elf* elf = module ? dwfl_module_getelf(module, &bias) : nullptr;
  std::size_t count = 0;
  if (!elf || elf_getphdrnum(elf, &count) != 0) return 0;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr part;
    if (!gelf_getphdr(elf, static_cast<int>(i), &part) || part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0)
      continue;
    const auto begin = part.p_vaddr + bias;
    if (address < begin || address - begin >= part.p_filesz) continue;
    const auto into = address - begin;
    const auto want = std::min<std::uint64_t>(size, part.p_filesz - into);
    const auto* data = elf_getdata_rawchunk(elf, static_cast<std::int64_t>(part.p_offset + into), want, ELF_T_BYTE);
    if (!data || data->d_size < want) return 0;
    std::memcpy(to, data->d_buf, want);
    return want;
  }
  return 0;
}

}  // namespace tasks::cli
