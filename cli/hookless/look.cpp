#include "hookless/look.hpp"

#include <algorithm>
#include <cstddef>
#include <future>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/progress.hpp"
#include "hookless/made_registry.hpp"
#include "hookless/other_chains.hpp"
#include "hookless/second_reading.hpp"
#include "names.hpp"
#include "picture/glibc_heap.hpp"
#include "picture/reused_memory.hpp"
#include "type_names.hpp"

namespace tasks::cli {
namespace {

using layout::detail_kind;
using layout::record_state;
using layout::state_bits_of;
using layout::wait_kind;

/// Parts of a stack that are in use are no larger.
constexpr std::uint64_t most_of_stack = std::uint64_t{1} << 20;

/// Does a function wait for what is to be done, and do it: run(), run_one(), poll() and the like, of any context?
bool runs_handlers(std::string_view function) {
  for (const std::string_view name : {"scheduler::run", "scheduler::run_one", "scheduler::do_run_one",
                                      "scheduler::wait_one", "scheduler::do_wait_one", "io_context::run",
                                      "io_context::run_one", "io_context::run_for", "io_context::run_until"})
    if (function.ends_with(name)) return true;
  return false;
}

/// What is to be said of all tasks, one after the other.
class task_notes {
 public:
  void reserve(std::size_t tasks, std::size_t frames) {
    tasks_.reserve(tasks);
    waits_.reserve(tasks);
    where_.reserve(frames);
    frames_.reserve(frames);
  }
  /// Of the task that is added next, whose own waits and frames are not looked at.
  void add(const made_wait& wait) { waits_.push_back(wait); }
  void add(std::uint32_t place, std::uint64_t frame) {
    where_.push_back(place);
    frames_.push_back(frame);
  }
  void add(const made_task& task) {
    tasks_.push_back({task.id, task.parent, task.version, static_cast<std::uint32_t>(waits_.size()),
                      static_cast<std::uint32_t>(frames_.size()), task.thread, task.state});
  }

  /// `places`: by their numbers, as layout::entry has them.
  template <class Visit>
  void each(const std::vector<std::uint64_t>& places, Visit visit) const {
    std::size_t wait = 0, frame = 0;
    std::vector<std::uint64_t> where;
    for (const auto& its : tasks_) {
      where.clear();
      for (auto i = frame; i < its.frames; ++i) where.push_back(places[where_[i]]);
      const auto waits = std::span(waits_).subspan(wait, its.waits - wait);
      visit(made_task{its.id, its.parent, its.version, its.state, its.thread, waits, where,
                      std::span(frames_).subspan(frame, its.frames - frame)});
      wait = its.waits;
      frame = its.frames;
    }
  }

 private:
  struct note {
    std::uint64_t id, parent, version;
    std::uint32_t waits, frames;  ///< of all tasks up to it
    std::uint32_t thread;
    record_state state;
  };
  std::vector<note> tasks_;
  std::vector<made_wait> waits_;
  std::vector<std::uint32_t> where_;  ///< numbers of places
  std::vector<std::uint64_t> frames_;
};

class looker {
 public:
  looker(picture& into, coroutine_program& program, symbolizer& names, process_view& of)
      : picture_(into), program_(program), names_(names), of_(of) {}

  result<void> run() {
    const auto base = registry_maker::find_base(picture_.image.regions());
    if (base == 0) return error{error_code::system, "", "its address space has no gap for what was found", ""};
    registry_maker made(base, of_.inner_pid, of_.start_time);
    // Frames do not depend on the heap until it is asked which of them are free.
    auto candidates = std::async(std::launch::async, [this] { return find_candidates(picture_.image, program_.code); });
    find_heap();
    task_notes notes;
    describe_all(candidates, made, notes);
    // All else is over before the registry is made, which takes as much memory again.
    if (of_.seen != nullptr) of_.seen->begin(of_.inner_pid, of_.start_time, of_.now_ms);
    notes.each(places_, [&](made_task each) {
      if (of_.seen != nullptr) each.since_ms = of_.seen->see(each.id, each.version);
      made.add(each);
    });
    if (of_.seen != nullptr) of_.seen->end();
    notes = {};
    for (std::size_t i = 0; i < picture_.threads.size(); ++i)
      if (is_worker(i)) made.add_worker(inner_tid(picture_.threads[i].tid));
    for (auto& piece : made.finish())
      if (!picture_.image.add(piece.address, std::move(piece.bytes), "[tasks]"))
        return error{error_code::system, "", "there is no memory for what was found", ""};
    picture_.roots = {made.root()};
    return {};
  }

