#pragma once

/// What --json prints, as a JSON Schema (draft 2020-12), made of view.proto and its comments.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace tasks::cli {

/// Names of the documents there are, as of the commands that print them: "list", "vitals", …
[[nodiscard]] std::vector<std::string> schema_names();

/// Of one document, or, without a name, of any of them. False: no document has this name.
[[nodiscard]] bool render_schema(fmt::memory_buffer& out, std::string_view name);

}  // namespace tasks::cli
