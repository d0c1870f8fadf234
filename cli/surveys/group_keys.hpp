#pragma once

/// Which tasks are shown as one: those of which every line reads alike.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// How many of its tasks a group names.
inline constexpr int most_ids = 3;

/// The group names this task. `named` gets those of them that have a name or labels, with nothing else.
void name_task(const v1::Task& task, v1::Group& group, std::vector<v1::Task>& named);

/// What tasks of one group have in common: state, kind of wait, the frames that are shown and the spawn site. The same
/// in every look with one resolver.
using group_key = std::string;

/// What the groups of a view have in common: what they read as, or that and something else besides.
enum class group_by { stack, spawn_site, object, peer, label };

/// Makes the keys of one look; its locations' numbers hold for that look alone.
class group_keys {
 public:
  /// `names` must outlive it.
  explicit group_keys(resolver& names) : names_(&names) {}

  void learn(const v1::Chunk& chunk);
  [[nodiscard]] group_key of(const v1::Task& task) const { return key_of(task); }
  [[nodiscard]] group_key of(const v1::Group& group) const { return key_of(group); }

 private:
  template <class Message>
  [[nodiscard]] group_key key_of(const Message& message) const;
  [[nodiscard]] const reading* find(std::uint32_t location) const;

  resolver* names_;
  std::unordered_map<std::uint32_t, reading> places_;
};

enum class group_order { by_count, by_age, by_busy };

/// Groups of one look, those that read alike made one: sources tell tasks apart by what is not shown as well. Made of
/// tasks they name all of them, in ascending order.
class alike_groups {
 public:
  /// What tasks are put under before they are grouped by what they read as; empty: that is not known.
  using heading_of = std::function<std::string(const v1::Task&)>;

  /// `of_tasks`: made here, of the tasks of an answer, instead of the groups of one. `under`: of tasks alone; null:
  /// all are under one.
  explicit alike_groups(resolver& names, bool of_tasks = false, heading_of under = nullptr)
      : names_(&names), keys_(names), of_tasks_(of_tasks), heading_(std::move(under)) {}

  void add(const v1::Chunk& chunk);
  /// The largest first, equally large ones oldest first; or the other way round; or those that ran longest. Headings
  /// likewise, each with all of its groups, and those last that are not known.
  [[nodiscard]] std::vector<v1::Group> finish(group_order order = group_order::by_count);

  struct heading {
    std::string text;
    std::uint64_t count = 0, oldest_ms = 0, busy_ns = 0;  ///< of its tasks
  };
  /// Of each of the groups that finish() has returned.
  [[nodiscard]] const heading& heading_of_group(std::size_t i) const { return headings_[under_[i]]; }

 private:
  void add(const v1::Task& task);
  [[nodiscard]] std::optional<std::uint32_t> place_that_awaits(const v1::Task& task);
  [[nodiscard]] std::uint32_t find_heading(const v1::Task& task);
  std::size_t add_group(v1::Group group, std::uint32_t under);

  resolver* names_;
  group_keys keys_;
  resolved meaning_;  ///< of the task that is added
  std::vector<v1::Group> groups_;
  std::vector<std::uint32_t> under_;  ///< of each of them: its heading
  std::unordered_map<group_key, std::size_t> known_;
  bool of_tasks_;
  heading_of heading_;
  std::vector<heading> headings_{1};
  std::unordered_map<std::string, std::uint32_t> known_headings_;
};

}  // namespace tasks::cli
