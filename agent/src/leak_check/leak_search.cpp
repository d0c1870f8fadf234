#include "leak_check/leak_search.hpp"

#include <algorithm>
#include <utility>

#include "registry/leak_marks.hpp"
#include "registry/registry.hpp"
#include "reports/shown_groups.hpp"
#include "reports/text.hpp"

namespace tasks::detail {
namespace {

bool contains_any(std::string_view text, const std::vector<std::string>& parts) {
  return std::any_of(parts.begin(), parts.end(), [text](const auto& part) { return text.find(part) != text.npos; });
}

/// "5s", "250 ms"
std::string in_words(std::chrono::milliseconds time) {
  const auto ms = static_cast<std::uint64_t>(std::max(time.count(), std::chrono::milliseconds::rep{0}));
  return ms % 1000 == 0 && ms != 0 ? duration(ms) : std::to_string(ms) + " ms";
}

}  // namespace

void leak_search::look(const leak_scope* scope) {
  leak_scope::claim claim;
  if (scope != nullptr) claim = scope->claims();
  claim.except.insert(options_.ignore_tasks.begin(), options_.ignore_tasks.end());
  claim.except.insert(current_task());
  found_.clear();
  ignored_ = claim.except;
  for (const auto* home : slabs_.registries()) {
    const auto end =
        std::min<std::uint64_t>(home->used.load(std::memory_order_acquire), layout::max_slabs * layout::slab_records);
    for (std::uint64_t i = 0; i < end; ++i)
      if (const auto* slab = home->slabs[i / layout::slab_records].load(std::memory_order_acquire))
        consider(slab[i % layout::slab_records], claim, scope == nullptr);
  }
  drop_awaited_by_ignored();
}

/// Takes the task of a record, if it is claimed and not ignored.
void leak_search::consider(const layout::record& at, const leak_scope::claim& claim, bool all) {
  for (;;) {
    if (!layout::is_task(at.word.load(std::memory_order_acquire))) return;
    const auto id = at.id.load(std::memory_order_acquire);
    if (!all && !claim.scopes.contains(tagged_scope(at.scope.load(std::memory_order_acquire), id))) return;
    if (claim.except.contains(id)) return;
    task_copy task{};
    const auto how = copy_task(at, slabs_, task);
    if (how == copied::not_a_task) return;
    if (task.id != id) continue;  // the record is another task's by now
    if (how == copied::torn) task.depth = 0;
    if (is_ignored(task))
      ignored_.insert(id);
    else
      found_.push_back(std::move(task));
    return;
  }
}

/// The arms of a `||`, for instance, go with the task that awaits them.
void leak_search::drop_awaited_by_ignored() {
  const auto awaited = [this](const task_copy& task) {
    if ((task.flags & layout::awaited) == 0 || !ignored_.contains(task.parent)) return false;
    ignored_.insert(task.id);
    return true;
  };
  while (std::erase_if(found_, awaited) != 0) {
  }
}

bool leak_search::is_ignored(const task_copy& task) {
  if (!options_.ignore_functions.empty())
    for (std::size_t i = 0; i < task.depth; ++i) {
      const auto& frame = names_.find(task.where[i]);
      if (contains_any(frame.address != 0 ? sites_.symbol(frame.address).function : frame.function,
                       options_.ignore_functions) ||
          contains_any(frame.compilers, options_.ignore_functions))
        return true;
    }
  if (!options_.ignore_spawn_sites.empty()) {
    const auto site = sites_.find(task.spawn_path, task.spawn_where, task.spawn_outer);
    for (const auto* text : {&site.function, &site.compilers, &site.line})
      if (contains_any(*text, options_.ignore_spawn_sites)) return true;
  }
  return !options_.ignore_names.empty() && has_ignored_name(task);
}

bool leak_search::has_ignored_name(const task_copy& task) {
  std::vector<annotation_copy> annotations;
  copy_annotations(task, slabs_, annotations);
  return std::any_of(annotations.begin(), annotations.end(), [this](const annotation_copy& a) {
    const std::string key = a.key.data();
    return contains_any(key.empty() ? a.value.data() : key + "=" + a.value.data(), options_.ignore_names);
  });
}

std::vector<std::uint64_t> leak_search::found() const {
  std::vector<std::uint64_t> ids;
  for (const auto& task : found_) ids.push_back(task.id);
  return ids;
}

leak_report leak_search::report() {
  if (found_.empty()) return {};
  stack_groups groups;
  const auto now = monotonic_ms();
  for (const auto& task : found_) groups.add(task, age_of(task, now));
  leak_report result{.tasks = found_.size(), .text = count_of_tasks(found_.size())};
  auto& text = result.text;
  text += found_.size() == 1 ? " has not ended within " : " have not ended within ";
  text += in_words(options_.deadline) + "\n";
  for (const auto& group : show_groups(groups, names_, sites_).groups) {
    text += '\n';
    append(text, group);
  }
  if (groups.left_out() != 0) text += "\n" + count_of_tasks(groups.left_out()) + " in further groups\n";
  return result;
}

}  // namespace tasks::detail
