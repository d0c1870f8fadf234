#include "tasks/this_task.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "registry/registry.hpp"

namespace tasks {
namespace {

using detail::load;
using detail::record;
using detail::store;
using layout::annotation_record;
using text_words = std::array<std::uint64_t, annotation_record::words>;

/// At most max_text bytes, not ending within a UTF-8 character, zeros after them.
text_words pack(std::string_view text) noexcept {
  auto size = std::min(text.size(), this_task::max_text);
  if (size < text.size())
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  text_words words{};
  if (size != 0) std::memcpy(words.data(), text.data(), size);  // an empty text may have no address
  return words;
}

void rewrite(layout::word_t (&to)[annotation_record::words], const text_words& text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) store(to[i], text[i]);
}

bool equal(const layout::word_t (&field)[annotation_record::words], const text_words& text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (load(field[i]) != text[i]) return false;
  return true;
}

void advance(annotation_record& a) noexcept {
  store(a.word, detail::next_word(load(a.word), layout::record_state::annotation, 0));
}
bool is_odd(const annotation_record& a) noexcept { return (load(a.word) & layout::one_version) != 0; }

bool annotate(std::string_view key_text, std::string_view value_text) noexcept {
  record* task = detail::this_thread.current;
  if (task == nullptr || load(task->id) == 0) return false;
  const auto key = pack(key_text);
  const auto value = pack(value_text);
  int labels = 0;
  for (auto next = load(task->annotations); next != 0;) {
    auto* a = reinterpret_cast<annotation_record*>(next);
    next = load(a->next);
    if (layout::state_of(load(a->word)) != layout::record_state::annotation) continue;
    if (equal(a->key, key)) {
      advance(*a);  // odd: a reader that sees it throws its copy away
      rewrite(a->value, value);
      advance(*a);
      return true;
    }
    if (load(a->key[0]) != 0) ++labels;
  }
  if (!key_text.empty() && labels == this_task::max_labels) return false;
  record* fresh = detail::take_free_record();
  if (fresh == nullptr) return false;
  auto* a = reinterpret_cast<annotation_record*>(fresh);
  a->owner = task;
  store(a->owner_id, load(task->id));
  store(a->next, load(task->annotations));
  rewrite(a->key, key);
  rewrite(a->value, value);
  do {
    advance(*a);
  } while (is_odd(*a));
  store(task->annotations, detail::address(a));
  return true;
}

}  // namespace

bool this_task::set_name(std::string_view name) noexcept { return annotate({}, name); }

bool this_task::set_label(std::string_view key, std::string_view value) noexcept {
  return !key.empty() && key.front() != '\0' && annotate(key, value);
}

}  // namespace tasks
