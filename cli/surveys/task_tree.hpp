#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// All tasks of a snapshot by who spawned whom. Kept encoded: a tree needs every task before its first line.
///
///   add() every task, link(), fold() where wanted, then walk(): parents before their children, both oldest first
class task_tree {
 public:
  /// Of those that read alike so many are drawn one by one.
  static constexpr std::size_t most_alike = 3;

  struct step {
    enum kind { enter, leave } is;
    /// One; or more than most_alike siblings that read alike, each with what it has below, which are drawn as one.
    std::span<const std::uint32_t> nodes;
    std::string_view branches;  ///< "│  ├─ "; of `enter` alone, valid during the call
    bool in_cycle;              ///< reached only by breaking a cycle, which a sound snapshot has none of
    bool chosen;                ///< false: it stands above one that is
  };

  /// One that is not chosen is left out unless it stands above one that is.
  void add(const v1::Task& task, bool chosen = true);
  void link();
  /// Siblings are drawn as one if `key_of` is the same for them and, as a set, for all below them.
  void fold(const std::function<std::string(const v1::Task&)>& key_of);
  /// Stops when `visit` returns false.
  void walk(const std::function<bool(const step&)>& visit) const;
  void decode(std::size_t index, v1::Task& task) const;

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct node {
    std::uint64_t id;
    std::uint64_t parent;
    std::uint64_t begin;  ///< of its message in bytes_
    std::uint32_t size;
    bool chosen, shown;
    std::uint32_t first_child = none;
    std::uint32_t next_sibling = none;
  };
  /// Siblings as they are drawn, one entry after the other.
  struct family {
    std::vector<std::uint32_t> nodes;
    std::vector<std::uint32_t> ends;  ///< of each entry; empty: each node is one
    [[nodiscard]] std::size_t size() const { return ends.empty() ? nodes.size() : ends.size(); }
    [[nodiscard]] std::span<const std::uint32_t> entry(std::size_t i) const;
  };
  class walker;

  [[nodiscard]] std::uint32_t find(std::uint64_t id) const;
  void show_what_stands_above();
  [[nodiscard]] std::vector<std::uint32_t> parents_first() const;
  [[nodiscard]] family entries_of(std::vector<std::uint32_t> siblings) const;

  std::string bytes_;
  std::vector<node> nodes_;  ///< by id once linked
  std::vector<std::uint32_t> roots_;
  std::vector<std::uint32_t> shapes_;  ///< of each node: equal ones are drawn as one; empty: none are
};

}  // namespace tasks::cli
