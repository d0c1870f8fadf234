#pragma once

/// Text of `tasks list`.

#include <fmt/format.h>

#include <span>
#include <string>

#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

struct host_list {
  std::string host;
  v1::ListView list;
};

/// Of several hosts, in one table.
void render_list(fmt::memory_buffer& out, std::span<const host_list> hosts, const render_context& context);
void render_list(fmt::memory_buffer& out, const v1::ListView& view, const render_context& context);

}  // namespace tasks::cli
