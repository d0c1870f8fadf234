#include "picture/glibc_heap.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "picture/glibc_arena.hpp"

namespace tasks::cli {
namespace {

/// How far behind a program's own use of brk(2), or an arena's malloc_state, the first chunk is looked for.
constexpr std::uint64_t furthest_first_chunk = 64 * 1024;
/// A random word is hardly ever smaller, an address always.
constexpr std::uint64_t random_key = std::uint64_t{1} << 47;

/// What every heap but the main arena's begins with.
struct heap_info {
  std::uint64_t address, arena, previous, size;
};

std::optional<heap_info> heap_info_at(const memory_image& image, const memory_area& area, std::uint64_t address) {
  const heap_info heap{address, image.word(address), image.word(address + 8), image.word(address + 16)};
  if (heap.size < page_size || heap.size % page_size != 0 || heap.size > std::min(heap_alignment, area.end - address))
    return std::nullopt;
  // The malloc_state follows the heap_info of the arena's first heap.
  const auto offset = heap.arena % heap_alignment;
  if (offset < 32 || offset > 256 || offset % 16 != 0) return std::nullopt;
  if (heap.previous % heap_alignment != 0 || (heap.previous == 0) != (heap.arena - offset == address))
    return std::nullopt;
  return heap;
}

class finder {
 public:
  finder(const memory_image& image, const std::vector<thread_registers>& threads, heap_map& heap)
      : image_(image), threads_(threads), heap_(heap) {}

  glibc_heaps find() {
    find_main_arena();
    find_other_arenas();
    find_mapped();
    if (!heap_.seal()) {
      heap_ = {};
      if (!heap_.seal()) return {};
      return {.arenas = 0, .refused = found_.arenas + found_.refused, .mapped = 0};
    }
    for (const auto& arena : arenas_) free_fast_bins(arena);
    free_caches();
    return std::move(found_);
  }

 private:
  /// Anonymous memory that ends with the chunk at `top`.
  const memory_area* area_with_top(std::uint64_t top) const {
    if (top % 16 != 0) return nullptr;
    const auto* area = image_.area_of(top);
    if (area == nullptr || !area->is_anonymous() || !area->writable || area->shared) return nullptr;
    const auto head = head_at(image_, top);
    return head.size >= smallest_chunk && head.size % 16 == 0 && top + head.size == area->end &&
                   (head.flags & ~chunk_head::previous_in_use) == 0
               ? area
               : nullptr;
  }

  void find_main_arena() {
    for (const auto& module : image_.areas()) {
      if (!module.is_file() || !module.writable) continue;
      for (auto at = module.copied.begin; at + 8 <= module.copied.end; at += 8) {
        std::uint64_t top;
        std::memcpy(&top, module.bytes + (at - module.copied.begin), sizeof top);
        if (top == 0) continue;
        const auto* area = area_with_top(top);
        if (area == nullptr) continue;
        const auto arena = arena_with_top_at(image_, at);
        if (!arena) continue;
        // Where a program itself has used brk(2), the first chunk comes later.
        for (auto begin = area->begin; begin < std::min(area->begin + furthest_first_chunk, top + 1); begin += 16) {
          auto walk = walk_chunks(image_, {begin, area->end}, top, true);
          if (!walk) continue;
          accept(*arena, std::move(*walk), begin != area->begin);
          found_.walked.push_back({arena->address, top, true, {{begin, area->end}}});
          ++found_.arenas;
          return;
        }
        ++found_.refused;
        return;
      }
    }
  }

  void find_other_arenas() {
    std::map<std::uint64_t, std::vector<heap_info>> heaps;
    // Each begins with what malloc has written there.
    for (const auto& run : image_.runs()) {
      const auto* area = image_.area_of(run.begin);
      if (area == nullptr || !area->is_anonymous() || !area->writable || area->shared) continue;
      for (auto at = (run.begin + heap_alignment - 1) / heap_alignment * heap_alignment; at < run.end;
           at += heap_alignment)
        if (const auto heap = heap_info_at(image_, *area, at)) heaps[heap->arena].push_back(*heap);
    }
    for (const auto& [arena, all] : heaps) {
      if (walk_arena(arena, all))
        ++found_.arenas;
      else
        ++found_.refused;
    }
  }

