#pragma once

/// Which tasks a view is about.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/pattern.hpp"
#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

struct source_place {
  std::string file;   ///< a path, or the end of one: "lab.cpp", "src/lab.cpp"
  unsigned line = 0;  ///< 0: any
};

struct label_choice {
  std::string key;
  std::optional<std::string> value;  ///< nothing: any
};

/// What users ask for. Of several of one kind a task needs one, and it needs that of every kind; labels of another key
/// are another kind.
struct selection {
  v1::StacksRequest query;  ///< what an agent can be asked: its ids, states, kinds and age
  std::vector<pattern> functions, names;
  std::vector<source_place> spawned_at;
  std::vector<label_choice> labels;
  std::vector<std::uint32_t> threads;  ///< as the target calls them
  std::vector<std::uint32_t> fds;

  [[nodiscard]] bool is_empty() const;
  /// An agent can be asked for all of it.
  [[nodiscard]] bool is_of_agents() const;
  /// All tasks of a group have in common what it asks for, besides what an agent can be asked.
  [[nodiscard]] bool is_of_groups() const;
};

/// Is `named` this file, or the end of its path?
[[nodiscard]] bool is_file(std::string_view path, std::string_view named);

/// Holds tasks of one answer against what was asked for.
class selector {
 public:
  /// Both must outlive it; `names` has learnt the locations of what is asked about.
  selector(resolver& names, const selection& asked) : names_(names), asked_(asked) {}

  [[nodiscard]] bool passes(const v1::Task& task);
  /// Only by what is_of_groups().
  [[nodiscard]] bool passes(const v1::Group& group);

 private:
  [[nodiscard]] bool needs_names() const { return !asked_.functions.empty() || !asked_.spawned_at.empty(); }
  [[nodiscard]] bool has_frames() const;
  [[nodiscard]] bool has_labels(const v1::Task& task) const;

  resolver& names_;
  const selection& asked_;
  resolved what_;
};

}  // namespace tasks::cli
