#include "target/core_registers.hpp"

#include <elf.h>
#include <sys/procfs.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace tasks::cli {
namespace {

void append_words(std::vector<std::uint64_t>& to, const char* bytes, std::size_t size) {
  const auto before = to.size();
  to.resize(before + (size + 7) / 8);
  std::memcpy(to.data() + before, bytes, size);
}

}  // namespace

std::vector<thread_registers> registers_of(const core_file& core) {
  std::vector<thread_registers> threads;
  bool whole = true;
  // The notes of a thread follow its NT_PRSTATUS.
  for_each_note(core.elf(), [&](unsigned type, std::string_view, const char* bytes, std::size_t size) {
    if (type == NT_PRSTATUS) {
      elf_prstatus status;
      auto& thread = threads.emplace_back();
      if (size < sizeof status) {
        whole = false;
        return;
      }
      std::memcpy(&status, bytes, sizeof status);
      thread.tid = static_cast<std::uint32_t>(status.pr_pid);
      append_words(thread.general, bytes + offsetof(elf_prstatus, pr_reg), sizeof status.pr_reg);
      whole = thread.take_general() && whole;
    } else if ((type == NT_FPREGSET || type == NT_X86_XSTATE) && !threads.empty()) {
      append_words(threads.back().vector, bytes, size);
    }
  });
  const auto has_all = [](const thread_registers& thread) { return !thread.vector.empty(); };
  if (!whole || !std::all_of(threads.begin(), threads.end(), has_all)) threads.clear();
  if (threads.size() != core.tids().size()) threads.clear();
  return threads;
}

}  // namespace tasks::cli
