#include <errno.h>
#include <signal.h>
#include <sys/procfs.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "linux/elf_note.hpp"
#include "target/core_file.hpp"
#include "target/core_registers.hpp"
#include "target/target.hpp"

namespace tasks::cli {
namespace {

class core_memory final : public memory {
 public:
  explicit core_memory(const core_file& core) : core_(core) {}
  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    return core_.read(address, to, size);
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return core_.regions(); }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return EFAULT; }

 private:
  const core_file& core_;
};

class dead_process final : public standstill {
 public:
  explicit dead_process(const core_file& core, const memory& bytes)
      : core_(core), bytes_(bytes), threads_(registers_of(core)) {}
  [[nodiscard]] const memory& bytes() const override { return bytes_; }
  [[nodiscard]] const std::vector<thread_registers>& threads() const override { return threads_; }
  /// Of epoll instances and timers a core tells nothing; it may tell that memory is missing.
  [[nodiscard]] kernel_words kernel() const override {
    return {
        {}, core_.what_is_left_out(), "a core does not have what was in pipes, as may be the address of its handler"};
  }

 private:
  const core_file& core_;
  const memory& bytes_;
  std::vector<thread_registers> threads_;
};

class dumped_process final : public target {
 public:
  dumped_process(std::shared_ptr<core_file> core, std::vector<root_copy> roots)
      : core_(std::move(core)), bytes_(*core_), roots_(std::move(roots)) {}

  [[nodiscard]] pid_t pid() const override { return core_->pid(); }
  [[nodiscard]] bool is_alive() const override { return false; }
  [[nodiscard]] bool is_still() const override { return true; }
  [[nodiscard]] const memory& bytes() const override { return bytes_; }
  [[nodiscard]] const result<std::vector<root_copy>>& roots() const override { return roots_; }
  [[nodiscard]] modules& code() override { return core_->code(); }

  [[nodiscard]] std::vector<os_thread> threads() const override {
    std::vector<os_thread> threads;
    for (const auto tid : core_->tids()) {
      auto& thread = threads.emplace_back();
      thread.tid = tid;
      thread.inner_tid = static_cast<std::uint32_t>(tid);
    }
    return threads;
  }

  /// The thread that got the signal comes first; see elf_core_dump() in the kernel's fs/binfmt_elf.c.
  [[nodiscard]] std::optional<death> ended_by() const override {
    std::optional<death> found;
    bool has_information = false;
    each_core_note(core_->elf(), [&](const note_entry& note) {
      elf_prstatus status{};
      if (note.type == NT_PRSTATUS && !found && note.descriptor.size() >= sizeof status) {
        std::memcpy(&status, note.descriptor.data(), sizeof status);
        found = death{status.pr_cursig, std::nullopt, status.pr_pid};
      } else if (note.type == NT_SIGINFO && found && !has_information && note.descriptor.size() >= sizeof(siginfo_t)) {
        has_information = true;
        siginfo_t information{};
        std::memcpy(&information, note.descriptor.data(), sizeof information);
        const bool of_memory = information.si_signo == SIGSEGV || information.si_signo == SIGBUS;
        // Not of one that somebody sent.
        if (information.si_signo == found->signal && of_memory && information.si_code > 0)
          found->address = std::bit_cast<std::uint64_t>(information.si_addr);
      }
    });
    // gdb's cores are mostly of processes that live: they were stopped.
    if (!found || found->signal == 0 || found->signal == SIGSTOP || found->signal == SIGTRAP) return std::nullopt;
    return found;
  }

  /// The core's own state is attached already.
  const thread_copies& copy_stacks(std::span<const pid_t>) override { return nothing_to_copy_; }

  [[nodiscard]] result<std::unique_ptr<standstill>> hold(const stop_order&) const override {
    return std::unique_ptr<standstill>(std::make_unique<dead_process>(*core_, bytes_));
  }

 private:
  std::shared_ptr<core_file> core_;
  core_memory bytes_;
  result<std::vector<root_copy>> roots_;
  thread_copies nothing_to_copy_;
};

/// Every root that an object in the core publishes.
std::vector<root_copy> find_roots(const core_file& core, const memory& bytes, bool& instrumented) {
  std::vector<root_copy> roots;
  const auto read = [&](std::uint64_t at, void* to, std::size_t size) { return core.read(at, to, size) == size; };
  for (const auto start : core.objects()) {
    for (const auto& note : notes_at(read, start)) {
      instrumented = true;
      root_copy copy;
      const auto seen = [&](const root_copy& root) { return root.address == note.root; };
      if (std::none_of(roots.begin(), roots.end(), seen) && read_root(bytes, note.root, copy) == 0)
        roots.push_back(std::move(copy));
    }
  }
  return roots;
}

}  // namespace

result<std::shared_ptr<target>> core_target(std::shared_ptr<core_file> core) {
  const auto subject = "core " + core->path();
  bool instrumented = false;
  auto roots = find_roots(*core, core_memory(*core), instrumented);
  const std::string cut = core->is_truncated() ? "the core is cut off, and what is missing may have said so" : "";
  if (!instrumented) {
    return error{error_code::not_instrumented, subject, "not instrumented",
                 !cut.empty() ? cut : "link tasks::asio or tasks::boost_asio into the program; or name it with --exe"};
  }
  if (roots.empty()) {
    return error{error_code::system, subject, "the pages that hold its registry are not in it",
                 !cut.empty() ? cut : "see coredump_filter in core(5)"};
  }
  for (const auto& root : roots) {
    if (root.layout != layout::version) return layout_error(subject, root.layout);
  }
  const auto is_own = [&](const root_copy& root) { return root.pid == core->pid(); };
  // gcore knows a process in a container by another number than it calls itself.
  if (std::any_of(roots.begin(), roots.end(), is_own)) std::erase_if(roots, [&](const auto& r) { return !is_own(r); });
  return std::shared_ptr<target>(std::make_shared<dumped_process>(std::move(core), std::move(roots)));
}

std::shared_ptr<target> core_target_without_hook(std::shared_ptr<core_file> core) {
  return std::make_shared<dumped_process>(std::move(core), std::vector<root_copy>());
}

}  // namespace tasks::cli
