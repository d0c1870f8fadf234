#include "registry/async_stack.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "registry/registry.hpp"
#include "tasks/this_task.hpp"

namespace tasks::detail {
namespace {

constexpr auto acquire = std::memory_order_acquire;

std::uint64_t read(const layout::word_t& field) noexcept { return field.load(acquire); }

/// libstdc++'s std::source_location::__impl, and libc++'s.
struct source_location_data {
  const char* file;
  const char* function;
  std::uint32_t line;
  std::uint32_t column;
};

const source_location_data* data_of(std::uint64_t where) noexcept {
  return where == 0 || layout::is_code(where) ? nullptr : std::bit_cast<const source_location_data*>(where);
}

/// The task that runs here. Blocked is one whose operation is being started; of another thread's, and of a record that
/// is another task's by now, nothing is told. `word` is what says so.
const record* running_task(std::uint64_t& word) noexcept {
  const record* task = this_thread.current;
  if (task == nullptr) return nullptr;
  word = word_if_here(*task);
  return word != 0 && read(task->id) != 0 ? task : nullptr;
}

/// Copies the frames of a task, but the outermost one, which is Asio's. False: the task has changed meanwhile. A word
/// of its record is followed only after the task was seen unchanged: it may be anything else in what is another's.
bool copy_frames(const record& from, std::uint64_t word, stack_words& to, stack_words::task& of) noexcept {
  const std::uint64_t depth = layout::depth_of(word);
  const auto first = to.frames;
  const std::uint64_t room = stack_words::most_frames - first;
  const auto kept = depth > 1 ? std::min(depth - 1, room) : 0;
  // Entries come outermost first, and are kept the other way round.
  const auto keep = [&](std::uint64_t index, const entry& e) {
    const auto at = depth - 1 - index;
    if (at < kept) to.where[first + at] = read(e.where);
  };
  for (std::uint64_t i = 1; i < std::min<std::uint64_t>(depth, layout::inline_entries); ++i) keep(i, from.stack[i]);
  auto next = depth > layout::inline_entries ? read(from.overflow) : 0;
  for (std::uint64_t i = layout::inline_entries; i < depth;) {
    if (next == 0 || read(from.word) != word) return false;
    const auto& more = *std::bit_cast<const layout::overflow_record*>(next);
    if (layout::state_of(read(more.word)) != record_state::overflow || read(more.owner_id) != of.id) return false;
    for (const auto& e : more.stack) {
      if (i == depth) break;
      keep(i++, e);
    }
    next = read(more.next);
  }
  to.frames = first + static_cast<std::uint32_t>(kept);
  of.frames = static_cast<std::uint32_t>(kept);
  of.missing = depth > 1 ? static_cast<std::uint32_t>(depth - 1 - kept) : 0;
  return true;
}

void copy_origin(const record& from, stack_words::task& to) noexcept {
  to.parent = read(from.parent);
  to.spawn_path = read(from.spawn_path);
  to.spawn_where = read(from.spawn_where);
  to.spawn_outer = read(from.spawn_outer);
  to.awaited = (from.flags.load(acquire) & layout::awaited) != 0;
  to.frames = to.missing = 0;
}

/// Is this one of the registry's records? Slabs are few, and never unmapped.
bool holds(const layout::registry& home, std::uint64_t at) noexcept {
  const auto used = std::min<std::uint64_t>(read(home.used), layout::max_slabs * layout::slab_records);
  for (std::uint64_t i = 0; i * layout::slab_records < used; ++i) {
    const auto* slab = home.slabs[i].load(acquire);
    if (slab != nullptr && at - address(slab) < layout::slab_records * sizeof(record)) return true;
  }
  return false;
}

/// The record of the task that spawned this one, if that still exists.
const record* parent_of(const record& child, std::uint64_t id) noexcept {
  if (id == 0 || this_thread.slot == nullptr) return nullptr;
  const auto at = layout::parent_address(address(&child), child.flags.load(acquire));
  if (!holds(*this_thread.slot->home.load(acquire), at)) return nullptr;
  const auto* parent = std::bit_cast<const record*>(at);
  return layout::is_task(read(parent->word)) && read(parent->id) == id ? parent : nullptr;
}

/// Adds the task that spawned the last one, with its frames if it awaits that one. It may run on another thread: what
/// changes meanwhile is tried again, and then told without frames. Null: it has ended.
const record* add_parent(stack_words& to, const record& child) noexcept {
  const auto& spawned = to.of[to.tasks - 1];
  const record* parent = parent_of(child, spawned.parent);
  if (parent == nullptr) return nullptr;
  auto& of = to.of[to.tasks];
  of.id = spawned.parent;
  const auto before = to.frames;
  for (int attempt = 0; attempt < 8; ++attempt) {
    to.frames = before;
    const auto word = read(parent->word);
    copy_origin(*parent, of);
    const bool whole = !spawned.awaited || copy_frames(*parent, word, to, of);
    const bool same = read(parent->id) == of.id && layout::is_task(word);
    // Of one that does not await it nothing is told that changes while it lives.
    if (whole && same && (!spawned.awaited || read(parent->word) == word)) return ++to.tasks, parent;
    if (!same) break;
  }
  to.frames = before;
  return nullptr;
}

void copy_name(const record& from, std::uint64_t word, stack_words& to) noexcept {
  to.name[0] = 0;
  for (auto next = read(from.annotations); next != 0 && read(from.word) == word;) {
    const auto& each = *std::bit_cast<const layout::annotation_record*>(next);
    next = read(each.next);
    if (layout::state_of(read(each.word)) != record_state::annotation || read(each.key[0]) != 0) continue;
    for (std::size_t i = 0; i < stack_words::name_words; ++i) to.name[i] = read(each.value[i]);
    return;
  }
}

/// Is a place in a function of this name in the coroutine that stands at `where`?
bool is_in(const source_location_data& place, std::uint64_t where) noexcept {
  if (const auto* awaits = data_of(where))
    return awaits->function == place.function || std::strcmp(awaits->function, place.function) == 0;
  // It has not awaited yet: g++ calls the bodies of coroutines so, and nothing else.
  return where != 0 && std::string_view(place.function).ends_with(".Frame*)");
}

void put_place(stack_words& to, std::uint64_t place) noexcept {
  auto& innermost = to.of[0];
  if (const auto* here = data_of(place); here != nullptr && innermost.frames != 0 && is_in(*here, to.where[0])) {
    to.where[0] = place;
    return;
  }
  to.called = to.is_late = true;
  if (to.frames == stack_words::most_frames) {
    --to.frames;
    --innermost.frames;
    ++innermost.missing;
  }
  std::memmove(&to.where[1], &to.where[0], to.frames * sizeof to.where[0]);
  to.where[0] = place;
  ++to.frames;
  ++innermost.frames;
}

}  // namespace

stack_words& stack_words::operator=(const stack_words& other) noexcept {
  if (this == &other) return *this;
  frames = other.frames;
  tasks = other.tasks;
  called = other.called;
  is_late = other.is_late;
  was_taken = other.was_taken;
  if (tasks == 0) return *this;
  std::memcpy(name, other.name, sizeof name);
  std::memcpy(where, other.where, frames * sizeof where[0]);
  std::copy_n(other.of, tasks, of);
  return *this;
}

void take_stack(stack_words& to, innermost what, std::uint64_t place) noexcept {
  to.frames = to.tasks = 0;
  to.called = false;
  to.is_late = what == innermost::went_on;
  to.was_taken = true;
  std::uint64_t word = 0;
  const record* task = running_task(word);
  if (task == nullptr) return;
  auto& of = to.of[0];
  of.id = read(task->id);
  copy_origin(*task, of);
  copy_frames(*task, word, to, of);  // false and not changed: a signal has come in the middle of an await
  copy_name(*task, word, to);
  if (read(task->word) != word) {  // its operation has ended, and it has gone on elsewhere
    to.frames = 0;
    return;
  }
  to.tasks = 1;
  if (what == innermost::has_place) put_place(to, place);
  while (task != nullptr && to.tasks < stack_words::most_tasks) task = add_parent(to, *task);
}

}  // namespace tasks::detail

