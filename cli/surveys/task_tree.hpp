#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// All tasks of a snapshot by who spawned whom. Kept encoded: a tree needs every task before its first line.
///
///   add() every task, link(), then walk(): parents before their children, both oldest first
class task_tree {
 public:
  struct step {
    enum kind { enter, leave } is;
    std::size_t node;
    std::string_view branches;  ///< "│  ├─ "; of `enter` alone, valid during the call
    bool in_cycle;              ///< reached only by breaking a cycle, which a sound snapshot has none of
  };

  void add(const v1::Task& task);
  void link();
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
    std::uint32_t first_child = none;
    std::uint32_t next_sibling = none;
  };

  bool walk_from(std::uint32_t root, bool in_cycle, std::vector<bool>& seen,
                 const std::function<bool(const step&)>& visit) const;

  std::string bytes_;
  std::vector<node> nodes_;  ///< by id once linked
  std::vector<std::uint32_t> roots_;
};

}  // namespace tasks::cli
