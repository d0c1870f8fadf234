#include "commands/other_words.hpp"

#include <algorithm>

namespace tasks::cli {
namespace {

/// Is it one of the option's names, and the next word its value?
bool takes_next_word(const option& o, std::string_view word) {
  const auto names = names_of(o);
  return !o.value.empty() && o.value.front() != '[' && std::find(names.begin(), names.end(), word) != names.end();
}

}  // namespace

bool takes_other_words(const command& of) noexcept { return !of.words.empty() && of.words.back().value == other_words; }

std::size_t begin_of_other_words(const command& of, std::span<const std::string> words) {
  std::size_t at = 0;
  for (; at < words.size() && words[at].size() > 1 && words[at].front() == '-' && words[at] != "--"; ++at)
    if (std::any_of(of.options.begin(), of.options.end(),
                    [&](const option& o) { return takes_next_word(o, words[at]); }))
      ++at;
  return std::min(at, words.size());
}

}  // namespace tasks::cli
