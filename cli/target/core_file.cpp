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

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "symbols/module_files.hpp"
#include "target/core_store.hpp"

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
  return {error_code::system, "core " + clean(path), std::move(fact), std::move(next_step)};
}

/// Of the auxiliary vector; 0: none. See getauxval(3).
std::uint64_t auxiliary_value(Elf* core, std::uint64_t type) {
  std::uint64_t found = 0;
  each_core_note(core, [&](const note_entry& note) {
    GElf_auxv_t entry;
    if (note.type != NT_AUXV) return;
    for (auto rest = note.descriptor; rest.size() >= sizeof entry; rest.remove_prefix(sizeof entry)) {
      std::memcpy(&entry, rest.data(), sizeof entry);
      if (entry.a_type == type) found = entry.a_un.a_val;
    }
  });
  return found;
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

result<std::shared_ptr<core_file>> core_file::open(const std::string& word,
                                                   const std::optional<std::string>& executable) {
  unpacking how;
  // Where its size cannot be told, as of 20,000 mappings: all there is.
  how.wanted = [most = how.most_bytes](std::string_view first) {
    const auto size = core_size(first);
    return size == core_size_unknown ? most : size;
  };
  how.checks = true;
  auto found = find_core(word, how);
  if (!found) return found.why();
  std::shared_ptr<core_file> core(new core_file);
  core->path_ = word;
  core->fd_ = std::move(found->file.fd);
  core->damage_ = std::move(found->file.damage);
  core->written_ns_ = found->file.written_ns;
  if (!found->from.empty()) core->doubts_.push_back("this is " + found->from);
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
    return core_error(path_, damage_.empty() ? "is no core file: it has no ELF header" : damage_);
  }
  if (header.e_type != ET_CORE) return core_error(path_, "is no core file, but a program or library");
  std::size_t count = 0;
  if (elf_getphdrnum(elf_, &count) != 0) return core_error(path_, "its headers cannot be read: it is cut off");
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr part;
    if (!gelf_getphdr(elf_, static_cast<int>(i), &part))
      return core_error(path_, "its headers cannot be read: it is cut off");
    if (part.p_offset > file_size || part.p_filesz > file_size - part.p_offset) truncated_ = true;
    if (part.p_type != PT_LOAD || part.p_memsz == 0) continue;
    if (part.p_vaddr + part.p_memsz < part.p_vaddr)
      return core_error(path_, "its headers are damaged: a mapping ends before it begins");
    const auto held = part.p_offset >= file_size ? 0 : std::min(part.p_filesz, file_size - part.p_offset);
    segments_.push_back({part.p_vaddr, part.p_vaddr + part.p_memsz, held, part.p_offset, part.p_filesz - held});
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
  const auto its = executable ? executable : executable_that_ran();
  if (dwfl_core_file_report(dwfl, elf_, its ? its->c_str() : nullptr) < 0) {
    if (!truncated_ && damage_.empty()) return core_error(path_, fmt::format("cannot be read: {}", last_problem()));
    doubts_.emplace_back("which files it had mapped is not known: the memory that tells of them is missing");
  }
  dwfl_report_end(dwfl, nullptr, nullptr);
  pid_ = dwfl_core_file_attach(dwfl, elf_);
  if (pid_ < 0) {
    pid_ = 0;
    if (!truncated_ && damage_.empty())
      return core_error(path_, fmt::format("its threads cannot be read: {}", last_problem()));
    // gdb's cores tell of threads, and of files, behind all of the memory.
    doubts_.emplace_back("its threads are not known, nor its files: what tells of them is missing");
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
  doubt_what_is_cut_off();
  doubt_files(executable);
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
  for (const auto& mapped : mapped_files(elf_)) {
    auto region = std::lower_bound(regions_.begin(), regions_.end(), mapped.begin,
                                   [](const memory_region& each, std::uint64_t at) { return each.begin < at; });
    for (; region != regions_.end() && region->begin < mapped.end; ++region)
      if (region->path.empty() && region->executable && !region->writable && region->end <= mapped.end)
        region->path = mapped.name;
  }
  const auto on_stack = auxiliary_value(elf_, AT_RANDOM);  // bytes that the kernel puts there
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

/// See fs/binfmt_elf.c: {count, unit of offsets, {begin, end, offset}…, names…}.
std::vector<mapped_file> mapped_files(Elf* core) {
  std::vector<mapped_file> found;
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
      found.push_back({word(2 + 3 * i), word(3 + 3 * i), word(4 + 3 * i) * word(1), std::string(name)});
    }
  });
  return found;
}