  bool walk_arena(std::uint64_t address, const std::vector<heap_info>& heaps) {
    const auto arena = arena_with_top_at(image_, address + 96);
    if (!arena) return false;
    const auto info_size = address % heap_alignment;
    std::vector<std::pair<chunk_walk, bool>> walks;
    bool has_top = false, has_first = false;
    for (const auto& heap : heaps) {
      const range whole{heap.address, heap.address + heap.size};
      const bool first = heap.previous == 0;
      has_first |= first;
      has_top |= whole.contains(arena->top);
      if (!first && std::none_of(heaps.begin(), heaps.end(),
                                 [&](const heap_info& other) { return other.address == heap.previous; }))
        return false;
      const auto begin = first ? arena->bins + 8 * arena_state::bin_words : heap.address + info_size;
      const auto last = first ? begin + 256 : begin;
      std::optional<chunk_walk> walk;
      for (auto at = (begin + 15) / 16 * 16; at <= last && !walk; at += 16)
        walk = walk_chunks(image_, {at, whole.end}, arena->top, false);
      if (!walk) return false;
      walks.emplace_back(std::move(*walk), first);
    }
    if (!has_first || !has_top) return false;
    for (auto& [walk, first] : walks) accept(*arena, std::move(walk), first);
    auto& walked = found_.walked.emplace_back(glibc_arena{arena->address, arena->top, false, {}});
    for (const auto& heap : heaps) walked.heaps.push_back({heap.address, heap.address + heap.size});
    return true;
  }

  /// The first chunk is given to the roots where it may be no chunk at all.
  void accept(const arena_state& arena, chunk_walk walk, bool doubt_first) {
    if (doubt_first && walk.starts.size() > 1 && !is_cache_size(head_at(image_, walk.chunks.begin).size)) {
      const auto skip = walk.starts[1];
      walk.starts.erase(walk.starts.begin());
      walk.free.erase(walk.free.begin());
      for (auto& start : walk.starts) start -= skip;
      walk.chunks.begin += skip * std::uint64_t{16};
    }
    heap_.add_segment(walk.chunks, std::move(walk.starts), walk.free);
    if (arenas_.empty() || arenas_.back().address != arena.address) arenas_.push_back(arena);
  }

  /// Large allocations lie at the begin of a mapping, one after the other. The kernel makes one mapping of them and of
  /// what lay there before.
  void find_mapped() {
    std::uint64_t end = 0;  // of what was found
    for (const auto& region : image_.regions()) {
      const auto* area = image_.area_of(region.begin);
      if (region.begin < end || area == nullptr || area->path == "[heap]") continue;
      if (!area->is_anonymous() || !area->writable || area->shared) continue;
      for (end = region.begin; is_mapped_chunk(end, area->end); ++found_.mapped) {
        const range chunk{end, end + head_at(image_, end).size};
        heap_.add_segment(chunk, {0}, {false});
        end = chunk.end;
      }
    }
  }

  /// Whole pages with nothing in front of them; random words are hardly ever that.
  bool is_mapped_chunk(std::uint64_t at, std::uint64_t area_end) const {
    if (at >= area_end) return false;
    const auto head = head_at(image_, at);
    return head.flags == chunk_head::mapped && head.previous_size == 0 && head.size >= page_size &&
           head.size % page_size == 0 && head.size <= area_end - at;
  }

  void free_fast_bins(const arena_state& arena) {
    // Following these would mark whatever lies in front of a free chunk.
    for (std::uint64_t i = 0; i < arena_state::bin_words; ++i) found_.links.push_back(arena.bins + 8 * i);
    found_.links.push_back(arena.bins - 16);  // the top
    found_.links.push_back(arena.bins - 8);   // the last remainder
    for (std::size_t i = 0; i < arena_state::fast_count; ++i) {
      const auto bin = arena.fast_bins + 8 * i;
      for (const bool mangled : {true, false}) {
        const auto chunks = list(image_.word(bin), 16, smallest_chunk + 16 * i, mangled, 0);
        if (!chunks) continue;
        for (const auto o : *chunks) heap_.set_free(o);
        found_.fast.insert(found_.fast.end(), chunks->begin(), chunks->end());
        found_.links.push_back(bin);
        break;
      }
    }
  }

  /// The chunks of a list of free ones that are marked as in use, as fast bins and caches have them. Nothing if one of
  /// them is no such chunk. A link lies `link_offset` behind where links point, the header `to_header` before that.
  std::optional<std::vector<heap_map::object>> list(std::uint64_t first, std::uint64_t link_offset, std::uint64_t size,
                                                    bool mangled, std::uint64_t to_header) const {
    std::vector<heap_map::object> found;
    for (auto at = first; at != 0;) {
      const auto chunk = at - to_header;
      const auto o = chunk % 16 == 0 ? heap_.at_header(chunk) : heap_map::none;
      if (o == heap_map::none || heap_.is_free(o) || head_at(image_, chunk).size != size || found.size() > heap_.size())
        return std::nullopt;
      found.push_back(o);
      at = reveal(at + link_offset, image_.word(at + link_offset), mangled);
    }
    return found;
  }

  /// tcache_perthread_struct: 64 counts of two bytes, then 64 lists.
  static constexpr std::uint64_t cache_bins = 64, cache_lists = 2 * cache_bins;
  static constexpr bool is_cache_size(std::uint64_t chunk) { return chunk == 16 + cache_lists + 8 * cache_bins; }

