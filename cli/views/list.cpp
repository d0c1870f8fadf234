#include "views/list.hpp"

#include <algorithm>

#include "base/prose.hpp"
#include "base/quantities.hpp"
#include "base/table.hpp"
#include "base/text.hpp"
#include "views/same_names.hpp"

namespace tasks::cli {

namespace {

/// What to do where there is none.
void render_none(fmt::memory_buffer& out, const render_context& context) {
  append_prose(out, "no process whose tasks can be looked at", context.style);
  append_prose(out, "  one of its own says what its tasks do once tasks::asio is linked to it: README.md, Quick start",
               context.style);
  append_prose(out, "  without that: tasks stack -p PID --no-hook finds tasks by symbols and debug information",
               context.style);
  append_prose(out, "  those of other users are listed for root alone", context.style);
}

}  // namespace

void render_list(fmt::memory_buffer& out, const v1::ListView& view, const render_context& context) {
  const auto& processes = view.processes();
  if (processes.empty()) return render_none(out, context);
  const auto apart = told_apart(view);
  const bool findings =
      std::any_of(processes.begin(), processes.end(), [](const auto& p) { return !p.findings().empty(); });
  const std::string no_mark = findings ? "  " : " ";
  const std::vector<column> columns = {{true, static_cast<unsigned>(6 + no_mark.size())},
                                       {true, 5},
                                       {true, 5},
                                       {true, 7},
                                       {true, 7},
                                       {false, 6},
                                       {false, 7, true}};
  std::vector<table_row> rows = {{"PID" + no_mark, "PPID", "TASKS", "BLOCKED", "THREADS", "UPTIME", "PROGRAM"}};
  for (const auto& p : processes) {
    const bool answered = p.agent() == v1::ProcessView::ANSWERED;
    std::string mark = answered ? "*" : "";
    if (!p.findings().empty()) mark += "!";
    if (mark.size() < no_mark.size()) mark.resize(no_mark.size(), ' ');
    std::string program = p.name();
    if (const auto& its = apart[rows.size() - 1]; !its.empty()) program += "  " + clean(its);
    std::string aside = p.stopped();
    if (!answered && p.reason() != p.stopped()) aside += (aside.empty() ? "" : "; ") + p.reason();
    if (!aside.empty()) program += "  (" + aside + ")";
    const auto count = [](bool known, std::uint64_t n) { return known ? std::to_string(n) : std::string("-"); };
    rows.push_back({std::to_string(p.pid()) + mark, std::to_string(p.ppid()), count(p.has_tasks(), p.tasks()),
                    count(p.has_blocked(), p.blocked()), std::to_string(p.os_threads()),
                    format_age(static_cast<std::uint64_t>(p.uptime_seconds() * 1000), 0), program});
  }
  fmt::memory_buffer text;
  render_table(text, columns, rows, "", context.style);
  const std::string_view all(text.data(), text.size());
  const auto header = all.find('\n');
  append_colored(out, bold, all.substr(0, header), context.style);
  append(out, all.substr(header));
}

}  // namespace tasks::cli