 private:
  void describe_all(std::future<std::vector<std::uint64_t>>& candidates, registry_maker& made, task_notes& to) {
    const auto stacks = stacks_in(picture_);
    frame_scan scan(picture_.image, candidates.get(), heap_, stacks, program_.code, program_.layouts, program_.machine);
    task_chains chains(picture_.image, scan);
    const auto waits = wait_search(picture_.image, heap_, stacks, program_.code, scan, chains, of_.asks).run();
    const auto others = find_other_stacks(picture_.image, scan);
    std::vector<bool> left_over(chains.tasks().size());
    for (std::size_t i = 0; i < left_over.size(); ++i) left_over[i] = is_left_over(scan, chains.tasks()[i], waits[i]);
    std::vector<bool> changed(left_over.size()), others_changed(others.size());
    if (of_.once_more != nullptr) {
      changed = changed_since(picture_.image, *of_.once_more, scan, chains, waits);
      others_changed = changed_since(picture_.image, *of_.once_more, scan, others);
      const auto broken = broken_since(picture_.image, *of_.once_more, scan, chains);
      of_.left_out = static_cast<std::uint64_t>(std::ranges::count(broken, true));
    }
    for (const auto& frame : scan.frames())
      if (frame.layout->is_asio && frame.layout->size != 0)
        erase_behind(picture_.image, heap_, frame.at, frame.layout->size);
    heap_ = {};  // nobody asks it any more
    to.reserve(chains.tasks().size(), scan.frames().size());
    for (std::size_t i = 0; i < left_over.size(); ++i)
      if (left_over[i])
        continue;
      else if (changed[i])
        ++of_.left_out;
      else
        describe(scan, chains, waits, i, made, to);
    for (std::size_t i = 0; i < others.size(); ++i)
      if (others_changed[i])
        ++of_.left_out;
      else
        describe(scan, others, others[i], made, to);
  }

  void find_heap() {
    static_cast<void>(find_glibc_heaps(picture_.image, picture_.threads, heap_));
    for (const auto block : picture_.words.recycled)
      if (const auto o = heap_.at_header(block - heap_map::header); o != heap_map::none) heap_.set_free(o);
    for (const auto& region : picture_.image.regions())
      if (region.path == "[heap]") heap_begin_ = region.begin;
  }

  /// Destroyed while it was suspended, and its memory not used again? g++ marks such frames, clang does not; where the
  /// allocator is not known, nobody else says so. Who destroys a task makes the word zero that led to it.
  [[nodiscard]] bool is_left_over(const frame_scan& scan, const task_chain& chain, const found_wait& wait) const {
    const auto& entry = scan.frames()[chain.entry];
    if (entry.body->is_gnu || wait.is_owned || heap_.find(entry.at) != heap_map::none) return false;
    return std::none_of(picture_.threads.begin(), picture_.threads.end(), [&](const thread_registers& thread) {
      return std::ranges::find(thread.general, entry.promise()) != std::end(thread.general);
    });
  }

  /// As long as its frame lives, whoever looks. Within the heap that brk(2) makes a small number.
  [[nodiscard]] std::uint64_t id_of(std::uint64_t entry) const {
    constexpr std::uint64_t most_heap = std::uint64_t{1} << 36, least_size = 16;
    const bool is_near = entry >= heap_begin_ && entry - heap_begin_ < most_heap && heap_begin_ != 0;
    return (is_near ? entry - heap_begin_ : entry) / least_size;
  }

  [[nodiscard]] made_wait wait_of(const found_wait& from) const {
    made_wait wait;
    auto detail = detail_kind::none;
    if (from.capacity) {
      detail = detail_kind::capacity;
      wait.detail = *from.capacity;
    } else if (from.expiry && (of_.knows_time || *from.expiry == INT64_MAX)) {
      detail = from.is_system_clock ? detail_kind::system_expiry : detail_kind::steady_expiry;
      wait.detail = static_cast<std::uint64_t>(*from.expiry);
    }
    wait.wait = layout::pack_wait(from.kind, detail, from.fd.value_or(layout::no_descriptor));
    wait.object = from.object;
    return wait;
  }

  void describe(const frame_scan& scan, const task_chains& chains, const std::vector<found_wait>& waits, std::size_t i,
                registry_maker& made, task_notes& to) {
    const auto& chain = chains.tasks()[i];
    const auto& wait = waits[i];
    const auto& frames = scan.frames();
    made_task task;
    task.id = id_of(frames[chain.entry].at);
    if (wait.awaited_by < chains.tasks().size()) task.parent = id_of(frames[chains.tasks()[wait.awaited_by].entry].at);
    if (chain.runs) {
      task.state = record_state::running;
      task.thread = runner_of(chain);
    } else if (wait.is_ready) {
      task.state = record_state::ready;
    } else if (wait.kind == wait_kind::other || wait.kind == wait_kind::none) {
      task.state = record_state::blocked_unknown;
    } else {
      to.add(wait_of(wait));
      for (const auto& other : wait.also) to.add(wait_of(other));
    }
    // A timer that is set anew is another wait.
    std::uint64_t version =
        wait.operation ^ static_cast<std::uint64_t>(wait.expiry.value_or(0)) ^ state_bits_of(task.state);
    for (auto frame = chain.frames.rbegin(); frame != chain.frames.rend(); ++frame)
      add(frames[*frame], to, version, made);
    task.version = version >> 24;
    to.add(task);
  }

