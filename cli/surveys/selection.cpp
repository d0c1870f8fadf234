#include "surveys/selection.hpp"

#include <algorithm>

namespace tasks::cli {
namespace {

template <class Range, class Is>
bool none_or_any(const Range& asked, Is is) {
  return asked.empty() || std::any_of(asked.begin(), asked.end(), is);
}

template <class Range, class Value>
bool none_or_has(const Range& asked, Value value) {
  return none_or_any(asked, [value](auto each) { return each == value; });
}

bool is_at(const frame* site, const source_place& asked) {
  return site != nullptr && is_file(site->file, asked.file) && (asked.line == 0 || asked.line == site->line);
}

bool waits_on(const v1::Wait& wait, std::uint32_t fd) { return wait.has_fd() && wait.fd() == fd; }

bool has_label(const v1::Task& task, const label_choice& asked) {
  const auto known = task.labels().find(asked.key);
  return known != task.labels().end() && (!asked.value || *asked.value == known->second);
}

}  // namespace

/// Of a group's spawn site its tasks know more: operands of && and || have one only with who awaits them.
bool selection::is_of_groups() const {
  return spawned_at.empty() && names.empty() && labels.empty() && threads.empty() && fds.empty();
}
bool selection::is_of_agents() const { return is_of_groups() && functions.empty(); }
bool selection::is_empty() const {
  return is_of_agents() && query.ids().empty() && query.states().empty() && query.kinds().empty() &&
         query.older_than_ms() == 0;
}

bool is_file(std::string_view path, std::string_view named) {
  if (!path.ends_with(named)) return false;
  return path.size() == named.size() || (!named.starts_with('/') && path[path.size() - named.size() - 1] == '/');
}

bool selector::has_frames() const {
  const bool has_function = none_or_any(asked_.functions, [this](const pattern& each) {
    return std::any_of(what_.frames.begin(), what_.frames.end(),
                       [&each](const shown_frame& f) { return each.matches(f.location->function); });
  });
  return has_function && none_or_any(asked_.spawned_at, [this](const source_place& each) {
           return is_at(what_.spawned_at, each) || is_at(what_.spawned_after, each);
         });
}

bool selector::has_labels(const v1::Task& task) const {
  return std::all_of(asked_.labels.begin(), asked_.labels.end(), [&](const label_choice& wanted) {
    return std::any_of(asked_.labels.begin(), asked_.labels.end(),
                       [&](const label_choice& each) { return each.key == wanted.key && has_label(task, each); });
  });
}

bool selector::passes(const v1::Task& task) {
  const auto& query = asked_.query;
  const auto kind = task.has_wait() ? task.wait().kind() : v1::Wait::OTHER;
  const bool blocked = task.state() == v1::Task::BLOCKED;
  if (!none_or_has(query.ids(), task.id()) || !none_or_has(query.states(), task.state())) return false;
  if (!query.kinds().empty() && !(blocked && none_or_has(query.kinds(), kind))) return false;
  if (query.older_than_ms() != 0 && task.age_ms() <= query.older_than_ms()) return false;
  if (!asked_.threads.empty() && !(task.thread() != 0 && none_or_has(asked_.threads, task.thread()))) return false;
  if (!none_or_any(asked_.names, [&](const pattern& each) { return each.matches(task.name()); })) return false;
  if (!has_labels(task)) return false;
  if (!none_or_any(asked_.fds, [&](std::uint32_t fd) {
        return waits_on(task.wait(), fd) || std::any_of(task.also().begin(), task.also().end(),
                                                        [fd](const v1::Wait& wait) { return waits_on(wait, fd); });
      }))
    return false;
  if (!needs_names()) return true;
  names_.resolve(task, what_);
  return has_frames();
}

bool selector::passes(const v1::Group& group) {
  if (!needs_names()) return true;
  names_.resolve(group, what_);
  return has_frames();
}

}  // namespace tasks::cli
