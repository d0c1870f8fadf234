#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "linux/elf_note.hpp"
#include "sources/memory_source.hpp"
#include "target/core_file.hpp"

namespace tasks::cli {
namespace {

class core_memory final : public memory {
 public:
  explicit core_memory(std::shared_ptr<core_file> core) : core_(std::move(core)) {}
  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    return core_->read(address, to, size);
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return core_->regions(); }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return EFAULT; }

 private:
  std::shared_ptr<core_file> core_;
};

class core_source final : public memory_source {
 public:
  core_source(std::shared_ptr<core_file> core, std::vector<root_copy> roots)
      : memory_source(core->pid(), std::make_unique<core_memory>(core), std::move(roots)), core_(std::move(core)) {}

  [[nodiscard]] bool is_alive() const override { return false; }
  [[nodiscard]] std::string description() const override { return "core " + core_->path(); }
  [[nodiscard]] std::shared_ptr<target_code> code() const override { return core_->code(); }
  [[nodiscard]] const core_file* core() const override { return core_.get(); }

  /// No core says when it was made: the newest time that any task wrote down.
  [[nodiscard]] std::uint64_t now() override {
    if (now_ == 0) now_ = registries().newest_tick();
    return now_;
  }

  [[nodiscard]] process_facts facts() override {
    process_facts facts;
    for (const auto tid : core_->tids()) facts.tids.push_back(static_cast<std::uint32_t>(tid));
    return facts;
  }

 protected:
  [[nodiscard]] std::optional<std::int64_t> wall_clock() override { return std::nullopt; }

 private:
  std::shared_ptr<core_file> core_;
  std::uint64_t now_ = 0;
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

result<std::unique_ptr<memory_source>> open_core(const std::string& path,
                                                 const std::optional<std::string>& executable) {
  auto opened = core_file::open(path, executable);
  if (!opened) return opened.why();
  auto core = *std::move(opened);
  const auto subject = "core " + path;
  const core_memory bytes(core);
  bool instrumented = false;
  auto roots = find_roots(*core, bytes, instrumented);
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
  for (const auto& doubt : core->doubts()) fmt::print(stderr, "tasks: {}: {}\n", subject, doubt);
  return std::unique_ptr<memory_source>(std::make_unique<core_source>(std::move(core), std::move(roots)));
}

}  // namespace tasks::cli
