#pragma once

/// Exceptions that know the await chain of the task that threw them.
///
///   throw tasks::with_stack(std::runtime_error("bad frame length"));
///   …
///   catch (const std::exception& e) { LOG(error) << e.what() << '\n' << tasks::stack_of(e); }
///
/// For code that nobody changes link tasks::exceptions and start the program with TASKS_EXCEPTIONS=1: the chain is then
/// taken at each throw within a task, also of what Asio throws when an operation fails. Of at most 1,024 exceptions
/// that exist at a time: others have none. What is thrown outside of tasks has none either.

#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include "tasks/async_stacktrace.hpp"
#include "tasks/this_task.hpp"

namespace tasks {

/// Base of what with_stack() makes.
class carries_stack {
 public:
  carries_stack(const carries_stack&) noexcept = default;
  carries_stack& operator=(const carries_stack&) noexcept = default;
  virtual ~carries_stack();
  [[nodiscard]] const async_stacktrace& stack() const noexcept { return stack_; }

 protected:
  explicit carries_stack(const async_stacktrace& stack) noexcept : stack_(stack) {}

 private:
  async_stacktrace stack_;
};

/// What it was made of, and its stack. About 1 KiB more.
template <class Exception>
class exception_with_stack : public Exception, public carries_stack {
 public:
  exception_with_stack(Exception from, const async_stacktrace& stack)
      : Exception(std::move(from)), carries_stack(stack) {}
};

/// The exception with the chain of the calling task; caught as what it is. Precondition: its class is not final.
template <class Exception>
[[nodiscard]] exception_with_stack<std::decay_t<Exception>> with_stack(
    Exception&& exception, std::source_location here = std::source_location::current()) {
  static_assert(std::is_class_v<std::decay_t<Exception>> && !std::is_final_v<std::decay_t<Exception>>,
                "tasks::with_stack() derives from the exception: it must be of a class that is not final");
  static_assert(!std::is_base_of_v<carries_stack, std::decay_t<Exception>>, "it has a stack");
  return {std::forward<Exception>(exception), this_task::stack(here)};
}

/// That of an exception: where it was thrown first, however often and wherever it is thrown again. Empty where none was
/// taken; null has none. Takes about a microsecond, and copies nothing of the exception. Any thread.
[[nodiscard]] async_stacktrace stack_of(const std::exception_ptr& exception) noexcept;
/// Precondition: it is caught by reference, as every exception should be; a copy has the stack of with_stack() only.
[[nodiscard]] async_stacktrace stack_of(const std::exception& exception) noexcept;

}  // namespace tasks
