// tasks::exceptions: stands in front of what throws in the C++ runtime, so that the await chain is taken at each throw.
//
//   throw ──> __cxa_throw (here) ──> the runtime's            rethrow_exception (here) ──> the runtime's
//
// An object file of its own, because a program that does not link it is to keep the runtime's functions. In a program
// whose C++ runtime is a shared library these are found before it; throws out of that library are seen too. Where the
// runtime is linked in (-static, -static-libstdc++) its own are stronger than the weak ones here, and nothing is taken
// but with -Wl,--wrap for both, which is what tasks::exceptions_static is.

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <utility>

#include "registry/exception_stacks.hpp"

namespace std {
class type_info;
}

#if defined(__GLIBCXX__)
#  define TASKS_RETHROW "_ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE"
#else
#  define TASKS_RETHROW "_ZSt17rethrow_exceptionSt13exception_ptr"
#endif

namespace {

using tasks::detail::destructor;
using throw_function = void (*)(void*, std::type_info*, destructor);
using rethrow_function = void (*)(std::exception_ptr);

}  // namespace

extern "C" {
// What --wrap calls the runtime's own.
[[gnu::weak]] void __real___cxa_throw(void*, std::type_info*, destructor);  // NOLINT
// AddressSanitizer's, which does this in a function of its own in front of the runtime's.
[[gnu::weak]] void __asan_handle_no_return();  // NOLINT
}
[[gnu::weak]] void real_rethrow(std::exception_ptr) asm("__real_" TASKS_RETHROW);

namespace {

#if defined(__GLIBCXX__)
// Linked in, the runtime's __cxa_throw comes with this one, which is asked for so that it does come.
[[gnu::used]] constexpr auto comes_along = __cxxabiv1::__cxa_init_primary_exception;
#endif

/// The function of that name behind this object's; null: there is none.
template <class Function>
Function find(std::atomic<Function>& known, Function wrapped, const char* name) noexcept {
  auto function = wrapped != nullptr ? wrapped : reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
  known.store(function, std::memory_order_relaxed);
  return function;
}

/// Likewise, as begin() has found it, if that has run. Never fails: the program could not throw without it.
template <class Function>
Function next(std::atomic<Function>& known, Function wrapped, const char* name) noexcept {
  auto function = known.load(std::memory_order_relaxed);
  if (function == nullptr) function = find(known, wrapped, name);
  if (function == nullptr) std::abort();
  return function;
}

constinit std::atomic<throw_function> throws{nullptr};
constinit std::atomic<rethrow_function> rethrows{nullptr};

[[noreturn]] void throw_noted(void* object, std::type_info* type, destructor own, void* from) {
  if (__asan_handle_no_return != nullptr) __asan_handle_no_return();
  const auto code = tasks::detail::address(from) - 1;  // the call, not what follows it
  own = tasks::detail::note_thrown(object, own, code);
  next(throws, __real___cxa_throw, "__cxa_throw")(object, type, own);
  std::abort();
}

[[noreturn]] void rethrow_noted(std::exception_ptr exception) {
  if (__asan_handle_no_return != nullptr) __asan_handle_no_return();
  tasks::detail::note_rethrown(tasks::detail::object_of(exception), tasks::detail::innermost::stands);
  next(rethrows, real_rethrow, TASKS_RETHROW)(std::move(exception));
  std::abort();
}

[[gnu::constructor]] void begin() noexcept {
  // Not first when something is thrown: dlsym() waits for a dlopen() on another thread, and that one, where a
  // library's constructor waits for this one, would never end.
  find(throws, __real___cxa_throw, "__cxa_throw");
  find(rethrows, real_rethrow, TASKS_RETHROW);
  const char* wish = secure_getenv("TASKS_EXCEPTIONS");
  if (wish != nullptr && wish[0] == '1' && wish[1] == 0) tasks::detail::take_exception_stacks();
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {
[[gnu::weak, noreturn]] void __cxa_throw(void* object, std::type_info* type, destructor own) {  // NOLINT
  throw_noted(object, type, own, __builtin_return_address(0));
}
[[noreturn]] void __wrap___cxa_throw(void* object, std::type_info* type, destructor own) {  // NOLINT
  throw_noted(object, type, own, __builtin_return_address(0));
}
}
[[gnu::weak, noreturn]] void weak_rethrow(std::exception_ptr exception) asm(TASKS_RETHROW);
void weak_rethrow(std::exception_ptr exception) { rethrow_noted(std::move(exception)); }
[[noreturn]] void wrapped_rethrow(std::exception_ptr exception) asm("__wrap_" TASKS_RETHROW);
void wrapped_rethrow(std::exception_ptr exception) { rethrow_noted(std::move(exception)); }
#pragma GCC visibility pop
