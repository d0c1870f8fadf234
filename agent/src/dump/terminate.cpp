#include "dump/terminate.hpp"

#include <cxxabi.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <typeinfo>

#include "dump/dump_options.hpp"
#include "dump/last_words.hpp"
#include "dump/plain_names.hpp"
#include "readers/self_memory.hpp"
#include "registry/async_stack.hpp"
#include "registry/exception_stacks.hpp"
#include "tasks/dump.hpp"
#include "tasks/exceptions.hpp"

namespace tasks::detail {
namespace {

// What was installed, and what was there before. Written once, before `installed`.
constinit std::atomic<bool> installed{false};
constinit char path[sizeof(dump_options::path)];
constinit bool may_use_standard_error = false;
constinit std::terminate_handler previous_handler = nullptr;
constinit struct sigaction previous_action {};

/// Who dumps: {process : 32, thread : 32}. A child of a fork in the middle of it has another process id.
constinit std::atomic<std::uint64_t> dumping{0};
constinit std::atomic<std::uint32_t> dumped{0};  ///< the process that has

// Too large for the stack of a signal handler. Of the thread that dumps.
constinit char name[1024];
constinit last_words::buffer room{};
alignas(stack_words) constinit unsigned char current[sizeof(stack_words)];

/// what() of the standard library's exceptions, which return what they have: another may allocate, or lock.
[[maybe_unused]] constinit std::array<void*, 5> harmless{};

std::uint32_t process() noexcept { return static_cast<std::uint32_t>(getpid()); }

/// Is this thread the first of this process to die? It is let go on if not, but not before the first is through, whose
/// words would be cut off by its end; at most for as long as these may take.
bool is_first() noexcept {
  const auto me = std::uint64_t{process()} << 32 | static_cast<std::uint32_t>(syscall(SYS_gettid));
  auto other = dumping.load(std::memory_order_acquire);
  while (other >> 32 != me >> 32)
    if (dumping.compare_exchange_weak(other, me, std::memory_order_acq_rel)) return true;
  if (other == me) return false;  // it breaks again while it dumps
  constexpr timespec pause{0, 10'000'000};
  for (int i = 0; i < 250 && dumped.load(std::memory_order_acquire) != process(); ++i) nanosleep(&pause, nullptr);
  return false;
}

/// The zero-terminated text at an address, cut where it is too long or memory ends. Valid until the next.
std::string_view text_at(std::uint64_t address) noexcept {
  std::size_t size = 0;
  while (address != 0 && size < sizeof name) {
    const auto want = std::min<std::size_t>(sizeof name - size, 4096 - (address + size) % 4096);
    const auto got = read_self(address + size, name + size, want);
    const auto length = strnlen(name + size, got);
    size += length;
    if (length < want) break;
  }
  return {name, size};
}

struct place {
  std::uint64_t file = 0;
  std::uint64_t function = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};
/// Of an entry::where that is no code; zeros where it cannot be read.
place place_at(std::uint64_t where) noexcept {
  place p;
  if (where == 0 || layout::is_code(where) || read_self(where, &p, sizeof p) != sizeof p) return {};
  return p;
}

bool is_asio_file(std::string_view file) noexcept {
  for (const std::string_view folder : {"/asio/impl/", "/asio/detail/", "/asio/experimental/"})
    if (file.find(folder) != file.npos) return true;
  return false;
}

/// One frame in two lines; nothing of Asio's own.
void write_frame(last_words& out, std::uint64_t where, bool is_after) noexcept {
  if (layout::is_code(where)) {
    const auto code = layout::code_address(where);
    if (is_plumbing_at(code)) return;
    write_code(out, code);
    out << '\n';
    return;
  }
  const auto p = place_at(where);
  if (p.file == 0 || is_asio_file(text_at(p.file))) return;
  write_function(out, text_at(p.function));
  out << "\n\t" << (is_after ? "after " : "");
  out.foreign(text_at(p.file), sizeof name) << ':' << std::uint64_t{p.line} << '\n';
}

/// The calls that led to a co_spawn, outwards, up to the first function that is the program's own. False: it is not
/// known. What is mapped for good is read as it is.
bool write_spawner(last_words& out, std::uint64_t path_address) noexcept {
  std::array<std::uint64_t, layout::longest_call_path> calls;
  std::size_t count = 0;
  for (auto at = path_address; at != 0 && count < calls.size();) {
    const auto& site = *std::bit_cast<const layout::call_site*>(at);
    calls[count++] = load(site.pc);
    at = load(site.inner);
  }
  while (count-- > 0) {
    const auto code = calls[count] - 1;
    if (lends_thread(code)) return false;
    if (write_function_at(out, code, " in ")) return true;
  }
  return false;
}

void write_spawn_site(last_words& out, const stack_words::task& task) noexcept {
  out << "spawned";
  if (task.parent != 0) out << " by task " << task.parent;
  const bool known = write_spawner(out, task.spawn_path);
  auto p = place_at(task.spawn_where);
  const bool asio = p.file != 0 && is_asio_file(text_at(p.file));
  if (asio) p = place_at(task.spawn_outer);
  if (p.file != 0 && !is_asio_file(text_at(p.file))) {
    if (!known) write_function(out << " in ", text_at(p.function));
    out << (asio && !known ? "\n\t" : "\n\tafter ");
    out.foreign(text_at(p.file), sizeof name) << ':' << std::uint64_t{p.line};
  }
  out << '\n';
}

void write_stack(last_words& out, const stack_words& stack) noexcept {
  std::size_t next = 0;
  for (std::size_t i = 0; i < stack.tasks; ++i) {
    const auto& task = stack.of[i];
    for (const auto end = next + task.frames; next < end; ++next)
      write_frame(out, stack.where[next], i == 0 && stack.is_late && next == (stack.called ? 1u : 0u));
    if (task.missing != 0) out << "…" << std::uint64_t{task.missing} << " more frames\n";
    if (i + 1 < stack.tasks && stack.of[i + 1].frames != 0 && task.awaited)
      out << "awaited by task " << task.parent << ":\n";
    else
      write_spawn_site(out, task);
  }
}

void write_task(last_words& out, const stack_words& stack) noexcept {
  out << "task " << stack.of[0].id;
  const auto* text = reinterpret_cast<const char*>(stack.name);
  if (*text != 0) (out << " \"").foreign({text, strnlen(text, sizeof stack.name)}) << '"';
  out << ":\n";
}

#if defined(__GLIBCXX__)

/// The part of an exception that is a Base; null: it has none. As a catch clause finds it, without the unwinder.
template <class Base>
const Base* part_of(const std::type_info& type, void* object) noexcept {
  return typeid(Base).__do_catch(&type, &object, 1) ? static_cast<const Base*>(object) : nullptr;
}

/// Slot 2 of the table of virtual functions, behind the two destructors: the Itanium C++ ABI, 2.5.2.
void* what_of(const std::exception& of) noexcept {
  void* const* table = nullptr;
  std::memcpy(&table, static_cast<const void*>(&of), sizeof table);
  return table[2];
}

void note_harmless() {
  const std::runtime_error runtime("");
  const std::logic_error logic("");
  harmless = {what_of(std::exception()), what_of(std::bad_alloc()), what_of(std::bad_cast()), what_of(runtime),
              what_of(logic)};
}

/// what() of an exception, if that is harmless; else null.
const char* harmless_what(const std::type_info& type, void* object) noexcept {
  const auto* e = part_of<std::exception>(type, object);
  const bool is_harmless = e != nullptr && std::find(harmless.begin(), harmless.end(), what_of(*e)) != harmless.end();
  return is_harmless ? e->what() : nullptr;
}

const stack_words* carried_stack(const std::type_info& type, void* object) noexcept {
  const auto* e = part_of<carries_stack>(type, object);
  return e == nullptr ? nullptr : &e->stack().words();
}

#else

void note_harmless() {}
const char* harmless_what(const std::type_info&, void*) noexcept { return nullptr; }
const stack_words* carried_stack(const std::type_info&, void*) noexcept { return nullptr; }

#endif

/// The type as it was thrown, not as with_stack() has made it.
void write_type(last_words& out, std::string_view type) noexcept {
  constexpr std::string_view ours = "N5tasks20exception_with_stackI";
  if (type.starts_with(ours)) type = type.substr(ours.size(), type.size() - ours.size() - 2);
  write_symbol(out, type);
}

const stack_words& take_current() noexcept {
  auto* taken = new (current) stack_words;
  take_stack(*taken, innermost::went_on, 0);
  return *taken;
}

/// What was thrown, and where, if this thread handles an exception. False: it does not.
bool write_exception(last_words& out) noexcept {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return false;
  void* object = object_of(std::current_exception());
  const auto* known = find_exception_stack(object);
  write_type(out, type->name());
  const char* what = object != nullptr ? harmless_what(*type, object) : nullptr;
  if (what == nullptr && known != nullptr && known->message[0] != 0) what = known->message;
  if (what != nullptr) (out << ": ").foreign(what, 4096);
  out << '\n';
  const auto* stack = object != nullptr ? carried_stack(*type, object) : nullptr;
  if (stack == nullptr && known != nullptr) stack = &known->stack;
  const bool is_known = stack != nullptr;
  if (!is_known) stack = &take_current();
  if (stack->tasks == 0) {
    out << "thrown outside of any task\n";
    return true;
  }
  // Where it was thrown is not known, this task runs.
  write_task(out << (is_known ? "thrown in " : "in "), *stack);
  write_stack(out, *stack);
  return true;
}

/// Everything. `what`: "terminate" or "abort". Once a process; a signal that nobody has asked for stays away.
void dump(std::string_view what) noexcept {
  const int error = errno;
  sigset_t pipe, before, pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  {
    last_words out(room, path, may_use_standard_error);
    out << "tasks: " << what << ": ";
    out.flush();
    if (!write_exception(out)) {
      const auto& stack = take_current();
      if (stack.tasks == 0) {
        out << "outside of any task\n";
      } else {
        write_task(out << "in ", stack);
        write_stack(out, stack);
      }
    }
  }
  constexpr timespec now{0, 0};
  if (sigismember(&pending, SIGPIPE) == 0) sigtimedwait(&pipe, nullptr, &now);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  dumped.store(process(), std::memory_order_release);
  errno = error;
}

[[noreturn]] void on_terminate() noexcept {
  if (is_first()) dump("terminate");
  if (previous_handler != nullptr) previous_handler();
  std::abort();
}

/// As the kernel would have called what was there before.
void call_previous(int signal, siginfo_t* info, void* context) noexcept {
  const auto flags = static_cast<unsigned>(previous_action.sa_flags);
  if ((flags & SA_RESETHAND) != 0) {
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    sigaction(signal, &usual, nullptr);
  }
  sigset_t one, before;
  sigemptyset(&one);
  if ((flags & SA_NODEFER) != 0 && sigismember(&previous_action.sa_mask, signal) == 0) sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, &before);
  if ((flags & SA_SIGINFO) != 0)
    previous_action.sa_sigaction(signal, info, context);
  else
    previous_action.sa_handler(signal);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// The process dies as it would have: by the action that was there before, or of the signal, which comes again when
/// this returns. abort() itself would see to that; kill(2) does not.
void on_abort(int signal, siginfo_t* info, void* context) noexcept {
  if (is_first()) dump("abort");
  // Whatever the flags say: the kernel leaves SA_SIGINFO where it has set SIG_DFL for SA_RESETHAND.
  if (previous_action.sa_handler != SIG_DFL) return call_previous(signal, info, context);
  sigaction(SIGABRT, &previous_action, nullptr);
  raise(SIGABRT);
}

/// At exit, and before this object is unloaded. Not what another handler has replaced meanwhile.
[[gnu::destructor]] void give_handlers_back() noexcept {
  if (!installed.load(std::memory_order_acquire)) return;
  if (std::get_terminate() == on_terminate) std::set_terminate(previous_handler);
  struct sigaction now {};
  if (sigaction(SIGABRT, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_abort)
    sigaction(SIGABRT, &previous_action, nullptr);
}

}  // namespace

void install_terminate_dump(const char* to) noexcept {
  if (installed.exchange(true, std::memory_order_acq_rel)) return;
  if (to != nullptr) std::strncpy(path, to, sizeof path - 1);
  may_use_standard_error = has_standard_error();
  take_exception_stacks();
  try {
    note_harmless();
  } catch (const std::bad_alloc&) {
    // No what() is called then.
  }
  previous_handler = std::set_terminate(on_terminate);
  if (sigaction(SIGABRT, nullptr, &previous_action) != 0 || previous_action.sa_handler == SIG_IGN) return;
  struct sigaction action = previous_action;
  action.sa_sigaction = on_abort;
  // Whatever is in a signal's mask stays so; the stack is the alternate one where there is one.
  action.sa_flags = (previous_action.sa_flags & SA_RESTART) | SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGABRT, &action, nullptr);
}

}  // namespace tasks::detail

namespace tasks {

void dump_on_terminate() noexcept {
  const char* wish = secure_getenv("TASKS_DUMP");
  detail::install_terminate_dump(wish != nullptr ? detail::parse_dump_options(wish).path : nullptr);
}

}  // namespace tasks
