#include "failure_copy.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "utf8.hpp"

namespace tasks::detail {
namespace {

using layout::failure_record;

std::uint64_t word_at(const failure_words& words, std::size_t offset) { return words[offset / 8]; }

std::string text_at(const failure_words& words, std::size_t offset) {
  const auto* bytes = reinterpret_cast<const char*>(words.data()) + offset;
  std::string text(bytes, ::strnlen(bytes, layout::exception_text));
  make_utf8(text);
  return text;
}

}  // namespace

void add_failure(const failure_words& words, std::uint64_t number_after, std::vector<failure_copy>& to) {
  const auto number = word_at(words, offsetof(failure_record, number));
  if (number == 0 || number != number_after) return;
  to.push_back({number, word_at(words, offsetof(failure_record, id)), word_at(words, offsetof(failure_record, when)),
                word_at(words, offsetof(failure_record, where)), word_at(words, offsetof(failure_record, spawn_path)),
                word_at(words, offsetof(failure_record, spawn_where)),
                word_at(words, offsetof(failure_record, spawn_outer)), text_at(words, offsetof(failure_record, type)),
                text_at(words, offsetof(failure_record, message))});
}

void sort_failures(std::vector<failure_copy>& failures) {
  std::sort(failures.begin(), failures.end(), [](const failure_copy& a, const failure_copy& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  });
}

}  // namespace tasks::detail
