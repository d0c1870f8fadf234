#include "leak_check/leak_search.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "registry/leak_marks.hpp"
#include "registry/registry.hpp"
#include "reports/text.hpp"

namespace tasks::detail {
namespace {

bool contains_any(std::string_view text, const std::vector<std::string>& parts) {
  return std::any_of(parts.begin(), parts.end(), [text](const auto& part) { return text.find(part) != text.npos; });
}

std::string count_of_tasks(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " task" : " tasks"); }

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

leak_search::group_words leak_search::words_of(const stack_group& group, std::span<const std::uint64_t> frames) {
  group_words words{std::string(state_name(group.state, group.kind)), {}};
  auto& text = words.stack;
  for (auto at = frames.rbegin(); at != frames.rend(); ++at) {
    const auto& frame = names_.find(*at);
    const auto& name = frame.address != 0 ? sites_.symbol(frame.address).function : frame.function;
    const bool plumbing = *at == 0 || frame.plumbing || (frame.address != 0 && sites_.symbol(frame.address).plumbing);
    if (!plumbing) text += (name.empty() ? "?" : name) + "\n\t" + frame.place + "\n";
  }
  if (group.state != task_state::ready)
    if (const auto operation = names_.operation_of(frames); !operation.empty()) text += operation + "\n";
  const auto site = sites_.find(group.spawn_path, group.spawn_where, group.spawn_outer);
  if (!site.function.empty()) text += "spawned by " + site.function + "\n";
  if (!site.line.empty()) text += (site.exact ? "\t" : "\tafter ") + site.line + "\n";
  return words;
}

/// Those that read alike are one: a loop that a compiler has unrolled spawns at several addresses.
std::vector<leak_search::shown_group> leak_search::shown_groups(stack_groups& groups) {
  std::vector<shown_group> shown;
  std::unordered_map<std::string, std::size_t> known;
  for (const auto& group : groups.sort()) {
    auto words = words_of(group, groups.frames(group));
    const auto [at, is_new] = known.try_emplace(words.state + '\n' + words.stack, shown.size());
    if (is_new) shown.push_back({std::move(words), 0, {}});
    auto& to = shown[at->second];
    to.count += group.count;
    for (std::size_t i = 0; i < group.id_count; ++i) to.oldest.push_back({group.ids[i], group.ages[i]});
    std::stable_sort(to.oldest.begin(), to.oldest.end(),
                     [](const aged_task& a, const aged_task& b) { return a.age > b.age; });
    to.oldest.resize(std::min(to.oldest.size(), stack_group::most_ids));
  }
  std::stable_sort(shown.begin(), shown.end(), [](const shown_group& a, const shown_group& b) {
    return std::pair(a.count, a.oldest.front().age) > std::pair(b.count, b.oldest.front().age);
  });
  return shown;
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
  for (const auto& group : shown_groups(groups)) {
    text += "\n" + count_of_tasks(group.count) + " [" + group.words.state;
    if (const auto age = duration(group.oldest.front().age); !age.empty()) text += ", " + age;
    text += "]:\n" + group.words.stack + (group.count == 1 ? "task " : "tasks ");
    for (const auto& each : group.oldest)
      text += (&each == &group.oldest.front() ? "" : ", ") + std::to_string(each.id);
    text += group.count > group.oldest.size() ? ", …\n" : "\n";
  }
  if (groups.left_out() != 0) text += "\n" + count_of_tasks(groups.left_out()) + " in further groups\n";
  return result;
}

}  // namespace tasks::detail
