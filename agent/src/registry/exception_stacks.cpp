#include "registry/exception_stacks.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <typeinfo>

#include "tasks/exceptions.hpp"

// Weak: so that nobody needs libdl where that is a library of its own, and no static program has a loader.
extern "C" {
#pragma weak dladdr1
#pragma weak dlsym
}

namespace tasks::detail {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;

/// What lies in front of an exception object: the Itanium C++ ABI for exceptions, 2.2.1, as libstdc++ and libc++abi
/// have it for 64 bits. Only what follows the last of their differences is touched.
struct exception_header {
  std::type_info* type;
  destructor destroy;
  void (*unexpected)();
  void (*terminate)();
  void* next;
  int handlers;
  int switch_value;
  const void* action;
  const void* language_data;
  void* catch_temporary;
  void* adjusted;
  alignas(16) unsigned char unwinding[32];  // _Unwind_Exception
};
static_assert(sizeof(exception_header) == 112);

/// Written by several threads at a time: by __atomic functions, since libc++ 16 has no std::atomic_ref.
destructor* destructor_of(void* object) noexcept {
  return &reinterpret_cast<exception_header*>(static_cast<unsigned char*>(object) - sizeof(exception_header))->destroy;
}

/// A place of the table. Its key is stored last, and cleared first; nobody who has the exception can see it change.
struct slot {
  std::atomic<std::uint64_t> key;  ///< 0: free; taken: about to be written; else the exception object
  destructor own;
  exception_stack known;
};
constexpr std::uint64_t taken = 1;
constexpr std::size_t window = 32;  ///< places that an exception may have: from that of its address on

constinit std::atomic<slot*> table{nullptr};  ///< most_exception_stacks of them; never unmapped
constinit thread_local bool is_looking [[gnu::tls_model("initial-exec")]] = false;

template <class Visit>
slot* first_of(slot* slots, const void* object, Visit visit) noexcept {
  const auto at = static_cast<std::size_t>(address(object) / 16 * 0x9e37'79b9'7f4a'7c15 >> 32);
  for (std::size_t i = 0; i < window; ++i) {
    auto& each = slots[(at + i) % most_exception_stacks];
    if (visit(each)) return &each;
  }
  return nullptr;
}

slot* find(const void* object) noexcept {
  slot* slots = table.load(acquire);
  if (slots == nullptr || object == nullptr) return nullptr;
  return first_of(slots, object, [=](slot& each) { return each.key.load(acquire) == address(object); });
}

void forget_exception(void* object) noexcept {
  slot* known = find(object);
  if (known == nullptr) return;
  const auto own = known->own;
  known->key.store(0, release);
  if (own != nullptr) own(object);
}

/// `is_stale`: may a place be taken over that is already this exception's?
template <class IsStale>
slot* take_slot(const void* object, IsStale is_stale) noexcept {
  slot* slots = table.load(acquire);
  if (slots == nullptr) return nullptr;
  return first_of(slots, object, [=](slot& each) {
    auto key = each.key.load(acquire);
    if (key != 0 && (key != address(object) || !is_stale())) return false;
    return each.key.compare_exchange_strong(key, taken, acquire, relaxed);
  });
}

/// Writes a taken place, if a task runs here. False: none does.
bool fill(slot& to, innermost what, std::uint64_t place) noexcept {
  take_stack(to.known.stack, what, place);
  to.known.message[0] = 0;
  return to.known.stack.tasks != 0;
}

/// Exceptions outlive a plugin that took their stacks, and the last who has one calls forget_exception(): from now on
/// this object stays, whoever closes it. The executable does anyway; a static one has none of these functions.
void stay_loaded() noexcept {
  if (dladdr1 == nullptr || dlsym == nullptr) return;
  Dl_info info{};
  void* extra = nullptr;
  if (dladdr1(&table, &info, &extra, RTLD_DL_LINKMAP) == 0 || extra == nullptr) return;
  // By the name that the linker knows it by, which it compares before it looks at files.
  const char* name = static_cast<const link_map*>(extra)->l_name;
  if (name == nullptr || *name == 0) return;
  // Not by its own name, of which the linker warns in static programs.
  if (auto* const open = reinterpret_cast<decltype(&dlopen)>(dlsym(RTLD_DEFAULT, "dlopen")); open != nullptr)
    static_cast<void>(open(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE));
}

/// Is any task's to be expected here at all? Most exceptions that nobody wants to know of end here.
bool may_take() noexcept { return takes_exception_stacks() && !is_looking && this_thread.current != nullptr; }

}  // namespace

bool take_exception_stacks() noexcept {
  if (takes_exception_stacks()) return true;
  constexpr auto size = most_exception_stacks * sizeof(slot);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  stay_loaded();
  slot* none = nullptr;
  if (!table.compare_exchange_strong(none, static_cast<slot*>(memory), release, relaxed)) munmap(memory, size);
  return true;
}

bool takes_exception_stacks() noexcept { return table.load(relaxed) != nullptr; }

destructor note_thrown(void* object, destructor own, std::uint64_t code) noexcept {
  if (!may_take()) return own;
  // One of the same address that was never destroyed (its thread was cancelled, a longjmp) leaves its place to this
  // one.
  slot* to = take_slot(object, [] { return true; });
  if (to == nullptr) return own;
  if (!fill(*to, innermost::has_place, ~code)) {
    to->key.store(0, release);
    return own;
  }
  to->own = own;
  to->key.store(address(object), release);
  return forget_exception;
}

void note_rethrown(void* object, innermost what) noexcept {
  if (!may_take() || object == nullptr) return;
  destructor* const destroy = destructor_of(object);
  auto own = __atomic_load_n(destroy, __ATOMIC_ACQUIRE);
  if (own == forget_exception) return;
  // Of several threads that throw it at the same time one has its stack taken: who exchanges the destructor. Its key is
  // stored after that, so who sees the key sees the destructor, and that it is no remains of another exception.
  slot* to = take_slot(object, [=] { return __atomic_load_n(destroy, __ATOMIC_ACQUIRE) != forget_exception; });
  if (to == nullptr) return;
  if (!fill(*to, what, 0)) return to->key.store(0, release);
  to->own = own;
  destructor ours = forget_exception;
  const bool first = __atomic_compare_exchange(destroy, &own, &ours, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  to->key.store(first ? address(object) : 0, release);
}

void note_current_exception() noexcept {
  // Not C++'s: a thread that is being cancelled unwinds.
  if (!may_take() || abi::__cxa_current_exception_type() == nullptr) return;
  note_rethrown(object_of(std::current_exception()), innermost::went_on);
}

void note_current_message(const char* text) noexcept {
  if (is_looking || abi::__cxa_current_exception_type() == nullptr) return;
  slot* known = find(object_of(std::current_exception()));
  // Once: another thread may read it.
  if (known == nullptr || known->known.message[0] != 0) return;
  const auto size = strnlen(text, exception_message - 1);
  std::memcpy(known->known.message, text, size);
  known->known.message[size] = 0;
}

const exception_stack* find_exception_stack(const void* object) noexcept {
  const slot* known = find(object);
  return known == nullptr ? nullptr : &known->known;
}

void* object_of(const std::exception_ptr& exception) noexcept {
  void* object = nullptr;
  static_assert(sizeof exception == sizeof object);
  std::memcpy(&object, static_cast<const void*>(&exception), sizeof object);
  return object;
}

namespace {

/// A class that was compiled with -fno-rtti has none: the Itanium C++ ABI, 2.5.2, "typeinfo pointer". dynamic_cast to
/// another class, and typeid, would follow it.
bool has_type(const std::exception& of) noexcept {
  const void* const* functions = nullptr;
  std::memcpy(&functions, static_cast<const void*>(&of), sizeof functions);
  return functions[-1] != nullptr;
}

}  // namespace

looking_at_exception::looking_at_exception() noexcept { is_looking = true; }
looking_at_exception::~looking_at_exception() { is_looking = false; }

}  // namespace tasks::detail

namespace tasks {

carries_stack::~carries_stack() = default;

async_stacktrace stack_of(const std::exception_ptr& exception) noexcept {
  if (exception == nullptr) return {};
  // What it was made with comes first: there the line of the throw is known.
  const detail::looking_at_exception look;
  try {
    std::rethrow_exception(exception);
  } catch (const carries_stack& e) {
    return e.stack();
  } catch (...) {
    const auto* known = detail::find_exception_stack(detail::object_of(exception));
    return known == nullptr ? async_stacktrace() : async_stacktrace(known->stack);
  }
}

async_stacktrace stack_of(const std::exception& exception) noexcept {
  if (detail::has_type(exception))
    if (const auto* e = dynamic_cast<const carries_stack*>(&exception)) return e->stack();
  const auto* known = detail::find_exception_stack(dynamic_cast<const void*>(&exception));
  return known == nullptr ? async_stacktrace() : async_stacktrace(known->stack);
}

}  // namespace tasks
