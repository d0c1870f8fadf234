#pragma once

#include <fmt/format.h>

#include <vector>

#include "serve/serve.hpp"

namespace tasks::cli {

/// What can be asked, as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0). Answers' schemas are those of `tasks
/// schema`, by reference.
void write_open_api(fmt::memory_buffer& out, const std::vector<offered_view>& views);

}  // namespace tasks::cli
