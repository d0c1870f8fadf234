#include "proof/kept_memory.hpp"

#include <span>
#include <utility>

#include "base/progress.hpp"
#include "proof/mark.hpp"
#include "proof/object_words.hpp"

namespace tasks::cli {
namespace {

class keeper_search {
 public:
  keeper_search(scene& in, const keeper_groups& groups)
      : scene_(in), image_(in.image()), heap_(in.heap()), groups_(groups), owners_(heap_.size(), nobody) {
    const auto segments = heap_.segments();
    if (segments.empty()) return;
    low_ = segments.front().begin;
    high_ = segments.back().end + heap_map::header;
  }

  kept_memory run() {
    find_frames();
    mark_what_is_in_use();
    while (!pending_.empty())
      for (const auto o : std::exchange(pending_, {})) read(o);
    return count();
  }

 private:
  /// Of an object: nobody, a group and one, or one of these. Each is what some of those before it come to together.
  using owner = std::uint32_t;
  static constexpr owner nobody = 0, several_together = keeper_groups::none - 1, several = keeper_groups::none;

  void find_frames() {
    is_frame_.resize(heap_.size());
    is_pending_.resize(heap_.size());
    const auto& seen = scene_.tasks();
    for (std::size_t i = 0; i < seen.tasks.size(); ++i) {
      const auto whose = groups_.of_task[i] == keeper_groups::none ? several : groups_.of_task[i] + 1;
      for (const auto frame : std::span(seen.frames).subspan(seen.tasks[i].first_frame, seen.tasks[i].frames)) {
        const auto o = heap_.find(frame);
        if (o == heap_map::none || heap_.is_free(o)) continue;
        is_frame_[o] = true;
        owners_[o] = join(owners_[o], whose);
        push(o);
      }
    }
  }

  void mark_what_is_in_use() {
    marker marks(image_, heap_);
    for (heap_map::object o = 0; o < heap_.size(); ++o)
      if (is_frame_[o]) marks.set_apart(o);
    scene_.erase_links();
    const auto variables = std::span(scene_.variables());
    auto without = heap_.segments();
    const auto& slabs = scene_.tasks().slabs;
    const auto& unused = scene_.words().unused;
    without.insert(without.end(), slabs.begin(), slabs.end());
    without.insert(without.end(), unused.begin(), unused.end());
    unite(without);
    marks.add_memory(without);
    for (const auto& held : scene_.kernel().words) marks.add(held.word, {origin::kind::kernel, held.descriptor});
    for (const auto& held : scene_.words().registers) marks.add(held.word, {origin::kind::thread, held.tid});
    for (std::size_t i = 0; i < variables.size(); ++i) {
      const origin from{origin::kind::variable, i, variables[i].tid};
      if (variables[i].at.begin != 0)
        marks.add_variable(variables[i].at, from);
      else
        marks.add(variables[i].value, from);
    }
    marks.run([](marker::watcher, heap_map::object) {});
    for (heap_map::object o = 0; o < heap_.size(); ++o)
      if (!is_frame_[o] && marks.is_marked(o)) owners_[o] = several;
  }

  [[nodiscard]] owner join(owner a, owner b) const {
    if (a == b || b == nobody) return a;
    if (a == nobody) return b;
    return is_together(a) && is_together(b) ? several_together : several;
  }
  [[nodiscard]] bool is_together(owner o) const {
    return o == several_together || (o != several && groups_.together[o - 1]);
  }

  void push(heap_map::object o) {
    if (is_pending_[o]) return;
    is_pending_[o] = true;
    pending_.push_back(o);
  }

  /// Hands on whose it is. An object is read at most three times, as often as that can change.
  void read(heap_map::object o) {
    is_pending_[o] = false;
    each_word(image_, heap_.extent(o), [&](std::uint64_t word) {
      const auto address = word & address_bits;
      if (address - low_ >= high_ - low_) return;
      const auto to = heap_.find(address);
      if (to == heap_map::none || is_frame_[to] || heap_.is_free(to)) return;
      const auto whose = join(owners_[to], owners_[o]);
      if (whose == owners_[to]) return;
      owners_[to] = whose;
      push(to);
    });
  }

  kept_memory count() const {
    kept_memory kept;
    kept.by_group.resize(groups_.together.size());
    heap_.each([&](heap_map::object o, range chunk) {
      const auto whose = owners_[o];
      if (whose == nobody || whose == several || is_frame_[o]) return;
      const auto bytes = chunk.end - chunk.begin;
      if (is_together(whose)) kept.together.add(bytes);
      if (whose != several_together) kept.by_group[whose - 1].add(bytes);
    });
    return kept;
  }

  scene& scene_;
  const memory_image& image_;
  const heap_map& heap_;
  const keeper_groups& groups_;
  std::uint64_t low_ = 0, high_ = 0;  ///< all objects lie between
  std::vector<owner> owners_;         ///< of each object
  std::vector<bool> is_frame_, is_pending_;
  std::vector<heap_map::object> pending_;
};

}  // namespace

kept_memory find_kept_memory(scene& in, const keeper_groups& groups) {
  const busy_with now("who keeps memory alive");
  return keeper_search(in, groups).run();
}

}  // namespace tasks::cli
