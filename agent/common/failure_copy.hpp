#pragma once

/// A copied failure_record: a task that ended by an exception.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

struct failure_copy {
  std::uint64_t number;
  std::uint64_t id;
  std::uint64_t when;  ///< tick
  std::uint64_t where;
  std::uint64_t spawn_path;
  std::uint64_t spawn_where;
  std::uint64_t spawn_outer;
  std::string type;  ///< valid UTF-8, as is `message`
  std::string message;
};

/// The words of a failure_record.
using failure_words = std::array<std::uint64_t, sizeof(layout::failure_record) / 8>;

/// Adds what a record says, unless it is none or its number changed while it was copied (`number_after`).
/// Throws std::bad_alloc.
void add_failure(const failure_words& words, std::uint64_t number_after, std::vector<failure_copy>& to);
/// The newest first.
void sort_failures(std::vector<failure_copy>& failures);

}  // namespace tasks::detail
