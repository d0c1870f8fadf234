#include "views/list.hpp"
#include "commands/command.hpp"
#include "surveys/processes.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {json_option, timeout_option};

result<int> run(const arguments& args, output& out) {
  const auto timeout = timeout_of(args);
  if (!timeout) return timeout.why();
  const auto list = list_processes(*timeout);
  if (!args.json) {
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

const command list_command = {"list", "list instrumented processes; * marks those whose agent answered", "", options,
                              run};

}  // namespace tasks::cli
