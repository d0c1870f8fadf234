#include "target/core_registers.hpp"

#include <elf.h>
#include <sys/procfs.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>

namespace tasks::cli {
namespace {

void append_words(std::vector<std::uint64_t>& to, std::string_view bytes) {
  const auto before = to.size();
  to.resize(before + (bytes.size() + 7) / 8);
  std::memcpy(to.data() + before, bytes.data(), bytes.size());
}

}  // namespace

std::vector<thread_registers> registers_of(const core_file& core) {
  std::vector<thread_registers> threads;
  std::set<std::uint32_t> extended;  ///< threads whose extended state is there
  bool whole = true;
  // The notes of a thread follow its NT_PRSTATUS.
  each_core_note(core.elf(), [&](const note_entry& note) {
    if (note.type == NT_PRSTATUS) {
      elf_prstatus status;
      auto& thread = threads.emplace_back();
      if (note.descriptor.size() < sizeof status) {
        whole = false;
        return;
      }
      std::memcpy(&status, note.descriptor.data(), sizeof status);
      thread.tid = static_cast<std::uint32_t>(status.pr_pid);
      append_words(thread.general, note.descriptor.substr(offsetof(elf_prstatus, pr_reg), sizeof status.pr_reg));
      whole = thread.take_general() && whole;
    } else if (note.type == NT_X86_XSTATE && !threads.empty()) {
      extended.insert(threads.back().tid);
      append_words(threads.back().vector, note.descriptor);
#if defined(__aarch64__)
    } else if (note.type == NT_ARM_TLS && !threads.empty() && note.descriptor.size() >= sizeof(std::uint64_t)) {
      std::memcpy(&threads.back().thread_pointer, note.descriptor.data(), sizeof(std::uint64_t));
    } else if (note.type == NT_ARM_SVE && !threads.empty()) {
      append_words(threads.back().vector, note.descriptor);
#endif
    } else if (note.type == NT_FPREGSET && !threads.empty()) {
      append_words(threads.back().vector, note.descriptor);
    }
  });
#if defined(__x86_64__)
  // Mask registers and the upper halves of others are there alone.
  const auto has_all = [&](const thread_registers& thread) { return extended.contains(thread.tid); };
#else
  const auto has_all = [](const thread_registers& thread) { return !thread.vector.empty(); };
#endif
  if (!whole || !std::all_of(threads.begin(), threads.end(), has_all)) threads.clear();
  if (threads.size() != core.tids().size()) threads.clear();
  return threads;
}

}  // namespace tasks::cli
