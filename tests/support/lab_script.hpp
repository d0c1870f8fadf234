#pragma once

/// What the fake agents of several tests answer.

#include <string>

#include "support/fake_agent.hpp"

namespace tasks::testing {

/// A service of fourteen tasks, eleven of them blocked on channels.
[[nodiscard]] fake_agent::script lab_script();
/// A script that answers no more than counts.
[[nodiscard]] fake_agent::script small_script();

[[nodiscard]] v1::Location make_location(std::uint32_t id, std::string function, std::string file, std::uint32_t line);

}  // namespace tasks::testing
