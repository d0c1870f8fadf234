#include "base/pattern.hpp"

#include <algorithm>
#include <array>

namespace tasks::cli {
namespace {

/// The longest piece between what matches any character, the beginning or the end.
std::string literal_of(std::string_view text) {
  if (text.find_first_of("\\|()[]{}*?+") != text.npos) return {};
  std::string_view longest;
  while (!text.empty()) {
    const auto piece = text.substr(0, text.find_first_of(".^$"));
    if (piece.size() > longest.size()) longest = piece;
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
  }
  return std::string(longest);
}

}  // namespace

result<pattern> pattern::make(const std::string& text) {
  auto compiled = std::make_unique<regex_t>();
  const int failure = ::regcomp(compiled.get(), text.c_str(), REG_EXTENDED | REG_NOSUB);
  if (failure != 0) {
    std::array<char, 256> why{};
    ::regerror(failure, compiled.get(), why.data(), why.size());
    return error{error_code::usage, "", why.data(), ""};
  }
  pattern made;
  made.literal_ = literal_of(text);
  made.compiled_ = std::shared_ptr<const regex_t>(compiled.release(), [](const regex_t* its) {
    ::regfree(const_cast<regex_t*>(its));
    delete its;
  });
  return made;
}

bool pattern::matches(std::string_view text) const noexcept {
  regmatch_t whole;
  whole.rm_so = 0;
  whole.rm_eo = static_cast<regoff_t>(text.size());
  return ::regexec(compiled_.get(), text.data(), 0, &whole, REG_STARTEND) == 0;
}

}  // namespace tasks::cli
