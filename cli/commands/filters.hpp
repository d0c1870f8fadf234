#pragma once

/// Which tasks a command is about, and how they are put together.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "commands/options.hpp"
#include "surveys/group_keys.hpp"
#include "surveys/selection.hpp"

namespace tasks::cli {

struct filter_options {
  selection chosen;
};

/// --task, --state, --kind, --older-than, --function, --spawned-at, --name, --label, --thread and --fd.
[[nodiscard]] std::vector<option_of<filter_options>> filters();

/// What --help says of a filter where a view lists something else than tasks.
struct filter_meaning {
  std::string_view name, help;
};
/// Those alone that have a meaning there.
[[nodiscard]] std::vector<option_of<filter_options>> filters(std::initializer_list<filter_meaning> meanings);

enum class sort_order { usual, by_id, by_age, by_count, by_busy, by_growth };

struct group_options {
  bool group = false;
  group_by by = group_by::stack;
  std::string label;  ///< of group_by::label: its key
  sort_order order = sort_order::usual;
  std::uint64_t limit = 0;  ///< 0: none
};

/// --group, --by, --sort and --limit.
[[nodiscard]] std::vector<option_of<group_options>> grouping();

}  // namespace tasks::cli
