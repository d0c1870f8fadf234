#include "surveys/without_hook.hpp"

#include <elfutils/libdwfl.h>
#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/quantities.hpp"
#include "hookless/hookless_target.hpp"
#include "linux/package_names.hpp"
#include "linux/proc.hpp"
#include "target/core_file.hpp"

namespace tasks::cli {
namespace {

class source_without_hook final : public memory_source {
 public:
  source_without_hook(std::shared_ptr<hookless_target> from, std::string subject)
      : memory_source(from), found_(std::move(from)), subject_(std::move(subject)) {}

  [[nodiscard]] std::string description() const override { return "one look at " + subject_ + ", without a hook"; }
  [[nodiscard]] std::uint64_t now() override { return found_->looked_at_ms(); }
  [[nodiscard]] process_facts facts() override {
    if (found_->is_alive()) return facts_now(pid()).process;
    process_facts facts;
    for (const auto& thread : found_->threads()) facts.tids.push_back(thread.inner_tid);
    return facts;
  }

 protected:
  [[nodiscard]] std::optional<std::int64_t> wall_clock() override {
    if (!found_->is_alive()) return std::nullopt;
    return facts_now(pid()).wall_clock_ns;
  }

 private:
  std::shared_ptr<hookless_target> found_;
  std::string subject_;
};

struct executable_file {
  std::string path, build_id;  ///< the latter in hexadecimal; empty: not known
};

/// Of the modules the first in memory that is no library.
int take_executable(Dwfl_Module* module, void**, const char* name, Dwarf_Addr, void* argument) {
  auto& found = *static_cast<executable_file*>(argument);
  const char* file = nullptr;
  dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, &file, nullptr);
  const std::string path = file != nullptr ? file : name;
  if (!found.path.empty() || path.empty() || path.front() == '[') return DWARF_CB_OK;
  found.path = path;
  const unsigned char* bits = nullptr;
  GElf_Addr address = 0;
  for (int i = 0, size = dwfl_module_build_id(module, &bits, &address); i < size; ++i)
    found.build_id += fmt::format("{:02x}", bits[i]);
  return DWARF_CB_ABORT;
}

/// "install nginx-dbgsym, or build it with -g", with the build id by which debug files are found.
std::string how_to_know_lines(target& of) {
  executable_file file;
  if (auto* dwfl = of.code().dwfl()) dwfl_getmodules(dwfl, take_executable, &file, 0);
  const auto path = of.is_alive() ? executable_of(of.pid()) : file.path;
  return in_a_line(to_have_debug_information(path, file.build_id));
}

result<std::unique_ptr<memory_source>> open(std::shared_ptr<target> bare, std::string subject, const teller& tell,
                                            std::shared_ptr<sightings> seen = nullptr,
                                            stop_order::whom whom = stop_order::whom::who_runs,
                                            std::optional<std::chrono::milliseconds> longest = {}) {
  const bool compares = seen != nullptr;
  auto found = find_tasks(std::move(bare), whom, std::move(seen), longest);
  if (!found) return found.why();
  const auto known =
      (*found)->knows_lines()
          ? std::string(
                "tasks are found by its symbols and debug information; ages, names and spawn sites are not known")
          : fmt::format(
                "tasks are found by its symbols; lines, ages, names and spawn sites are not known (for lines {})",
                how_to_know_lines(**found));
  tell(fmt::format("tasks: {}: no hook: {}{}", subject, known,
                   compares ? "; \"seen for\": at each look in the same wait, whatever came between" : ""));
  if ((*found)->ran_meanwhile())
    tell(
        fmt::format("tasks: {}: threads ran while memory was copied (--no-stop): {} changed and {} left out, and what "
                    "began meanwhile may be missing",
                    subject, number_and_noun((*found)->left_out(), "task"), (*found)->left_out() == 1 ? "is" : "are"));
  return std::unique_ptr<memory_source>(std::make_unique<source_without_hook>(*std::move(found), std::move(subject)));
}

}  // namespace

std::string unknown_without_hook() {
  return "which waits are over, which tasks never rest and which workers are stalled was not looked for: it has no "
         "hook";
}

result<std::unique_ptr<memory_source>> open_without_hook(pid_t pid, const teller& tell, std::shared_ptr<sightings> seen,
                                                         stop_order::whom whom,
                                                         std::optional<std::chrono::milliseconds> longest) {
  // Whether it has a hook or not does not matter; whether it may be read does.
  if (const auto hooked = live_target(pid); !hooked->roots()) {
    const auto& why = hooked->roots().why();
    if (why.code == error_code::permission_denied || why.code == error_code::no_such_process) return why;
  }
  return open(live_target_without_hook(pid), subject_of(pid), tell, std::move(seen), whom, longest);
}

result<std::unique_ptr<memory_source>> open_core_without_hook(std::shared_ptr<core_file> core, const teller& tell) {
  auto subject = "core " + core->path();
  return open(core_target_without_hook(std::move(core)), std::move(subject), tell);
}

}  // namespace tasks::cli
