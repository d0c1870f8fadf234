#include "views/list.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  append_prose(out, "  those of other users are listed for root alone; tasks doctor -p PID says why one is not",
               context.style);
}

struct row_of_list {
  const v1::ProcessView* process;
  std::string_view host;
  std::string apart;  ///< what tells it from others of its name
};

std::string container_words(const v1::ContainerView& its) {
  std::string id = its.id().substr(0, its.id().size() == 64 ? 12 : std::string::npos);
  if (its.runtime().empty() || id.empty()) return clean(its.runtime() + id);
  return clean(its.runtime() + " " + id);
}

std::string program_words(const row_of_list& row) {
  const auto& p = *row.process;
  std::string program = p.name();
  if (!row.apart.empty()) program += "  " + clean(row.apart);
  std::string aside = p.stopped();
  if (p.agent() != v1::ProcessView::ANSWERED && p.reason() != p.stopped())
    aside += (aside.empty() ? "" : "; ") + p.reason();
  if (!aside.empty()) program += "  (" + aside + ")";
  return program;
}

void render_processes(fmt::memory_buffer& out, const std::vector<row_of_list>& all, bool with_hosts,
                      const render_context& context) {
  const auto any = [&all](auto has) {
    return std::any_of(all.begin(), all.end(), [&has](const row_of_list& row) { return has(*row.process); });
  };
  const bool findings = any([](const v1::ProcessView& p) { return !p.findings().empty(); });
  const bool containers = any([](const v1::ProcessView& p) {
    return p.has_container() && !(p.container().id().empty() && p.container().runtime().empty());
  });
  const bool pods = any([](const v1::ProcessView& p) { return !p.container().pod().empty(); });
  const std::string no_mark = findings ? "  " : " ";
  std::vector<column> columns = {
      {true, static_cast<unsigned>(6 + no_mark.size())}, {true, 5}, {true, 5}, {true, 7}, {true, 7}, {false, 6}};
  std::vector<table_row> rows = {{"PID" + no_mark, "PPID", "TASKS", "BLOCKED", "THREADS", "UPTIME"}};
  const auto add = [&](const char* title, column how) {
    columns.push_back(how);
    rows.front().emplace_back(title);
  };
  if (containers) add("CONTAINER", {false, 9});
  if (pods) add("POD", {false, 3, true});
  add("PROGRAM", {false, 7, true});
  for (const auto& row : all) {
    const auto& p = *row.process;
    std::string mark = p.agent() == v1::ProcessView::ANSWERED ? "*" : "";
    if (!p.findings().empty()) mark += "!";
    if (mark.size() < no_mark.size()) mark.resize(no_mark.size(), ' ');
    const auto count = [](bool known, std::uint64_t n) { return known ? std::to_string(n) : std::string("-"); };
    table_row cells = {
        std::to_string(p.pid()) + mark,  std::to_string(p.ppid()),
        count(p.has_tasks(), p.tasks()), count(p.has_blocked(), p.blocked()),
        std::to_string(p.os_threads()),  format_age(static_cast<std::uint64_t>(p.uptime_seconds() * 1000), 0)};
    if (containers) cells.push_back(container_words(p.container()));
    if (pods) cells.push_back(clean(p.container().pod()));
    cells.push_back(program_words(row));
    rows.push_back(std::move(cells));
  }
  if (with_hosts) {
    columns.insert(columns.begin(), {false, 4});
    rows.front().insert(rows.front().begin(), "HOST");
    for (std::size_t i = 0; i < all.size(); ++i) rows[i + 1].insert(rows[i + 1].begin(), clean(all[i].host));
  }
  fmt::memory_buffer text;
  render_table(text, columns, rows, "", context.style);
  const std::string_view lines(text.data(), text.size());
  const auto header = lines.find('\n');
  append_colored(out, bold, lines.substr(0, header), context.style);
  append(out, lines.substr(header));
}

void add_rows(const v1::ListView& list, std::string_view host, std::vector<row_of_list>& to) {
  auto apart = told_apart(list);
  for (int i = 0; i < list.processes_size(); ++i)
    to.push_back({&list.processes(i), host, std::move(apart[static_cast<std::size_t>(i)])});
}

}  // namespace

void render_list(fmt::memory_buffer& out, const v1::ListView& view, const render_context& context) {
  std::vector<row_of_list> rows;
  add_rows(view, "", rows);
  rows.empty() ? render_none(out, context) : render_processes(out, rows, false, context);
}

void render_list(fmt::memory_buffer& out, std::span<const host_list> hosts, const render_context& context) {
  std::vector<row_of_list> rows;
  for (const auto& each : hosts) add_rows(each.list, each.host, rows);
  rows.empty() ? render_none(out, context) : render_processes(out, rows, true, context);
}

}  // namespace tasks::cli
