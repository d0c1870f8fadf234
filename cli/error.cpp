#include "error.hpp"

namespace tasks::cli {

std::string message(const error& e) {
  std::string text = "tasks: ";
  if (!e.subject.empty()) text += e.subject + ": ";
  text += e.fact;
  if (!e.next_step.empty()) text += " (" + e.next_step + ")";
  return text;
}

}  // namespace tasks::cli
