#include "base/error.hpp"

#include "base/text.hpp"

namespace tasks::cli {

std::string subject_of(pid_t pid) { return "pid " + std::to_string(pid); }

error no_such_process(pid_t pid) {
  return {error_code::no_such_process, subject_of(pid), "no such process", "tasks list shows those there are"};
}

std::string in_words(const error& e) { return e.next_step.empty() ? e.fact : e.fact + " (" + e.next_step + ")"; }

std::string message(const error& e) {
  std::string text = "tasks: ";
  if (!e.subject.empty()) text += e.subject + ": ";
  return clean(text + in_words(e));
}

}  // namespace tasks::cli
