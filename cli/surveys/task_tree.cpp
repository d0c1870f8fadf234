#include "surveys/task_tree.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace tasks::cli {

void task_tree::add(const v1::Task& task, bool chosen) {
  const auto begin = bytes_.size();
  task.AppendToString(&bytes_);
  nodes_.push_back(
      {task.id(), task.parent(), begin, static_cast<std::uint32_t>(bytes_.size() - begin), chosen, chosen});
}

void task_tree::decode(std::size_t index, v1::Task& task) const {
  task.ParseFromArray(bytes_.data() + nodes_[index].begin, static_cast<int>(nodes_[index].size));
}

std::uint32_t task_tree::find(std::uint64_t id) const {
  const auto found = std::lower_bound(nodes_.begin(), nodes_.end(), id,
                                      [](const node& n, std::uint64_t wanted) { return n.id < wanted; });
  return found == nodes_.end() || found->id != id ? none : static_cast<std::uint32_t>(found - nodes_.begin());
}

void task_tree::link() {
  std::sort(nodes_.begin(), nodes_.end(), [](const node& a, const node& b) { return a.id < b.id; });
  show_what_stands_above();
  // From the youngest on, so that each list of siblings ends up oldest first.
  for (auto i = static_cast<std::uint32_t>(nodes_.size()); i-- > 0;) {
    auto& child = nodes_[i];
    if (!child.shown) continue;
    const auto parent = child.parent == 0 ? none : find(child.parent);
    if (parent == none || parent == i) {
      roots_.push_back(i);
    } else {
      child.next_sibling = nodes_[parent].first_child;
      nodes_[parent].first_child = i;
    }
  }
  std::reverse(roots_.begin(), roots_.end());
}

void task_tree::show_what_stands_above() {
  for (const auto& each : nodes_) {
    if (!each.chosen) continue;
    for (auto at = find(each.parent); at != none && !nodes_[at].shown; at = find(nodes_[at].parent))
      nodes_[at].shown = true;
  }
}

/// Without those that are reached only by breaking a cycle.
std::vector<std::uint32_t> task_tree::parents_first() const {
  auto order = roots_;
  for (std::size_t i = 0; i < order.size(); ++i)
    for (auto child = nodes_[order[i]].first_child; child != none; child = nodes_[child].next_sibling)
      order.push_back(child);
  return order;
}

void task_tree::fold(const std::function<std::string(const v1::Task&)>& key_of) {
  std::unordered_map<std::string, std::uint32_t> known;
  // Where there is a cycle nothing is like anything else.
  shapes_.resize(nodes_.size());
  for (std::uint32_t i = 0; i < shapes_.size(); ++i) shapes_[i] = none - i;
  const auto order = parents_first();
  std::vector<std::uint32_t> below;
  v1::Task task;
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    below.clear();
    for (auto child = nodes_[*at].first_child; child != none; child = nodes_[child].next_sibling)
      below.push_back(shapes_[child]);
    std::sort(below.begin(), below.end());
    below.erase(std::unique(below.begin(), below.end()), below.end());
    decode(*at, task);
    auto key = key_of(task) + (nodes_[*at].chosen ? 'c' : 'a');
    key.append(reinterpret_cast<const char*>(below.data()), below.size() * sizeof below.front());
    shapes_[*at] = known.try_emplace(std::move(key), static_cast<std::uint32_t>(known.size())).first->second;
  }
}

std::span<const std::uint32_t> task_tree::family::entry(std::size_t i) const {
  if (ends.empty()) return {&nodes[i], 1};
  const auto begin = i == 0 ? 0 : ends[i - 1];
  return {nodes.data() + begin, ends[i] - begin};
}

/// What reads alike stands where the first of it does.
task_tree::family task_tree::entries_of(std::vector<std::uint32_t> siblings) const {
  if (shapes_.empty() || siblings.size() <= most_alike) return {std::move(siblings), {}};
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> alike;
  for (const auto each : siblings) alike[shapes_[each]].push_back(each);
  family entries;
  for (const auto each : siblings) {
    auto& its = alike[shapes_[each]];
    if (its.size() <= most_alike) {
      if (!its.empty()) entries.nodes.push_back(each);
    } else {
      entries.nodes.insert(entries.nodes.end(), its.begin(), its.end());
      its.clear();
    }
    const auto end = static_cast<std::uint32_t>(entries.nodes.size());
    if (entries.ends.empty() || entries.ends.back() != end) entries.ends.push_back(end);
  }
  return entries;
}

/// No recursion: a chain of spawns may be as long as there are tasks.
class task_tree::walker {
 public:
  walker(const task_tree& tree, const std::function<bool(const step&)>& visit)
      : tree_(tree), visit_(visit), seen_(tree.nodes_.size()) {}

  bool run() {
    if (!walk(tree_.entries_of(tree_.roots_), false)) return false;
    for (std::uint32_t i = 0; i < tree_.nodes_.size(); ++i)
      if (tree_.nodes_[i].shown && !seen_[i] && !walk({{i}, {}}, true)) return false;
    return true;
  }

 private:
  struct level {
    family entries;
    std::size_t next;
    std::size_t prefix;  ///< length of the branches before each of its entries
  };

  bool walk(family roots, bool in_cycle) {
    std::vector<level> path;
    std::string prefix;
    path.push_back({std::move(roots), 0, 0});
    while (!path.empty()) {
      auto& at = path.back();
      const bool is_root = path.size() == 1;
      if (at.next == at.entries.size()) {
        path.pop_back();
        if (path.empty()) break;
        const auto& above = path.back();
        if (!visit_({step::leave, above.entries.entry(above.next - 1), "", false, true})) return false;
        continue;
      }
      const auto nodes = at.entries.entry(at.next++);
      const bool last = at.next == at.entries.size();
      prefix.resize(at.prefix);
      for (const auto each : nodes) seen_[each] = true;
      const auto branches = is_root ? std::string() : prefix + (last ? "└─ " : "├─ ");
      if (!visit_({step::enter, nodes, branches, in_cycle && is_root, tree_.nodes_[nodes[0]].chosen})) return false;
      if (!is_root) prefix += last ? "   " : "│  ";
      path.push_back({tree_.entries_of(children_of(nodes)), 0, prefix.size()});
    }
    return true;
  }

  [[nodiscard]] std::vector<std::uint32_t> children_of(std::span<const std::uint32_t> nodes) const {
    std::vector<std::uint32_t> found;
    for (const auto each : nodes)
      for (auto child = tree_.nodes_[each].first_child; child != none; child = tree_.nodes_[child].next_sibling)
        if (!seen_[child]) found.push_back(child);
    return found;
  }

  const task_tree& tree_;
  const std::function<bool(const step&)>& visit_;
  std::vector<bool> seen_;
};

void task_tree::walk(const std::function<bool(const step&)>& visit) const { walker(*this, visit).run(); }

}  // namespace tasks::cli