namespace tasks {

async_stacktrace this_task::stack(std::source_location here) noexcept {
  async_stacktrace taken;
  detail::take_stack(taken.words_, detail::innermost::has_place, std::bit_cast<std::uint64_t>(here));
  return taken;
}

std::size_t async_stacktrace::missing() const noexcept {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < words_.tasks; ++i) sum += words_.of[i].missing;
  return sum;
}

async_stacktrace::frame async_stacktrace::operator[](std::size_t index) const noexcept {
  frame f;
  f.where_ = words_.where[index];
  f.is_after_ = words_.is_late && index == (words_.called ? 1 : 0) && index < words_.of[0].frames;
  std::size_t end = 0;
  for (std::size_t i = 0; i < words_.tasks && f.task_ == 0; ++i)
    if (index < (end += words_.of[i].frames)) f.task_ = words_.of[i].id;
  return f;
}

std::string_view async_stacktrace::task_name() const noexcept {
  if (empty()) return {};
  const auto* text = reinterpret_cast<const char*>(words_.name);
  return {text, strnlen(text, sizeof words_.name)};
}

const char* async_stacktrace::frame::function_name() const noexcept {
  const auto* data = detail::data_of(where_);
  return data == nullptr ? "" : data->function;
}
const char* async_stacktrace::frame::file_name() const noexcept {
  const auto* data = detail::data_of(where_);
  return data == nullptr ? "" : data->file;
}
std::uint32_t async_stacktrace::frame::line() const noexcept {
  const auto* data = detail::data_of(where_);
  return data == nullptr ? 0 : data->line;
}
std::uint32_t async_stacktrace::frame::column() const noexcept {
  const auto* data = detail::data_of(where_);
  return data == nullptr ? 0 : data->column;
}
std::uint64_t async_stacktrace::frame::address() const noexcept {
  return layout::is_code(where_) ? layout::code_address(where_) : 0;
}

}  // namespace tasks
