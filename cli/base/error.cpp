#include "base/error.hpp"

namespace tasks::cli {

std::string in_words(const error& e) { return e.next_step.empty() ? e.fact : e.fact + " (" + e.next_step + ")"; }

std::string message(const error& e) {
  std::string text = "tasks: ";
  if (!e.subject.empty()) text += e.subject + ": ";
  return text + in_words(e);
}

}  // namespace tasks::cli
