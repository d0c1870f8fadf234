#include "base/pattern.hpp"

#include <array>

namespace tasks::cli {

result<pattern> pattern::make(const std::string& text) {
  auto compiled = std::make_unique<regex_t>();
  const int failure = ::regcomp(compiled.get(), text.c_str(), REG_EXTENDED | REG_NOSUB);
  if (failure != 0) {
    std::array<char, 256> why{};
    ::regerror(failure, compiled.get(), why.data(), why.size());
    return error{error_code::usage, "", why.data(), ""};
  }
  pattern made;
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
