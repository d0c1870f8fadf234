#include "registry/spawn_stacks.hpp"

#include <pthread.h>
#include <unwind.h>

#include <mutex>
#include <new>
#include <unordered_map>

namespace tasks::detail {
namespace {

struct kept {
  std::uint64_t id;
  spawn_stack stack;
};
using kept_stacks = std::unordered_map<const layout::record*, kept>;

// Never destroyed: tasks may begin while the process ends.
constinit std::mutex lock;
constinit kept_stacks* stacks = nullptr;

struct walk {
  spawn_stack stack;
  std::size_t size;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* frame, void* context) {
  auto& to = *static_cast<walk*>(context);
  const auto address = _Unwind_GetIP(frame);
  if (to.size == to.stack.size() || address == 0) return _URC_END_OF_STACK;
  to.stack[to.size++] = address;
  return _URC_NO_REASON;
}

/// The child of a fork would wait for ever for a lock that another thread held.
void guard_against_fork() noexcept {
  static const auto registered = pthread_atfork([] { lock.lock(); }, [] { lock.unlock(); }, [] { lock.unlock(); });
  static_cast<void>(registered);
}

}  // namespace

void keep_spawn_stack(const layout::record& record, std::uint64_t id) noexcept {
  walk here{};
  _Unwind_Backtrace(add_frame, &here);
  guard_against_fork();
  try {
    const std::lock_guard hold(lock);
    if (stacks == nullptr) stacks = new kept_stacks;
    (*stacks)[&record] = {id, here.stack};
  } catch (const std::bad_alloc&) {  // its site is not known
  }
}

spawn_stack find_spawn_stack(const layout::record& record, std::uint64_t id) noexcept {
  const std::lock_guard hold(lock);
  if (stacks == nullptr) return {};
  const auto found = stacks->find(&record);
  return found != stacks->end() && found->second.id == id ? found->second.stack : spawn_stack{};
}

void forget_spawn_stacks() noexcept {
  const std::lock_guard hold(lock);
  delete stacks;
  stacks = nullptr;
}

}  // namespace tasks::detail
