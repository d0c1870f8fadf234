#include "registry/timing.hpp"

#include <bit>

#include "registry/registry.hpp"

#if defined(__x86_64__)
#  include <cpuid.h>
#endif

namespace tasks::detail {
namespace {

using layout::ended_timing;
using layout::timing_area;
using layout::timing_record;

constexpr auto relaxed = std::memory_order_relaxed;

/// Where timing_records are counted. Set where the first one is made, while tasks are timed.
constinit std::atomic<timing_area*> counted_in{nullptr};

/// While one exists its word's version is odd, and readers throw their copies away.
class rewriting {
 public:
  explicit rewriting(timing_record& times) noexcept : times_(times), word_(load(times.word) + layout::one_version) {
    store(times_.word, word_);
  }
  ~rewriting() { store(times_.word, word_ + layout::one_version); }
  rewriting(const rewriting&) = delete;
  rewriting& operator=(const rewriting&) = delete;

 private:
  timing_record& times_;
  std::uint64_t word_;
};

/// By its only writer.
[[gnu::always_inline]] inline void add(layout::durations& to, std::uint64_t ns) noexcept {
  store(to.count, load(to.count) + 1);
  store(to.total, load(to.total) + ns);
  if (ns > load(to.longest)) store(to.longest, ns);
  auto& bucket = to.buckets[timing_bucket(ns)];
  bucket.store(bucket.load(relaxed) + 1, std::memory_order_release);
}

void clear(layout::durations& of) noexcept {
  store(of.count, 0);
  store(of.total, 0);
  store(of.longest, 0);
  for (auto& bucket : of.buckets) bucket.store(0, std::memory_order_release);
}

/// By several threads at once.
void add_shared(layout::durations& to, const layout::durations& from) noexcept {
  to.count.fetch_add(load(from.count), relaxed);
  to.total.fetch_add(load(from.total), relaxed);
  auto longest = load(to.longest);
  while (longest < load(from.longest) && !to.longest.compare_exchange_weak(longest, load(from.longest), relaxed)) {
  }
  for (std::size_t i = 0; i < layout::timing_buckets; ++i)
    if (const auto count = from.buckets[i].load(relaxed)) to.buckets[i].fetch_add(count, relaxed);
}

/// Begins anew what is of an earlier generation.
[[gnu::noinline]] void clear_times(timing_record& times, std::uint64_t generation) noexcept {
  const rewriting now(times);
  store(times.resumed, 0);
  store(times.waiting, 0);
  clear(times.runs);
  clear(times.delays);
  store(times.generation, generation);
}
void renew(timing_record& times, std::uint64_t generation) noexcept {
  if (load(times.generation) != generation) [[unlikely]]
    clear_times(times, generation);
}

[[gnu::noinline]] timing_record* make_times(record& r, timing_area& area) noexcept {
  if (load(r.id) == 0) return nullptr;  // `nowhere`
  record* fresh = nullptr;
  if (load(area.records) < timing_area::most_records) fresh = take_free_record();
  if (fresh == nullptr) {
    area.left_out.fetch_add(1, relaxed);
    return nullptr;
  }
  area.records.fetch_add(1, relaxed);
  counted_in.store(&area, relaxed);
  auto* times = reinterpret_cast<timing_record*>(fresh);
  times->owner = &r;
  store(times->owner_id, load(r.id));
  store(times->next, load(r.annotations));
  do {
    store(times->word, next_word(load(times->word), record_state::timing, 0));
  } while ((load(times->word) & layout::one_version) != 0);
  clear_times(*times, load(area.generation));
  store(r.annotations, address(times));
  return times;
}

/// The task's. Null: there is no place for them.
[[gnu::always_inline]] inline timing_record* times_of(record& r, timing_area& area) noexcept {
  for (auto at = load(r.annotations); at != 0;) {
    auto* times = reinterpret_cast<timing_record*>(at);
    if (layout::state_of(load(times->word)) == record_state::timing) {
      renew(*times, load(area.generation));
      return times;
    }
    at = load(times->next);
  }
  return make_times(r, area);
}

/// When a timer's task became ready, as a stamp; 0: not known.
[[gnu::noinline]] std::uint64_t expired_since(const record& r, const timing_record& times, const timing_area& area,
                                              std::uint64_t stamp) noexcept {
  if (layout::detail_of(load(r.wait)) != layout::detail_kind::steady_expiry || load(times.waiting) == 0) return 0;
  const auto now = load(area.base) + stamp_ns(area, stamp - load(area.base_stamp));
  const auto expiry = load(r.detail);
  if (expiry > now || now - expiry > stamp_ns(area, stamp - load(times.waiting))) return 0;
  // In stamps: what has passed since is less than the wait.
  return stamp - static_cast<std::uint64_t>(static_cast<double>(now - expiry) / static_cast<double>(load(area.scale)) *
                                            4294967296.0);
}

/// When a task that is resumed now became ready, as a stamp; 0: not known. Its word and wait are those of its wait yet.
[[gnu::always_inline]] inline std::uint64_t ready_since(const record& r, const timing_record& times,
                                                        const timing_area& area, std::uint64_t stamp) noexcept {
  const auto state = layout::state_of(load(r.word));
  if (state == record_state::ready) return load(times.waiting);
  if (state != record_state::blocked) return 0;
  const auto kind = layout::kind_of(load(r.wait));
  if (kind == layout::wait_kind::post) return load(times.waiting);
  return kind == layout::wait_kind::timer ? expired_since(r, times, area, stamp) : 0;
}

std::uint64_t since(const timing_area& area, std::uint64_t begin, std::uint64_t end) noexcept {
  return end > begin ? stamp_ns(area, end - begin) : 0;  // processors' counters may differ a little
}

/// Takes the entry of `key`, or another one's of the same function and path. Null: there are too many.
ended_timing* ended_entry(timing_area& area, const record& r) noexcept {
  const auto where = load(r.stack[1].where);
  const auto path = load(r.spawn_path);
  const auto key = (std::rotl(where * 0x9e37'79b9'7f4a'7c15u, 29) ^ path) * 0x9e37'79b9'7f4a'7c15u | 1;
  auto& table = area.ended[load(area.generation) % 2];
  for (std::size_t i = 0; i < timing_area::ended_entries; ++i) {
    auto& at = table[((key >> 32) + i) % timing_area::ended_entries];
    std::uint64_t found = load(at.key);
    if (found == 0 && at.key.compare_exchange_strong(found, key, relaxed)) found = key;
    if (found != key) continue;
    store(at.spawn_path, path);
    store(at.where, where);
    return &at;
  }
  return nullptr;
}

}  // namespace

bool counter_is_steady() noexcept {
#if defined(__x86_64__)
  // AMD64 Architecture Programmer's Manual, volume 3, and Intel's SDM, volume 3: CPUID Fn8000_0007_EDX[8], invariant
  // TSC.
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(0x8000'0007, &a, &b, &c, &d) != 0 && (d >> 8 & 1) != 0;
#elif defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

std::uint64_t note_resumed(record* r) noexcept {
  timing_area* area = current_area();
  if (area == nullptr) return coarse_clock();
  if (timing_record* times = times_of(*r, *area)) {
    const auto stamp = read_stamp(*area);
    if (const auto ready = ready_since(*r, *times, *area, stamp)) {
      const rewriting now(*times);
      add(times->delays, since(*area, ready, stamp));
    }
    store(times->waiting, 0);
    store(times->resumed, stamp);
  }
  if (layout::thread_slot* slot = this_thread.slot) store(slot->runs, address(r));
  return load(area->tick);
}

std::uint64_t note_waiting(record* r) noexcept {
  timing_area* area = current_area();
  if (area == nullptr) return coarse_clock();
  if (timing_record* times = times_of(*r, *area)) {
    const auto stamp = read_stamp(*area);
    const rewriting now(*times);
    if (const auto resumed = load(times->resumed)) add(times->runs, since(*area, resumed, stamp));
    store(times->resumed, 0);
    store(times->waiting, stamp);
  }
  return load(area->tick);
}

void note_spawned(record& r) noexcept {
  timing_area* area = current_area();
  if (area == nullptr) return;
  if (timing_record* times = times_of(r, *area)) {
    const rewriting now(*times);
    store(times->waiting, read_stamp(*area));
  }
}

void note_ended(const record& r, timing_record& times) noexcept {
  if (timing_area* counted = counted_in.load(relaxed)) counted->records.fetch_sub(1, relaxed);
  timing_area* area = current_area();
  if (area == nullptr || load(times.generation) != load(area->generation)) return;
  if (const auto resumed = load(times.resumed)) {
    const rewriting now(times);
    add(times.runs, since(*area, resumed, read_stamp(*area)));
    store(times.resumed, 0);
  }
  if (load(times.runs.count) == 0) return;  // destroyed before it ran: it has entered no function
  if (ended_timing* to = ended_entry(*area, r)) {
    add_shared(to->runs, times.runs);
    add_shared(to->delays, times.delays);
    to->tasks.fetch_add(1, std::memory_order_release);
  } else {
    area->ended_left_out.fetch_add(1, relaxed);
  }
}

}  // namespace tasks::detail
