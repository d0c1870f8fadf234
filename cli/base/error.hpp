#pragma once

/// What can go wrong while a target is looked up and read, as the user is told it: "tasks: subject: fact (next step)".

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace tasks::cli {

enum class error_code {
  usage,  ///< the command line makes no sense
  no_such_process,
  ambiguous_name,    ///< a name that several processes have
  not_instrumented,  ///< no object of the process carries the note
  no_agent,          ///< instrumented, but nobody listens
  agent_gone,        ///< the agent, or its process, went away
  permission_denied,
  timed_out,
  protocol_mismatch,
  malformed_answer,  ///< whoever answers is no agent
  no_such_task,
  system,  ///< a system call failed that should not
};

struct error {
  error_code code;
  std::string subject;    ///< "pid 4131"
  std::string fact;       ///< "no agent is listening"
  std::string next_step;  ///< what the user can do; may be empty
};

/// 2 for what the user typed, 1 for a target that could not be read.
[[nodiscard]] constexpr int exit_code(error_code code) noexcept {
  return code == error_code::usage || code == error_code::ambiguous_name ? 2 : 1;
}

/// "pid 4131".
[[nodiscard]] std::string subject_of(pid_t pid);
[[nodiscard]] error no_such_process(pid_t pid);

/// "fact (next step)".
[[nodiscard]] std::string in_words(const error& e);
/// "tasks: subject: fact (next step)", without a line end.
[[nodiscard]] std::string message(const error& e);

/// A value, or why there is none.
template <class T>
class [[nodiscard]] result {
 public:
  result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  result(error e) : content_(std::in_place_index<1>, std::move(e)) {}

  [[nodiscard]] bool ok() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  /// Precondition: ok().
  T& operator*() & { return *std::get_if<0>(&content_); }
  const T& operator*() const& { return *std::get_if<0>(&content_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&content_)); }
  T* operator->() { return std::get_if<0>(&content_); }
  const T* operator->() const { return std::get_if<0>(&content_); }
  /// Precondition: !ok().
  [[nodiscard]] const error& why() const { return *std::get_if<1>(&content_); }

 private:
  std::variant<T, error> content_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  result() = default;
  result(error e) : error_(std::move(e)) {}
  [[nodiscard]] bool ok() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const error& why() const { return *error_; }

 private:
  std::optional<error> error_;
};

}  // namespace tasks::cli