  /// Of another library, which wakes it in ways that nobody knows.
  void describe(const frame_scan& scan, const std::vector<other_stack>& all, const other_stack& stack,
                registry_maker& made, task_notes& to) {
    const auto& frames = scan.frames();
    made_task task;
    task.id = id_of(frames[stack.frames.back()].at);
    if (stack.awaited_by != other_stack::nobody) task.parent = id_of(frames[all[stack.awaited_by].frames.back()].at);
    task.state = record_state::blocked_unknown;
    if (stack.waits_for_others) {
      task.state = record_state::blocked;
      to.add(made_wait{layout::pack_wait(wait_kind::tasks, detail_kind::none, layout::no_descriptor), 0, 0});
    }
    std::uint64_t version = state_bits_of(task.state);
    for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame)
      add(frames[*frame], to, version, made);
    task.version = version >> 24;
    to.add(task);
  }

  void add(const coroutine_frame& frame, task_notes& to, std::uint64_t& version, registry_maker& made) {
    to.add(place_of(frame, made), frame.at);
    version = (version ^ frame.at ^ std::uint64_t{frame.index} << 48) * 0x9e37'79b9'7f4a'7c15;
  }

  /// Its number in places_.
  std::uint32_t place_of(const coroutine_frame& frame, registry_maker& made) {
    const auto key = frame.body->code.begin << 16 | (frame.index & 0xffff);
    const auto [known, is_new] = numbers_.try_emplace(key, static_cast<std::uint32_t>(places_.size()));
    if (!is_new) return known->second;
    const auto& line = program_.lines.line_of(*frame.body, *frame.layout, frame.index);
    of_.knows_lines = line.has_value() || (of_.knows_lines && !places_.empty());
    places_.push_back(made.place(key, frame.body->symbol, line ? line->file : std::string(), line ? line->line : 0));
    return known->second;
  }

  /// As the target calls it; 0: not known. What attaches a task to a thread lies on that one's stack.
  [[nodiscard]] std::uint32_t runner_of(const task_chain& chain) const {
    for (const auto& thread : picture_.threads) {
      const auto* area = picture_.image.area_of(thread.stack_pointer);
      if (area != nullptr && chain.thread >= thread.stack_pointer && area->contains(chain.thread))
        return inner_tid(thread.tid);
    }
    return 0;
  }

  [[nodiscard]] std::uint32_t inner_tid(std::uint32_t tid) const {
    const auto known = std::find_if(of_.threads.begin(), of_.threads.end(), [tid](const os_thread& each) {
      return static_cast<std::uint32_t>(each.tid) == tid;
    });
    return known == of_.threads.end() ? tid : known->inner_tid;
  }

  [[nodiscard]] bool is_worker(std::size_t thread) {
    if (thread >= picture_.words.frames.size()) return false;
    for (const auto& frame : picture_.words.frames[thread]) {
      const auto [known, is_new] = runs_.try_emplace(frame.address);
      if (is_new)
        for (const auto& location : names_.resolve(frame.address))
          known->second =
              known->second || runs_handlers(detail::bare_name(detail::make_readable(location.function).text));
      if (known->second) return true;
    }
    return false;
  }

  picture& picture_;
  coroutine_program& program_;
  symbolizer& names_;
  process_view& of_;
  heap_map heap_;
  std::uint64_t heap_begin_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;  ///< of places, by body and suspend point
  std::vector<std::uint64_t> places_;                         ///< as layout::entry has them
  std::unordered_map<std::uint64_t, bool> runs_;  ///< by address of code: is one of those that run handlers there?
};

}  // namespace

stack_memory stacks_in(const picture& of) {
  stack_memory found;
  found.dead = of.words.unused;
  found.shadow = &of.image.shadow();
  for (const auto& thread : of.threads)
    for (const auto& region : of.image.regions())
      if (thread.stack_pointer >= region.begin && thread.stack_pointer < region.end)
        found.stacks.push_back({region.begin, std::min(region.end, thread.stack_pointer + most_of_stack)});
  unite(found.stacks);
  return found;
}

result<void> put_registry(picture& into, coroutine_program& program, symbolizer& names, process_view& of) {
  const busy_with now("which coroutines there are");
  return looker(into, program, names, of).run();
}

}  // namespace tasks::cli
