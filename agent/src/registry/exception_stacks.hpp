#pragma once

/// The await chains of exceptions, beside them: by the address of the exception object, until that is destroyed.
///
///   exception object <── exception_ptr, rethrown, nested, on whatever thread
///         └─ its destructor is forget_exception(), which calls the one that it had
///
/// Lock-free. Nothing is taken until take_exception_stacks() was called.

#include <cstddef>
#include <cstdint>
#include <exception>

#include "registry/async_stack.hpp"
#include "tasks/async_stacktrace.hpp"

namespace tasks::detail {

/// Exceptions at a time that can have a stack.
inline constexpr std::size_t most_exception_stacks = 1024;
/// Bytes of a what(), with the terminating zero.
inline constexpr std::size_t exception_message = 192;

using destructor = void (*)(void*);

/// From now on; this object stays loaded then. False: no memory.
bool take_exception_stacks() noexcept;
[[nodiscard]] bool takes_exception_stacks() noexcept;

/// The exception is about to be thrown for the first time, from `code`: takes its stack. Returns what to throw it with
/// instead of its own destructor; that one outside of tasks, or where there is no room.
[[nodiscard]] destructor note_thrown(void* object, destructor own, std::uint64_t code) noexcept;
/// It is thrown again, or was made without a throw, as by std::make_exception_ptr: takes its stack if it has none.
/// Precondition: `object` is one of C++.
void note_rethrown(void* object, innermost what) noexcept;
/// The same of the exception that is being handled here.
void note_current_exception() noexcept;
/// Keeps what() of the exception that is being handled here, if it has a stack.
void note_current_message(const char* text) noexcept;

/// What is known of an exception. Whoever asks keeps it alive.
struct exception_stack {
  stack_words stack;
  char message[exception_message];  ///< empty: not kept
};
/// Null: nothing is known. It stays for as long as the exception.
[[nodiscard]] const exception_stack* find_exception_stack(const void* object) noexcept;

/// The exception object that an exception_ptr holds; null: none.
[[nodiscard]] void* object_of(const std::exception_ptr& exception) noexcept;

/// While one exists in a thread nothing is taken there: the exception is thrown again to look at it.
class looking_at_exception {
 public:
  looking_at_exception() noexcept;
  ~looking_at_exception();
  looking_at_exception(const looking_at_exception&) = delete;
  looking_at_exception& operator=(const looking_at_exception&) = delete;
};

}  // namespace tasks::detail
