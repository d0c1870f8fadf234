#include "server/arena.hpp"

#include "tasks/detail/writer.hpp"

#include <sys/mman.h>

#include <bit>
#include <new>

namespace tasks::detail {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t chunk = std::size_t{256} << 10;
/// Blocks that are larger have a mapping of their own, of which so many bytes are kept when they are free.
constexpr std::size_t largest_in_chunk = std::size_t{32} << 10;
constexpr std::size_t most_idle = std::size_t{4} << 20;
constexpr std::size_t smallest = 64;

constexpr std::size_t round_up(std::size_t size, std::size_t to) noexcept { return (size + to - 1) / to * to; }

}  // namespace

arena* own_arena = nullptr;

std::size_t arena::class_of(std::size_t size) noexcept {
  if (size <= smallest) return 0;
  const auto power = static_cast<std::size_t>(std::bit_width(size - 1)) - 1;  // of two, below size
  const auto quarter = (size - 1 - (std::size_t{1} << power)) >> (power - 2);
  return (power - 6) * 4 + quarter + 1;
}

std::size_t arena::class_size(std::size_t size_class) noexcept {
  if (size_class == 0) return smallest;
  const auto power = (size_class - 1) / 4 + 6;
  return (std::size_t{1} << power) + ((size_class - 1) % 4 + 1) * (std::size_t{1} << (power - 2));
}

arena::~arena() {
  while (mappings_ != nullptr) unmap(mappings_);
}

/// Whoever stops this thread finds the list whole.
void arena::set_newest(mapping* to) noexcept {
  mappings_ = to;
  this_root.agent_memory.store(to, std::memory_order_release);
}

arena::mapping* arena::map(std::size_t size) noexcept {
  if (size > most - mapped_) return nullptr;
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  auto* made = ::new (at) mapping{mappings_, nullptr, size, 0};
  if (mappings_ != nullptr) mappings_->previous = made;
  set_newest(made);
  mapped_ += size;
  return made;
}

void arena::unmap(mapping* of) noexcept {
  if (of->previous != nullptr)
    of->previous->next = of->next;
  else
    set_newest(of->next);
  if (of->next != nullptr) of->next->previous = of->previous;
  mapped_ -= of->size;
  munmap(of, of->size);
}

/// A block that was never used. Null: no memory.
arena::header* arena::carve(std::size_t size) noexcept {
  if (size > largest_in_chunk) {
    auto* own = map(round_up(sizeof(mapping) + size, page));
    return own == nullptr ? nullptr : reinterpret_cast<header*>(own + 1);
  }
  if (static_cast<std::size_t>(fresh_end_ - fresh_) < size) {
    auto* more = map(chunk);
    if (more == nullptr) return nullptr;
    fresh_ = reinterpret_cast<unsigned char*>(more + 1);
    fresh_end_ = reinterpret_cast<unsigned char*>(more) + chunk;
  }
  auto* block = reinterpret_cast<header*>(fresh_);
  fresh_ += size;
  return block;
}

void* arena::allocate(std::size_t size) noexcept {
  if (size > most) return nullptr;
  const auto size_class = class_of(size + sizeof(header));
  const auto whole = class_size(size_class);
  header* block = nullptr;
  if (free_block* first = free_[size_class]) {
    free_[size_class] = first->next;
    block = reinterpret_cast<header*>(first) - 1;
    if (whole > largest_in_chunk) idle_ -= whole;
  } else {
    block = carve(whole);
  }
  if (block == nullptr) return nullptr;
  *block = {this, size_class};
  return block + 1;
}

void arena::free(void* block) noexcept {
  auto* at = static_cast<header*>(block) - 1;
  at->home->give(at);
}

void arena::give(header* block) noexcept {
  const auto size_class = block->size_class;
  const auto size = class_size(size_class);
  if (size > largest_in_chunk) {
    if (idle_ + size > most_idle) return unmap(reinterpret_cast<mapping*>(block) - 1);
    idle_ += size;
  }
  auto* first = reinterpret_cast<free_block*>(block + 1);
  first->next = free_[size_class];
  free_[size_class] = first;
}

void arena::keep() noexcept {
  for (auto* each = mappings_; each != nullptr; each = each->next) each->kept = 1;
  kept_mapped_ = mapped_;
  drop();
}

void arena::drop() noexcept {
  for (auto* each = mappings_; each != nullptr;) {
    auto* next = each->next;
    if (each->kept == 0) unmap(each);
    each = next;
  }
  for (auto& first : free_) first = nullptr;
  idle_ = 0;
  fresh_ = fresh_end_ = nullptr;  // the rest of a chunk that is kept is left unused
}

#if defined(__GLIBCXX__)

namespace {

void* here[5];  ///< of attempt(): what __builtin_setjmp keeps

}  // namespace

[[gnu::noinline]] bool attempt(void (*what)(void*), void* context) noexcept {
  if (__builtin_setjmp(here) != 0) return false;
  what(context);
  return true;
}

[[gnu::noinline]] void give_up() noexcept { __builtin_longjmp(here, 1); }

#else

bool attempt(void (*what)(void*), void* context) noexcept {
  try {
    what(context);
    return true;
  } catch (...) {
    return false;
  }
}

#endif

}  // namespace tasks::detail

#if defined(__GLIBCXX__)

// Of the server's object alone, where they are local symbols: see server.cmake.
void* operator new(std::size_t size) {
  void* block = tasks::detail::own_arena->allocate(size);
  if (block == nullptr) tasks::detail::give_up();
  return block;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return tasks::detail::own_arena->allocate(size);
}
void operator delete(void* block) noexcept {
  if (block != nullptr) tasks::detail::arena::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { operator delete(block); }

namespace std {

void __throw_bad_alloc() { tasks::detail::give_up(); }
void __throw_bad_array_new_length() { tasks::detail::give_up(); }
void __throw_length_error(const char*) { tasks::detail::give_up(); }
void __throw_logic_error(const char*) { tasks::detail::give_up(); }
void __throw_out_of_range(const char*) { tasks::detail::give_up(); }
void __throw_out_of_range_fmt(const char*, ...) { tasks::detail::give_up(); }

}  // namespace std

#endif
