#include "tasks/this_task.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "registry/labels.hpp"
#include "registry/registry.hpp"

// Names and labels, in the chain of a task's annotations. A label that a task no longer has leaves its place in the
// chain, as a group_record that is none (layout::vacant): unlinked, it would be another task's at once, and a reader
// that is at it would miss those behind it.

namespace tasks {
namespace {

using detail::load;
using detail::record;
using detail::store;
using layout::annotation_record;
using layout::record_state;
using this_task::inherit;

constexpr auto acquire = std::memory_order_acquire;
constexpr std::size_t text_words = annotation_record::words;
struct text {
  std::uint64_t words[text_words];
};

/// At most max_text bytes, not ending within a UTF-8 character, zeros after them.
text pack(std::string_view from) noexcept {
  auto size = std::min(from.size(), this_task::max_text);
  if (size < from.size())
    while (size > 0 && (static_cast<unsigned char>(from[size]) & 0xc0) == 0x80) --size;
  text packed{};
  if (size != 0) std::memcpy(packed.words, from.data(), size);  // an empty text may have no address
  return packed;
}

void rewrite(layout::word_t (&to)[text_words], const text& from) noexcept {
  for (std::size_t i = 0; i < text_words; ++i) store(to[i], from.words[i]);
}

bool equal(const layout::word_t (&field)[text_words], const text& to) noexcept {
  for (std::size_t i = 0; i < text_words; ++i)
    if (load(field[i]) != to.words[i]) return false;
  return true;
}

bool is_odd(const annotation_record& a) noexcept { return (load(a.word) & layout::one_version) != 0; }
void advance(annotation_record& a, record_state state, std::uint64_t depth) noexcept {
  store(a.word, detail::next_word(load(a.word), state, depth));
}
/// From `fresh` or vacant, with all fields written, to an annotation.
void publish(annotation_record& a, std::uint64_t depth) noexcept {
  do {
    advance(a, record_state::annotation, depth);
  } while (is_odd(a));
}

std::uint64_t depth_for(inherit spawned) noexcept { return spawned == inherit::yes ? layout::inherited : 0; }
bool is_vacant(std::uint64_t word) noexcept {
  return layout::state_of(word) == record_state::group && layout::depth_of(word) == layout::vacant;
}

/// The task that runs here. Null: none that is recorded.
record* running_task() noexcept {
  record* task = detail::this_thread.current;
  return task == nullptr || load(task->id) == 0 ? nullptr : task;
}

struct places {
  annotation_record* found = nullptr;   ///< of the key
  annotation_record* vacant = nullptr;  ///< where another label was
  int labels = 0;
};

/// Of the task that runs here, whose chain nobody else changes.
places look_up(const record& task, const text& key) noexcept {
  places in;
  for (auto next = load(task.annotations); next != 0;) {
    auto* a = reinterpret_cast<annotation_record*>(next);
    next = load(a->next);
    const auto word = load(a->word);
    if (is_vacant(word)) in.vacant = a;
    if (layout::state_of(word) != record_state::annotation) continue;
    if (equal(a->key, key)) in.found = a;
    if (load(a->key[0]) != 0) ++in.labels;
  }
  return in;
}

bool annotate(record& task, const text& key, const text& value, inherit spawned) noexcept {
  const auto [found, vacant, labels] = look_up(task, key);
  const auto depth = depth_for(spawned);
  if (found != nullptr) {
    advance(*found, record_state::annotation, depth);  // odd: a reader that sees it throws its copy away
    rewrite(found->value, value);
    advance(*found, record_state::annotation, depth);
    return true;
  }
  if (key.words[0] != 0 && labels >= this_task::max_labels) return false;
  if (vacant != nullptr) {
    rewrite(vacant->key, key);
    rewrite(vacant->value, value);
    publish(*vacant, depth);
    return true;
  }
  record* fresh = detail::take_free_record();
  if (fresh == nullptr) return false;
  auto* a = reinterpret_cast<annotation_record*>(fresh);
  a->owner = &task;
  store(a->owner_id, load(task.id));
  store(a->next, load(task.annotations));
  rewrite(a->key, key);
  rewrite(a->value, value);
  publish(*a, depth);
  store(task.annotations, detail::address(a));
  return true;
}

/// No text, and the key of a name.
bool is_no_key(std::string_view key) noexcept { return key.empty() || key.front() == '\0'; }

/// What `from` is now, if it is a record in the chain of annotations of the task `id`. Its texts are copied if they are
/// inherited. False: it is none, or it was changed meanwhile.
struct link {
  std::uint64_t word, next;
  text key, value;
  [[nodiscard]] bool is_inherited() const noexcept {
    return layout::state_of(word) == record_state::annotation && layout::depth_of(word) == layout::inherited;
  }
};
bool copy(const annotation_record& from, std::uint64_t id, link& to) noexcept {
  to.word = from.word.load(acquire);
  const auto state = layout::state_of(to.word);
  if (state != record_state::annotation && state != record_state::group && state != record_state::timing) return false;
  if (from.owner_id.load(acquire) != id) return false;
  to.next = from.next.load(acquire);
  if (to.is_inherited())
    for (std::size_t i = 0; i < text_words; ++i) {
      to.key.words[i] = from.key[i].load(acquire);
      to.value.words[i] = from.value[i].load(acquire);
    }
  return from.word.load(acquire) == to.word;
}

}  // namespace

// `from` is this thread's to read, but for one case: the initiation of its operation still spawns, and the operation
// has ended and the task gone on, on another thread. Then a record may be anybody's, and none of its words a pointer:
// each is followed only if it was read of what is a task's, and a link of its chain, before and after. Records stay
// mapped.
[[gnu::noinline]] std::uint64_t detail::inherit_labels(const record& from, record& to, std::uint64_t id) noexcept {
  constexpr int longest_chain = 2 * this_task::max_labels + 8;  // as many vacant ones, a name, a group, times
  const auto word = word_if_here(from);
  const auto parent = from.id.load(acquire);
  auto next = from.annotations.load(acquire);
  if (word == 0 || from.word.load(acquire) != word) return 0;
  std::uint64_t newest = 0;
  annotation_record* last = nullptr;
  link copied;
  for (int i = 0; next != 0 && i < longest_chain; ++i) {
    if (!copy(*reinterpret_cast<const annotation_record*>(next), parent, copied)) break;
    next = copied.next;
    if (!copied.is_inherited()) continue;
    record* fresh = take_free_record();
    if (fresh == nullptr) break;
    auto* a = reinterpret_cast<annotation_record*>(fresh);
    a->owner = &to;
    store(a->owner_id, id);
    store(a->next, 0);
    rewrite(a->key, copied.key);
    rewrite(a->value, copied.value);
    publish(*a, layout::inherited);
    if (last == nullptr)
      newest = address(a);
    else
      store(last->next, address(a));
    last = a;
  }
  return newest;
}

bool this_task::set_name(std::string_view name) noexcept {
  record* task = running_task();
  return task != nullptr && annotate(*task, {}, pack(name), inherit::no);
}

bool this_task::set_label(std::string_view key, std::string_view value, inherit spawned) noexcept {
  record* task = running_task();
  return task != nullptr && !is_no_key(key) && annotate(*task, pack(key), pack(value), spawned);
}

this_task::label_scope::label_scope(std::string_view key, std::string_view value, inherit spawned) noexcept {
  record* task = running_task();
  if (task == nullptr || is_no_key(key)) return;
  const auto packed = pack(key);
  if (const auto* a = look_up(*task, packed).found) {
    had_ = true;
    former_spawned_ = layout::depth_of(load(a->word)) == layout::inherited ? inherit::yes : inherit::no;
    for (std::size_t i = 0; i < text_words; ++i) former_[i] = load(a->value[i]);
  }
  if (!annotate(*task, packed, pack(value), spawned)) return;
  std::memcpy(key_, packed.words, sizeof key_);
  task_ = load(task->id);
}

this_task::label_scope::~label_scope() {
  record* task = running_task();
  if (task_ == 0 || task == nullptr || load(task->id) != task_) return;
  text key;
  std::memcpy(key.words, key_, sizeof key_);
  if (had_) {
    text former;
    std::memcpy(former.words, former_, sizeof former_);
    annotate(*task, key, former, former_spawned_);
  } else if (auto* a = look_up(*task, key).found) {
    advance(*a, record_state::group, layout::vacant);
  }
}

}  // namespace tasks
