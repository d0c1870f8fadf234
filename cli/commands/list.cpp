#include "views/list.hpp"

#include <optional>
#include <string>
#include <utility>

#include "commands/command.hpp"
#include "commands/open_recording.hpp"
#include "commands/open_target.hpp"
#include "sources/recorded_source.hpp"
#include "sources/recording_file.hpp"
#include "surveys/cores.hpp"
#include "surveys/processes.hpp"
#include "views/cores.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

struct list_request : view_options, patience, watch_options {
  std::optional<std::string> from, at;
  bool cores = false;
};

/// Processes as they were when they were recorded.
result<v1::ListView> list_recorded(const list_request& asked) {
  const auto recording = recording_reader::open(*asked.from);
  if (!recording) return recording.why();
  const auto chosen = snapshots_at(*recording, asked.at);
  if (!chosen) return chosen.why();
  v1::ListView list;
  for (const auto each : *chosen) {
    auto parts = recording->parts(each);
    if (!parts) return parts.why();
    const auto source = open_recorded(recording->snapshots()[each], *std::move(parts), *asked.from);
    if (!source) return source.why();
    *list.add_processes() = (*source)->recorded()->process();
  }
  const auto& all = recording->snapshots();
  tell_on_standard_error(all.empty() ? fmt::format("tasks: {}: no snapshots", *asked.from)
                                     : fmt::format("tasks: {}: {} snapshot{}, from {} to {}", *asked.from, all.size(),
                                                   all.size() == 1 ? "" : "s", format_time(all.front().taken_at_ns()),
                                                   format_time(all.back().taken_at_ns())));
  if (!recording->damage().empty())
    tell_on_standard_error(fmt::format("tasks: {}: {}", *asked.from, recording->damage()));
  return list;
}

/// All together may take so many times what an agent may be silent, as of processes.
constexpr int patiences_for_cores = 4;

int list_cores(const list_request& asked, output& out) {
  const auto found = survey_cores(asked.timeout * patiences_for_cores);
  if (asked.json) {
    v1::CoresView view;
    fill_view(found, view);
    print_document(out, view);
  } else {
    render_cores(out.text(), found, {.style = out.style()});
  }
  return 0;
}

result<int> run_list(const list_request& asked, output& out) {
  if (asked.at && !asked.from)
    return usage_error("--at", "there is no recording whose time it could be", "add --from FILE");
  if (asked.cores && asked.from)
    return usage_error("--cores", "cores are listed instead of what was recorded", "leave out --from");
  if (asked.cores) return list_cores(asked, out);
  const auto found = asked.from ? list_recorded(asked) : result<v1::ListView>(list_processes(asked.timeout));
  if (!found) return found.why();
  const auto& list = *found;
  if (!asked.json) {
    render_list(out.text(), list, {.style = out.style()});
    return 0;
  }
  v1::ListView header;
  header.set_schema_version(schema_version);
  json_stream json(out, header, "processes");
  for (const auto& process : list.processes()) {
    json.element(process);
    if (!out.flush_if_large()) break;
  }
  json.end(header);
  return 0;
}

}  // namespace

command list_command() {
  return make_command<list_request>(
      "list", "list processes whose tasks can be looked at; * marks those whose agent answered", {},
      {json_option(), timeout_option(),
       flag("--cores",
            "list the cores that systemd-coredump has stored, and which of them hold tasks, instead of processes",
            &list_request::cores),
       text("--from", "FILE", "list what was recorded, instead of processes", &list_request::from),
       text("--at", "N|TIME", "of a recording: when", &list_request::at), watch_option()},
      watched<run_list>);
}

}  // namespace tasks::cli
