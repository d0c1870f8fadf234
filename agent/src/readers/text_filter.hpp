#pragma once

/// Which names and labels a task must have to be listed.
///
///   task ──annotations──> {key, value} {key, value} …      held against {labels} and {parts of names}

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "readers/record_reader.hpp"

namespace tasks::detail {

struct text_filter {
  /// As many as a task can have. Whoever asks for more tells them apart itself.
  static constexpr std::size_t most = 64;

  struct label {
    std::string key;
    std::optional<std::string> value;  ///< nothing: any
  };
  /// Of labels of one key a task needs one, of each key that is named. Empty: anything.
  std::vector<label> labels;
  /// A task's name needs to contain one of these. Empty: anything, and no name.
  std::vector<std::string> name_parts;

  [[nodiscard]] bool is_empty() const noexcept { return labels.empty() && name_parts.empty(); }
  /// Texts are compared as they are told, see make_utf8(). `texts`: room to copy them to. Throws std::bad_alloc.
  [[nodiscard]] bool passes(const task_copy& task, slab_map& slabs, std::vector<annotation_copy>& texts) const;
};

}  // namespace tasks::detail
