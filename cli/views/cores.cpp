#include "views/cores.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "base/prose.hpp"
#include "base/quantities.hpp"
#include "base/table.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

std::string program_of_core(const surveyed_core& each) {
  const auto& core = each.core;
  auto name = clean(core.executable.empty() ? core.command : std::string(base_name(core.executable)));
  if (name.empty()) name = clean(base_name(core.path));
  if (!each.glance.reason.empty()) name += fmt::format("  ({})", clean(each.glance.reason));
  return name;
}

std::string_view told_words(core_glance::told told) {
  switch (told) {
    case core_glance::told::hooked:
      return "yes";
    case core_glance::told::unhooked:
      return "no hook";
    case core_glance::told::none:
      return "-";
    case core_glance::told::not_known:
      break;
  }
  return "?";
}

v1::StoredCoreView::Kept kept_of(stored_core::kept how) {
  switch (how) {
    case stored_core::kept::file:
      return v1::StoredCoreView::FILE;
    case stored_core::kept::journal:
      return v1::StoredCoreView::JOURNAL;
    case stored_core::kept::missing:
      return v1::StoredCoreView::MISSING;
    case stored_core::kept::denied:
      return v1::StoredCoreView::DENIED;
  }
  return v1::StoredCoreView::KEPT_UNSPECIFIED;
}

v1::StoredCoreView::Tasks tasks_of(core_glance::told told) {
  switch (told) {
    case core_glance::told::hooked:
      return v1::StoredCoreView::HOOKED;
    case core_glance::told::unhooked:
      return v1::StoredCoreView::UNHOOKED;
    case core_glance::told::none:
      return v1::StoredCoreView::NONE;
    case core_glance::told::not_known:
      break;
  }
  return v1::StoredCoreView::NOT_KNOWN;
}

}  // namespace

void render_cores(fmt::memory_buffer& out, const surveyed_cores& found, const render_context& context) {
  if (found.cores.empty()) {
    append_prose(out, fmt::format("no cores in {}", clean(found.folder)), context.style);
    append_prose(out, fmt::format("  {}; tasks stack --core FILE reads any of them", where_cores_go()), context.style);
    return;
  }
  const std::vector<column> columns = {{false, 19}, {true, 5}, {false, 7}, {true, 4}, {false, 5}, {false, 7, true}};
  std::vector<table_row> rows = {{"TIME", "PID", "SIGNAL", "SIZE", "TASKS", "PROGRAM"}};
  for (const auto& each : found.cores) {
    const auto& core = each.core;
    rows.push_back({format_time(core.time_us * 1000), core.pid == 0 ? "-" : std::to_string(core.pid),
                    core.signal == 0 ? "-" : signal_name(core.signal), core.size == 0 ? "-" : format_bytes(core.size),
                    std::string(told_words(each.glance.tasks)), program_of_core(each)});
  }
  fmt::memory_buffer text;
  render_table(text, columns, rows, "", context.style);
  const std::string_view lines(text.data(), text.size());
  const auto header = lines.find('\n');
  append_colored(out, bold, lines.substr(0, header), context.style);
  append(out, lines.substr(header));
  if (!found.complete) append_prose(out, "! time was up before each of them was looked into: --timeout", context.style);
}

void fill_view(const surveyed_cores& found, v1::CoresView& view) {
  view.set_schema_version(schema_version);
  view.set_folder(found.folder);
  view.set_complete(found.complete);
  for (const auto& each : found.cores) {
    const auto& core = each.core;
    auto& to = *view.add_cores();
    to.set_time_seconds(static_cast<double>(core.time_us) / 1e6);
    to.set_pid(static_cast<std::uint32_t>(core.pid));
    if (core.uid) to.set_uid(*core.uid);
    if (core.signal != 0) to.set_signal(signal_name(core.signal));
    to.set_program(core.executable.empty() ? core.command : std::string(base_name(core.executable)));
    to.set_executable(core.executable);
    to.set_path(core.path);
    if (core.size != 0) to.set_size_bytes(core.size);
    to.set_kept(kept_of(core.how));
    to.set_tasks(tasks_of(each.glance.tasks));
    to.set_reason(each.glance.reason);
  }
}

}  // namespace tasks::cli
