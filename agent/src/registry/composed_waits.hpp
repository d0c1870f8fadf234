#pragma once

/// Waits of tasks whose operations have parts: see composed_waits.cpp. begin_part() and end_part() are a hook's.

#include "tasks/detail/writer.hpp"

namespace tasks::detail {

/// A task begins while `parent` starts a group: one of its members. False: it starts no group.
[[nodiscard]] bool add_child(record& parent) noexcept;

}  // namespace tasks::detail
