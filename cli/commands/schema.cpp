#include "views/schema.hpp"

#include <fmt/format.h>

#include "commands/command.hpp"

/// `tasks schema`: what --json prints, as a JSON Schema.

namespace tasks::cli {
namespace {

struct schema_request {
  std::string view;
};

result<int> run_schema(const schema_request& asked, output& out) {
  if (render_schema(out.text(), asked.view)) return 0;
  return usage_error("schema", fmt::format("\"{}\" is no view", asked.view),
                     fmt::format("{}", fmt::join(schema_names(), ", ")));
}

}  // namespace

command schema_command() {
  return make_command<schema_request>(
      "schema", "print the JSON Schema of what --json prints: of one VIEW, or of all",
      {value_option({"VIEW", "", "the command that prints it, such as stack", schema_names}, &schema_request::view,
                    [](std::string_view, const std::string& typed) { return result<std::string>(typed); })},
      {}, run_schema);
}

}  // namespace tasks::cli
