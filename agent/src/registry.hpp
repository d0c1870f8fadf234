#pragma once

/// The registry of this object, for the agent's own sources. Writers use tasks/detail/writer.hpp.

#include "tasks/detail/writer.hpp"

namespace tasks::detail {

/// This object's registry, mapped when it is not yet. Null: no memory. Any thread.
[[nodiscard]] layout::registry* ensure_registry() noexcept;

}  // namespace tasks::detail
