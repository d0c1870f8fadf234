#include "views/list.hpp"
#include "commands/command.hpp"
#include "commands/open_target.hpp"
#include "surveys/processes.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

struct list_request : view_options, patience {};

result<int> run_list(const list_request& asked, output& out) {
  const auto list = list_processes(asked.timeout);
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
  return make_command<list_request>("list",
                                    "list processes whose tasks can be looked at; * marks those whose agent answered",
                                    {}, {json_option(), timeout_option()}, run_list);
}

}  // namespace tasks::cli
