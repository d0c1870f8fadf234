#pragma once

/// Regular expressions that users type.

#include <regex.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace tasks::cli {

/// A POSIX extended regular expression, as grep -E takes it; see regex(7).
class pattern {
 public:
  /// Fails with what regerror(3) says of it.
  [[nodiscard]] static result<pattern> make(const std::string& text);
  /// Is it found somewhere in `text`?
  [[nodiscard]] bool matches(std::string_view text) const noexcept;
  /// A part of whatever it is found in; empty: none is known.
  [[nodiscard]] const std::string& literal() const noexcept { return literal_; }

 private:
  std::shared_ptr<const regex_t> compiled_;
  std::string literal_;
};

}  // namespace tasks::cli
