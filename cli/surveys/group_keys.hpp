#pragma once

/// Which tasks are shown as one: those of which every line reads alike.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// How many of its tasks a group names.
inline constexpr int most_ids = 3;

/// What tasks of one group have in common: state, kind of wait, the frames that are shown and the spawn site. The same
/// in every look with one resolver.
using group_key = std::string;

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

/// Groups of one look, those that read alike made one: sources tell tasks apart by what is not shown as well. Made of
/// tasks they name all of them, in ascending order.
class alike_groups {
 public:
  /// `of_tasks`: made here, of the tasks of an answer, instead of the groups of one.
  explicit alike_groups(resolver& names, bool of_tasks = false) : keys_(names), of_tasks_(of_tasks) {}

  void add(const v1::Chunk& chunk);
  /// The largest first, equally large ones oldest first.
  [[nodiscard]] std::vector<v1::Group> finish();

 private:
  void add(const v1::Task& task);

  group_keys keys_;
  std::vector<v1::Group> groups_;
  std::unordered_map<group_key, std::size_t> known_;
  bool of_tasks_;
};

}  // namespace tasks::cli
