#include "registry/process_roots.hpp"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>

#include "registry/forks.hpp"
#include "registry/registry.hpp"

namespace tasks::detail {
namespace {

/// Held around dl_iterate_phdr, see guard_roots_against_fork(). No code of the host's runs under it.
constinit process_lock looking;

using known_list = std::array<std::atomic<layout::registry*>, max_registries>;

/// Grows only: those behind the first null are null. Filled by this object and, through root::known, by others: release
/// and acquire, so that who finds one sees what is in it.
constinit known_list known{};

void add_to(std::atomic<layout::registry*>* list, layout::registry* found) noexcept {
  if (list == nullptr || found == nullptr) return;
  for (std::size_t i = 0; i < max_registries; ++i) {
    // What is there is not written again: others read it without a lock.
    auto* there = list[i].load(std::memory_order_acquire);
    if (there == nullptr && list[i].compare_exchange_strong(there, found, std::memory_order_acq_rel)) return;
    if (there == found) return;
  }
}

bool usable(const layout::root& root) noexcept {
  return root.magic == layout::root_magic && root.layout == layout::version && root.size == sizeof(layout::root) &&
         root.record_bytes == layout::record_size &&
         root.pid.load(std::memory_order_acquire) == static_cast<std::uint32_t>(getpid());
}

/// The root that the note segment [at, end) describes, or null.
layout::root* root_of(std::uintptr_t at, std::uintptr_t end) noexcept {
  static constexpr char owner[] = "tasks";
  constexpr auto pad = [](std::uintptr_t size) { return (size + 3) & ~std::uintptr_t{3}; };
  while (at < end && end - at >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, reinterpret_cast<const void*>(at), sizeof header);
    const auto name = at + sizeof header;
    if (end - name < pad(header.n_namesz)) return nullptr;
    const auto descriptor = name + pad(header.n_namesz);
    if (end - descriptor < header.n_descsz) return nullptr;
    layout::note_descriptor note;
    if (header.n_type == layout::note_type && header.n_namesz == sizeof owner && header.n_descsz == sizeof note &&
        std::memcmp(reinterpret_cast<const void*>(name), owner, sizeof owner) == 0) {
      std::memcpy(&note, reinterpret_cast<const void*>(descriptor), sizeof note);
      if (note.layout != layout::version || note.size != sizeof(layout::root)) return nullptr;
      const auto field = descriptor + offsetof(layout::note_descriptor, root_offset);
      return reinterpret_cast<layout::root*>(field + static_cast<std::uintptr_t>(note.root_offset));
    }
    at = descriptor + pad(header.n_descsz);
  }
  return nullptr;
}

/// Calls `visit(root)` for each root in the process, this object's included.
template <class Visit>
void for_each_root(Visit visit) noexcept {
  const auto each_object = [](dl_phdr_info* object, std::size_t, void* context) -> int {
    for (ElfW(Half) i = 0; i < object->dlpi_phnum; ++i) {
      const auto& segment = object->dlpi_phdr[i];
      if (segment.p_type != PT_NOTE || segment.p_align > 4) continue;
      const auto begin = static_cast<std::uintptr_t>(object->dlpi_addr + segment.p_vaddr);
      if (auto* root = root_of(begin, begin + segment.p_memsz); root != nullptr && usable(*root))
        (*static_cast<Visit*>(context))(*root);
    }
    return 0;
  };
  dl_iterate_phdr(each_object, &visit);
}

}  // namespace

std::span<layout::registry* const> known_registries() noexcept {
  std::size_t count = 0;
  while (count < known.size() && known[count].load(std::memory_order_acquire) != nullptr) ++count;
  // Once stored they are never stored again.
  static_assert(sizeof(known[0]) == sizeof(layout::registry*) && known_list::value_type::is_always_lock_free);
  return {reinterpret_cast<layout::registry* const*>(known.data()), count};
}

void make_registries_known() noexcept {
  auto* own = this_root.records.load(std::memory_order_acquire);
  add_to(known.data(), own);
  this_root.known.store(known.data(), std::memory_order_release);
  const std::lock_guard hold(looking);
  for_each_root([own](layout::root& root) {
    if (&root == &this_root) return;
    // Whoever comes second sees the other: each publishes its registry before it looks.
    add_to(known.data(), root.records.load(std::memory_order_seq_cst));
    add_to(root.known.load(std::memory_order_acquire), own);
  });
}

std::span<layout::registry* const> find_registries() noexcept {
  make_registries_known();
  return known_registries();
}

layout::registry* adopt_registry() noexcept {
  layout::registry* found = nullptr;
  const std::lock_guard hold(looking);
  for_each_root([&found](layout::root& root) {
    auto* list = root.known.load(std::memory_order_acquire);
    for (std::size_t i = 0; list != nullptr && found == nullptr && i < max_registries; ++i) {
      auto* there = list[i].load(std::memory_order_acquire);
      if (there == nullptr) return;
      std::uint64_t abandoned = 1;
      if (there->abandoned.compare_exchange_strong(abandoned, 0, std::memory_order_acq_rel)) found = there;
    }
  });
  return found;
}

void store_ticks(std::uint64_t tick, std::uint32_t resolution) noexcept {
  this_root.tick_resolution.store(resolution, std::memory_order_release);
  this_root.tick.store(tick, std::memory_order_release);
  for (auto* home : known_registries()) home->tick.store(tick, std::memory_order_release);
}

void store_timing(layout::timing_area* area) noexcept {
  for (auto* home : known_registries()) home->timing.store(area, std::memory_order_seq_cst);
  this_root.timing.store(area, std::memory_order_seq_cst);
  if (area != nullptr) this_root.tick.store(0, std::memory_order_release);
}

namespace {

/// Is the agent of another object in a state that is asked for?
template <class Asked>
bool another_agent_is(Asked asked) noexcept {
  bool found = false;
  const std::lock_guard hold(looking);
  for_each_root([&](layout::root& root) {
    if (&root == &this_root) return;
    found = found || asked(static_cast<layout::agent_status>(root.agent.load(std::memory_order_acquire)));
  });
  return found;
}

}  // namespace

bool another_agent_serves() noexcept {
  return another_agent_is([](layout::agent_status status) { return status == layout::agent_status::listening; });
}

bool another_agent_dumps() noexcept {
  return another_agent_is([](layout::agent_status status) {
    return status != layout::agent_status::absent && status != layout::agent_status::served_elsewhere;
  });
}

void guard_roots_against_fork() noexcept {
  static constinit std::atomic<bool> registered{false};
  if (registered.exchange(true, std::memory_order_relaxed)) return;
  constexpr auto let_go = []() noexcept { looking.unlock(); };
  at_fork([]() noexcept { looking.lock(); }, let_go, let_go);
}

}  // namespace tasks::detail