std::string build_id_of(int fd) {
  Elf* elf = elf_begin(fd, ELF_C_READ_MMAP, nullptr);
  const void* bits = nullptr;
  const auto size = elf ? dwelf_elf_gnu_build_id(elf, &bits) : -1;
  std::string id(static_cast<const char*>(bits), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (elf) elf_end(elf);
  return id;
}

std::uint64_t core_size(std::string_view first_bytes) {
  Elf64_Ehdr header;
  if (first_bytes.size() < sizeof header) return sizeof header;
  std::memcpy(&header, first_bytes.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_type != ET_CORE)
    return first_bytes.size();
  const auto end_of = [](std::uint64_t begin, std::uint64_t size) {
    return begin + size < begin ? core_size_unknown : begin + size;
  };
  const auto headers_end = end_of(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr));
  // Then their number stands in a section behind all of the memory.
  if (header.e_phnum == PN_XNUM || headers_end > first_bytes.size()) return core_size_unknown;
  // gdb's cores have sections, which libelf looks for.
  auto size = std::max<std::uint64_t>(
      {sizeof header, headers_end,
       header.e_shnum == 0 ? 0 : end_of(header.e_shoff, std::uint64_t{header.e_shnum} * header.e_shentsize)});
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    std::memcpy(&part, first_bytes.data() + header.e_phoff + i * sizeof part, sizeof part);
    size = std::max(size, end_of(part.p_offset, part.p_filesz));
  }
  return size;
}

std::string core_file::what_is_left_out() const {
  if (truncated_) return "the core is cut off";
  if (!damage_.empty()) return damage_;
  for (const auto& file : mapped_files(elf_)) {
    // What nobody wrote to of an object's code and constants stands in its file.
    if (dwfl_addrmodule(code_->dwfl(), file.begin) != nullptr) continue;
    const bool held = std::any_of(regions_.begin(), regions_.end(), [&](const memory_region& region) {
      return region.begin <= file.begin && region.end >= file.end;
    });
    if (!held) return fmt::format("the core leaves out what was mapped of {}", clean(file.name));
  }
  return {};
}

/// By mapping: a heap that is missing says something else than a library's data.
void core_file::doubt_what_is_cut_off() {
  if (!damage_.empty()) doubts_.push_back(damage_);
  if (!truncated_) return;
  constexpr std::size_t most_lines = 8;
  std::uint64_t missing = 0, promised = 0;
  std::vector<segment> cut;
  for (const auto& each : segments_) {
    missing += each.cut_off;
    promised += each.in_file + each.cut_off;
    if (each.cut_off != 0) cut.push_back(each);
  }
  if (cut.empty()) {
    doubts_.emplace_back("the core is cut off behind its memory; nothing is proven");
    return;
  }
  std::stable_sort(cut.begin(), cut.end(), [](const segment& a, const segment& b) { return a.cut_off > b.cut_off; });
  doubts_.push_back(fmt::format(
      "the core is cut off: {} of {} of memory are missing, of {}; tasks may be missing, and nothing is proven",
      format_bytes(missing), format_bytes(promised), number_and_noun(cut.size(), "mapping")));
  const auto files = mapped_files(elf_);
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i < cut.size(); ++i) {
    const auto& each = cut[i];
    if (i >= most_lines) {
      rest += each.cut_off;
      continue;
    }
    const auto file = std::find_if(files.begin(), files.end(),
                                   [&](const mapped_file& f) { return f.begin <= each.begin && each.begin < f.end; });
    const auto region =
        std::find_if(regions_.begin(), regions_.end(), [&](const memory_region& r) { return r.begin == each.begin; });
    const std::string name = file != files.end()                                 ? file->name
                             : region != regions_.end() && !region->path.empty() ? region->path
                                                                                 : "anonymous memory";
    doubts_.push_back(fmt::format("  missing: {}{} of {:x}-{:x} {}", each.in_file == 0 ? "all " : "the last ",
                                  format_bytes(each.cut_off), each.begin, each.end, clean(name)));
  }
  if (cut.size() > most_lines)
    doubts_.push_back(fmt::format("  missing: {} of {} more", format_bytes(rest),
                                  number_and_noun(cut.size() - most_lines, "mapping")));
}