  void free_caches() {
    std::vector<heap_map::object> free;
    for (heap_map::object o = 0; o < heap_.size(); ++o) {
      if (heap_.is_free(o)) continue;
      const auto cache = heap_.extent(o);
      if (!is_cache_size(cache.end - cache.begin + 8)) continue;
      for (const bool mangled : {true, false}) {
        const auto chunks = chunks_of_cache(cache.begin, mangled);
        if (!chunks) continue;
        free.insert(free.end(), chunks->begin(), chunks->end());
        break;
      }
    }
    for (const auto o : free) heap_.set_free(o);
    found_.cached = std::move(free);
  }

  /// Is this what glibc writes into the chunks of its caches? Since 2.34 a random word that lies in its data; before
  /// that the cache's own address, which a program's own lists may hold as well: then the thread must know the cache
  /// too.
  bool is_key(std::uint64_t key, std::uint64_t cache) const {
    if (key == cache) return is_before_random_keys() && is_thread_local(cache);
    return std::find(random_words_.begin(), random_words_.end(), key) != random_words_.end() || is_in_libc_data(key);
  }

  static bool is_libc(const memory_area& area) {
    const auto name = base_name(area.path);
    return name.starts_with("libc.so.6") || name.starts_with("libc-2.");
  }

  /// libc-2.29.so to libc-2.33.so; since then libc.so.6 is the file itself.
  bool is_before_random_keys() const {
    return std::any_of(image_.areas().begin(), image_.areas().end(), [](const memory_area& area) {
      const auto name = base_name(area.path);
      return name == "libc-2.29.so" || name == "libc-2.30.so" || name == "libc-2.31.so" || name == "libc-2.32.so" ||
             name == "libc-2.33.so";
    });
  }

  bool is_thread_local(std::uint64_t word) const {
    constexpr std::uint64_t furthest = 4096;
    return std::any_of(threads_.begin(), threads_.end(), [&](const thread_registers& thread) {
      const auto storage = storage_at(thread.thread_pointer, furthest);
      for (auto at = storage.begin; at < storage.end; at += 8)
        if (image_.word(at) == word) return true;
      return false;
    });
  }

  /// In the data of libc, or of a program that has libc in itself; no address.
  bool is_in_libc_data(std::uint64_t key) const {
    if (key < random_key) return false;
    const bool any_libc = std::any_of(image_.areas().begin(), image_.areas().end(), is_libc);
    const memory_area* file = nullptr;  // whose zeros follow it
    for (const auto& area : image_.areas()) {
      const bool follows = file != nullptr && area.is_anonymous() && file->end == area.begin;
      if (area.is_file()) file = &area;
      const bool its = area.is_file() ? !any_libc || is_libc(area) : follows && (!any_libc || is_libc(*file));
      if (!its || !area.writable) continue;
      for (auto at = area.copied.begin; at + 8 <= area.copied.end; at += 8) {
        if (image_.word(at) != key) continue;
        random_words_.push_back(key);
        return true;
      }
    }
    return false;
  }

  /// Nothing unless each list has as many chunks as counted, of its size, all with one thread's (or the process's) key.
  std::optional<std::vector<heap_map::object>> chunks_of_cache(std::uint64_t cache, bool mangled) const {
    std::vector<heap_map::object> found;
    std::uint64_t key = 0;
    for (std::uint64_t i = 0; i < cache_bins; ++i) {
      const auto counts = image_.word(cache + i / 4 * 8);
      const auto count = counts >> (i % 4 * 16) & 0xffff;
      const auto first = image_.word(cache + cache_lists + 8 * i);
      if (count == 0) {
        if (first != 0) return std::nullopt;
        continue;
      }
      const auto chunks = list(first, 0, smallest_chunk + 16 * i, mangled, 16);
      if (!chunks || chunks->size() != count) return std::nullopt;
      for (const auto o : *chunks) {
        const auto its = image_.word(heap_.extent(o).begin + 8);
        if (its == 0 || (key == 0 ? !is_key(its, cache) : its != key)) return std::nullopt;
        key = its;
        found.push_back(o);
      }
    }
    return found;
  }

  const memory_image& image_;
  const std::vector<thread_registers>& threads_;
  heap_map& heap_;
  std::vector<arena_state> arenas_;
  mutable std::vector<std::uint64_t> random_words_;  ///< keys that were found
  glibc_heaps found_;
};

}  // namespace

glibc_heaps find_glibc_heaps(const memory_image& image, const std::vector<thread_registers>& threads, heap_map& heap) {
  return finder(image, threads, heap).find();
}

bool may_be_glibc(const memory& from, const memory_region& region, std::uint64_t address) {
  if (region.path == "[heap]") return true;
  if (!region.path.empty() || region.shared) return false;
  const auto heap = address / heap_alignment * heap_alignment;
  if (heap >= region.begin) {
    const auto arena = from.get<std::uint64_t>(heap);
    const auto offset = arena.value_or(0) % heap_alignment;
    if (offset >= 32 && offset <= 256) return true;
  }
  const auto size = from.get<std::uint64_t>(region.begin + 8).value_or(0);
  return (size & 7) == chunk_head::mapped && size >= page_size;
}

}  // namespace tasks::cli
