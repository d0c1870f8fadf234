#include "target/core_glance.hpp"

#include <elf.h>
#include <gelf.h>
#include <signal.h>
#include <sys/procfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>

#include "base/text.hpp"
#include "linux/elf_note.hpp"
#include "symbols/module_files.hpp"
#include "target/core_file.hpp"
#include "target/coroutine_files.hpp"

namespace tasks::cli {
namespace {

using told_of_core = core_glance::told;

/// More is not unpacked: the executable is the first that is mapped, and comes first.
constexpr std::uint64_t looked_into = std::uint64_t{16} << 20;

struct end_of_elf {
  void operator()(Elf* elf) const noexcept { elf_end(elf); }
};

void take_notes(Elf* core, stored_core& to) {
  bool has_status = to.signal != 0;
  each_core_note(core, [&](const note_entry& note) {
    if (note.type == NT_PRSTATUS && !has_status && note.descriptor.size() >= sizeof(elf_prstatus)) {
      elf_prstatus status{};
      std::memcpy(&status, note.descriptor.data(), sizeof status);
      to.signal = status.pr_cursig;
      has_status = true;
    } else if (note.type == NT_PRPSINFO && note.descriptor.size() >= sizeof(elf_prpsinfo)) {
      elf_prpsinfo process{};
      std::memcpy(&process, note.descriptor.data(), sizeof process);
      if (to.pid == 0) to.pid = process.pr_pid;
      if (to.command.empty()) to.command.assign(process.pr_fname, ::strnlen(process.pr_fname, sizeof process.pr_fname));
    }
  });
}

/// Of memory, as far as it came.
class first_pages {
 public:
  first_pages(Elf* core, int fd) : fd_(fd) {
    std::size_t count = 0;
    if (elf_getphdrnum(core, &count) != 0) return;
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Phdr part;
      if (gelf_getphdr(core, static_cast<int>(i), &part) && part.p_type == PT_LOAD && part.p_filesz != 0)
        parts_.push_back(part);
    }
  }
  [[nodiscard]] bool read(std::uint64_t at, void* to, std::size_t size) const {
    for (const auto& part : parts_)
      if (at >= part.p_vaddr && at - part.p_vaddr < part.p_filesz)
        return size <= part.p_filesz - (at - part.p_vaddr) &&
               ::pread(fd_, to, size, static_cast<off_t>(part.p_offset + (at - part.p_vaddr))) ==
                   static_cast<ssize_t>(size);
    return false;
  }
  [[nodiscard]] const std::vector<GElf_Phdr>& parts() const noexcept { return parts_; }

 private:
  int fd_;
  std::vector<GElf_Phdr> parts_;
};

}  // namespace

core_glance glance_at(stored_core& of, std::chrono::steady_clock::time_point deadline) {
  using kept = stored_core::kept;
  if (of.how == kept::missing) return {told_of_core::not_known, "removed"};
  if (of.how == kept::denied) return {told_of_core::not_known, "may not be read"};
  if (of.how == kept::journal) return {told_of_core::not_known, "in the journal"};
  if (std::chrono::steady_clock::now() >= deadline) return {told_of_core::not_known, "time is up"};
  unpacking how;
  how.wanted = [](std::string_view first) { return std::min(core_size(first), looked_into); };
  how.until = deadline;
  const auto file = open_unpacked(of.path, how);
  if (!file) return {told_of_core::not_known, file.why().fact};
  elf_version(EV_CURRENT);
  const std::unique_ptr<Elf, end_of_elf> core(elf_begin(file->fd.get(), ELF_C_READ, nullptr));
  GElf_Ehdr header;
  if (!core || elf_kind(core.get()) != ELF_K_ELF || !gelf_getehdr(core.get(), &header) || header.e_type != ET_CORE)
    return {told_of_core::not_known, file->damage.empty() ? "is no core file" : file->damage};
  take_notes(core.get(), of);
  const first_pages memory(core.get(), file->fd.get());
  const byte_reader read = [&](std::uint64_t at, void* to, std::size_t size) { return memory.read(at, to, size); };
  for (const auto& part : memory.parts())
    if (!notes_at(read, part.p_vaddr).empty()) return {told_of_core::hooked, {}};

  // Libraries, and whatever the core does not hold the first page of: by the files that there are now.
  std::set<std::string> seen;
  bool has_coroutines = false;
  std::string reason;
  for (const auto& mapped : mapped_files(core.get())) {
    if (mapped.offset != 0 || !seen.insert(mapped.name).second) continue;
    if (std::chrono::steady_clock::now() >= deadline) return {told_of_core::not_known, "time is up"};
    const auto object = open_regular(mapped.name.c_str());
    const auto then = build_id_at(read, mapped.begin);
    if (!object || (!then.empty() && then != build_id_of(object.get()))) {
      if (reason.empty() && seen.size() == 1)
        reason =
            std::string(base_name(mapped.name)) + (object ? " is not the file that ran" : " is not there any more");
      continue;
    }
    if (!read_notes(object.get()).notes.empty()) return {told_of_core::hooked, {}};
    has_coroutines = has_coroutines || coroutines_of(object.get()) != told_coroutines::none;
  }
  if (has_coroutines) return {told_of_core::unhooked, {}};
  if (seen.empty()) reason = "does not tell its files";
  return {reason.empty() ? told_of_core::none : told_of_core::not_known, reason};
}

}  // namespace tasks::cli
