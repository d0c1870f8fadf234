#pragma once

/// A view's text, instead of standard output.

#include <string>

#include "base/error.hpp"
#include "base/output.hpp"

namespace tasks::cli {

class written_page {
 public:
  explicit written_page(const text_style& style);
  written_page(const written_page&) = delete;
  written_page& operator=(const written_page&) = delete;
  ~written_page();

  [[nodiscard]] output& out() { return out_; }
  /// What was written so far, up to 16 MiB.
  result<std::string> read();

 private:
  int file_;  ///< without a name, in memory
  output out_;
};

}  // namespace tasks::cli
