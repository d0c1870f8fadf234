#include "surveys/task_tree.hpp"

#include <algorithm>

namespace tasks::cli {

void task_tree::add(const v1::Task& task) {
  const auto begin = bytes_.size();
  task.AppendToString(&bytes_);
  nodes_.push_back({task.id(), task.parent(), begin, static_cast<std::uint32_t>(bytes_.size() - begin)});
}

void task_tree::decode(std::size_t index, v1::Task& task) const {
  task.ParseFromArray(bytes_.data() + nodes_[index].begin, static_cast<int>(nodes_[index].size));
}

void task_tree::link() {
  std::sort(nodes_.begin(), nodes_.end(), [](const node& a, const node& b) { return a.id < b.id; });
  // From the youngest on, so that each list of siblings ends up oldest first.
  for (auto i = static_cast<std::uint32_t>(nodes_.size()); i-- > 0;) {
    auto& child = nodes_[i];
    const auto parent = std::lower_bound(nodes_.begin(), nodes_.end(), child.parent,
                                         [](const node& n, std::uint64_t id) { return n.id < id; });
    if (child.parent == 0 || parent == nodes_.end() || parent->id != child.parent || &*parent == &child) {
      roots_.push_back(i);
    } else {
      child.next_sibling = parent->first_child;
      parent->first_child = i;
    }
  }
  std::reverse(roots_.begin(), roots_.end());
}

void task_tree::walk(const std::function<bool(const step&)>& visit) const {
  std::vector<bool> seen(nodes_.size());
  for (const auto root : roots_) {
    if (!walk_from(root, false, seen, visit)) return;
  }
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (!seen[i] && !walk_from(i, true, seen, visit)) return;
  }
}

bool task_tree::walk_from(std::uint32_t root, bool in_cycle, std::vector<bool>& seen,
                          const std::function<bool(const step&)>& visit) const {
  // No recursion: a chain of spawns may be as long as there are tasks.
  struct level {
    std::uint32_t node;
    std::uint32_t next_child;
    std::size_t prefix;  ///< length of the branches of its children
  };
  std::vector<level> path;
  std::string prefix;
  const auto enter = [&](std::uint32_t index, std::string_view branches) {
    seen[index] = true;
    return visit({step::enter, index, branches, in_cycle && path.empty()});
  };
  if (!enter(root, "")) return false;
  path.push_back({root, nodes_[root].first_child, 0});
  while (!path.empty()) {
    auto& top = path.back();
    while (top.next_child != none && seen[top.next_child]) top.next_child = nodes_[top.next_child].next_sibling;
    if (top.next_child == none) {
      if (!visit({step::leave, top.node, "", false})) return false;
      path.pop_back();
      continue;
    }
    const auto child = top.next_child;
    top.next_child = nodes_[child].next_sibling;
    const bool last = top.next_child == none;
    prefix.resize(top.prefix);
    if (!enter(child, prefix + (last ? "└─ " : "├─ "))) return false;
    prefix += last ? "   " : "│  ";
    path.push_back({child, nodes_[child].first_child, prefix.size()});
  }
  return true;
}

}  // namespace tasks::cli