std::string core_file::build_id_in_core(std::uint64_t start) const {
  const auto held = [&](std::uint64_t at, void* to, std::size_t size) {
    const auto next = std::upper_bound(segments_.begin(), segments_.end(), at,
                                       [](std::uint64_t value, const segment& s) { return value < s.begin; });
    if (next == segments_.begin()) return false;
    const auto& in = *std::prev(next);
    if (at - in.begin >= in.in_file || size > in.in_file - (at - in.begin)) return false;
    return read_file_at(fd_.get(), in.offset + (at - in.begin), to, size) == size;
  };
  return build_id_at(held, start);
}

namespace {

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(each));
  return text;
}

}  // namespace

/// Lines and names come from the files that there are now. libdwfl takes none whose build id is another.
void core_file::doubt_files(const std::optional<std::string>& executable) {
  std::string given;
  if (executable) {
    const auto fd = open_regular(executable->c_str());
    if (fd) given = build_id_of(fd.get());
  }
  for (const auto& file : mapped_files(elf_)) {
    if (file.offset != 0 || dwfl_addrmodule(code_->dwfl(), file.begin) == nullptr) continue;
    const auto then = build_id_in_core(file.begin);
    if (!then.empty() && then == given) continue;
    const auto fd = open_regular(file.name.c_str());
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) continue;
    const auto now = build_id_of(fd.get());
    const auto written = info.st_mtim.tv_sec * std::int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
    if (!then.empty() && !now.empty() && then != now)
      doubts_.push_back(
          fmt::format("{} is not the file that ran: its build id is {}, that of the core {}; names and lines of it are "
                      "not known (give the file that ran with --exe, or install it again)",
                      clean(file.name), hexadecimal(now), hexadecimal(then)));
    else if (then.empty() && written_ns_ != 0 && written > written_ns_ && !executable)
      doubts_.push_back(
          fmt::format("{} is newer than the core, which does not hold its build id: names and lines of it may be wrong",
                      clean(file.name)));
  }
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

/// By the path that the core gives, where libdwfl does not find it: in the core there is nothing of its first page.
std::optional<std::string> core_file::executable_that_ran() const {
  const auto files = mapped_files(elf_);
  const auto entry = auxiliary_value(elf_, AT_ENTRY);
  const auto its = std::find_if(files.begin(), files.end(),
                                [&](const mapped_file& file) { return file.begin <= entry && entry < file.end; });
  if (its == files.end()) return std::nullopt;
  for (const auto& file : files)
    if (file.name == its->name && file.offset == 0 && !build_id_in_core(file.begin).empty()) return std::nullopt;
  if (!open_regular(its->name.c_str())) return std::nullopt;
  return its->name;
}

/// Some object in the core must have been loaded from this file: one that has its build id.
result<void> core_file::check_executable(const std::string& executable) const {
  const descriptor fd(::open(executable.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return error{error_code::usage, "--exe " + executable, ::strerror(errno), ""};
  const auto id = build_id_of(fd.get());
  if (id.empty()) return {};  // nothing to compare
  // Without what the kernel maps into every process.
  const auto vdso = auxiliary_value(elf_, AT_SYSINFO_EHDR);
  bool any = false;
  for (const auto& part : segments_) {
    const auto found = part.begin == vdso ? std::string() : build_id_in_core(part.begin);
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
