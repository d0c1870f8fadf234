#include "surveys/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/quantities.hpp"
#include "linux/proc.hpp"
#include "picture/still_target.hpp"
#include "proof/frame_chunks.hpp"
#include "proof/kept_memory.hpp"
#include "proof/prover.hpp"
#include "proof/scene.hpp"
#include "sources/memory_source.hpp"
#include "surveys/group_keys.hpp"
#include "surveys/without_hook.hpp"

namespace tasks::cli {
namespace {

result<void> refuse_asan(const memory& bytes, std::string subject) {
  if (!has_asan_shadow(bytes.regions())) return {};
  return error{error_code::system, std::move(subject),
               "AddressSanitizer serves its memory: what an allocation is, and what is free, cannot be told",
               "look at a build without it"};
}

error without_options(error why) {
  if (why.next_step.find("--no-prove") != std::string::npos) why.next_step = "it takes a copy; tasks stack needs none";
  return why;
}

/// Shortens what is sorted to what is shown; how many are left out.
template <class Row>
std::size_t leave_out(std::vector<Row>& rows, std::size_t limit) {
  if (limit == 0 || rows.size() <= limit) return 0;
  const auto rest = rows.size() - limit;
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(limit), rows.end());
  return rest;
}

/// In the order in which it is done.
class memory_surveyor {
 public:
  memory_surveyor(memory_moment& of, resolver& names, const memory_options& options)
      : of_(of),
        names_(names),
        options_(options),
        scene_(*of.taken),
        seen_(scene_.tasks()),
        groups_(names, true, [this](const v1::Task& task) {
          const auto its = index_of(task.id());
          return std::string(its && is_leaked(*its) ? "leaked" : "") + (its && passes_[*its] ? "" : not_chosen);
        }) {
    if (options.chosen != nullptr && !options.chosen->is_empty()) chosen_.emplace(names, *options.chosen);
    if (chosen_) survey_.matched = 0;
  }

  result<memory_survey> run() {
    judge();
    scene_.look_closer();
    survey_.heap = measure_heap(scene_.heap(), scene_.allocators(), scene_.recycled(),
                                options_.limit == 0 ? ~std::size_t{0} : options_.limit);
    sum_up_mappings_of_heap();
    chunks_.emplace(scene_);
    passes_.assign(seen_.tasks.size(), !chosen_);
    if (const auto read = read_tasks_of_source(); !read) return read.why();
    finish_functions();
    finish_groups();
    survey_.tasks = seen_.tasks.size();
    survey_.stopped_ms = of_.taken->stopped_ms;
    add_notes();
    return std::move(survey_);
  }

 private:
  static constexpr const char* not_chosen = " not chosen";

  [[nodiscard]] bool is_leaked(std::size_t task) const { return verdicts_[task] != certainty::held; }

  /// Which tasks never wake.
  void judge() {
    verdicts_.assign(seen_.tasks.size(), certainty::held);
    for (std::uint32_t i = 0; i < seen_.tasks.size(); ++i) by_id_.emplace_back(seen_.tasks[i].id, i);
    if (!std::is_sorted(by_id_.begin(), by_id_.end())) std::sort(by_id_.begin(), by_id_.end());
    const auto proof = prove(scene_);
    // Of threads that sleep not all registers are known, and one may hold what nothing else does.
    const auto verdict = of_.taken->has_sleepers() ? certainty::likely : certainty::proven;
    for (const auto& each : proof.findings) {
      const auto its = each.verdict == certainty::proven ? index_of(each.task) : std::nullopt;
      if (!its) continue;
      verdicts_[*its] = verdict;
      ++survey_.leaked_tasks;
    }
    if (!proof.doubt.empty()) survey_.notes.push_back("which tasks are leaked is not known: " + proof.doubt);
  }

  /// Most often the next one.
  std::optional<std::size_t> index_of(std::uint64_t id) {
    if (next_ >= by_id_.size() || by_id_[next_].first != id) {
      const auto known = std::lower_bound(by_id_.begin(), by_id_.end(), std::pair(id, std::uint32_t{0}));
      if (known == by_id_.end() || known->first != id) return std::nullopt;
      next_ = static_cast<std::size_t>(known - by_id_.begin());
    }
    return by_id_[next_++].second;
  }

  void sum_up_mappings_of_heap() {
    if (!of_.mappings) return;
    std::vector<std::uint64_t> stack_pointers;
    for (const auto& thread : scene_.threads()) stack_pointers.push_back(thread.stack_pointer);
    survey_.mappings = sum_up_mappings(*of_.mappings, scene_.heap().segments(), stack_pointers);
    std::uint64_t resident = 0;
    for (const auto& each : survey_.mappings) resident += each.resident_bytes;
    survey_.resident_bytes = resident;
    survey_.mappings_left_out = leave_out(survey_.mappings, options_.limit);
  }

  struct function_sums {
    frame_memory memory;
    std::uint64_t least = ~std::uint64_t{0}, most = 0;
  };

  result<void> read_tasks_of_source() {
    const auto read = of_.source->stacks({}, [this](const v1::Chunk& chunk) {
      names_.learn(chunk);
      for (const auto& task : chunk.tasks()) add_frames(task, passes(task));
      groups_.add(chunk);
      return true;
    });
    if (!read) return read.why();
    survey_.resolution_ms = read->tick_resolution_ms();
    if (read->torn() != 0) survey_.notes.push_back(fmt::format("{} tasks changed too often to be read", read->torn()));
    return {};
  }

  /// Is it one of those that were chosen?
  bool passes(const v1::Task& task) {
    if (!chosen_) return true;
    const auto its = index_of(task.id());
    if (!its || !chosen_->passes(task)) return false;
    passes_[*its] = true;
    ++*survey_.matched;
    return true;
  }

  /// By location first: of those there are few.
  void add_frames(const v1::Task& task, bool is_chosen) {
    const auto its = index_of(task.id());
    if (!its || seen_.tasks[*its].frames != static_cast<std::uint32_t>(task.frames_size())) return;
    const auto last = seen_.tasks[*its].first_frame + seen_.tasks[*its].frames;
    for (int i = 0; i < task.frames_size(); ++i) {
      const auto frame = last - 1 - static_cast<std::uint32_t>(i);
      const auto chunk = chunks_->bytes_of(frame);
      survey_.frames.add(chunk, chunks_->requested_by(frame));
      if (!is_chosen) continue;
      auto& sums = by_location_[task.frames(i)];
      sums.memory.add(chunk, chunks_->requested_by(frame));
      if (!chunk) continue;
      sums.least = std::min(sums.least, *chunk);
      sums.most = std::max(sums.most, *chunk);
    }
  }

  void finish_functions() {
    std::unordered_map<std::string, std::size_t> known;
    auto& all = survey_.functions;
    for (const auto& [id, sums] : by_location_) {
      const auto& location = names_.at(id);
      const auto [its, is_new] = known.try_emplace(location.function + '\n' + location.file, all.size());
      if (is_new) all.push_back({&location, {}, sums.least, sums.most});
      auto& function = all[its->second];
      function.memory.add(sums.memory);
      function.least = std::min(function.least, sums.least);
      function.most = std::max(function.most, sums.most);
    }
    std::sort(all.begin(), all.end(), [](const surveyed_function& a, const surveyed_function& b) {
      return std::tuple(b.memory.bytes, b.memory.frames, std::string_view(a.location->function),
                        std::string_view(a.location->file)) < std::tuple(a.memory.bytes, a.memory.frames,
                                                                         std::string_view(b.location->function),
                                                                         std::string_view(b.location->file));
    });
    survey_.functions_left_out = leave_out(all, options_.limit);
  }

  void finish_groups() {
    auto groups = groups_.finish();
    keeper_groups keepers;
    keepers.of_task.assign(seen_.tasks.size(), keeper_groups::none);
    auto& all = survey_.groups;
    std::vector<bool> is_chosen;
    for (auto& group : groups) {
      is_chosen.push_back(!groups_.heading_of_group(all.size()).text.ends_with(not_chosen));
      auto& keeper = all.emplace_back();
      bool all_known = true;
      for (const auto id : group.ids()) {
        const auto its = index_of(id);
        if (!its) continue;
        keepers.of_task[*its] = static_cast<std::uint32_t>(all.size() - 1);
        keeper.leaked = verdicts_[*its];
        all_known = add_frames_of(*its, keeper.memory) && all_known;
      }
      if (all_known) keeper.kept.emplace();
      if (group.ids_size() > most_ids) group.mutable_ids()->Truncate(most_ids);
      keeper.group = std::move(group);
      keepers.together.push_back(keeper.leaked != certainty::held);
    }
    if (!survey_.heap.is_empty()) find_kept(keepers);
    // What others keep as well is not kept by these alone: they go when that is known.
    std::size_t next = 0;
    std::erase_if(all, [&](const surveyed_keeper&) { return !is_chosen[next++]; });
    std::stable_sort(all.begin(), all.end(), [](const surveyed_keeper& a, const surveyed_keeper& b) {
      return a.memory.bytes + (a.kept ? a.kept->bytes : 0) > b.memory.bytes + (b.kept ? b.kept->bytes : 0);
    });
    survey_.groups_left_out = leave_out(all, options_.limit);
    for (auto& each : all) names_.resolve(each.group, each.meaning);
  }

  /// False: what they keep is not known, as they are in memory of which it is not known whose it is.
  [[nodiscard]] bool add_frames_of(std::size_t task, frame_memory& to) const {
    const auto& its = seen_.tasks[task];
    bool all_known = its.whole;
    for (std::size_t i = its.first_frame; i < std::size_t{its.first_frame} + its.frames; ++i) {
      const auto chunk = chunks_->bytes_of(i);
      to.add(chunk, chunks_->requested_by(i));
      all_known = all_known && chunk;
    }
    return all_known;
  }

  void find_kept(const keeper_groups& keepers) {
    const auto found = find_kept_memory(scene_, keepers);
    bool all_leaked_known = true;
    for (std::size_t i = 0; i < survey_.groups.size(); ++i) {
      auto& keeper = survey_.groups[i];
      if (keeper.kept) keeper.kept = found.by_group[i];
      if (keeper.leaked != certainty::held && !keeper.kept) all_leaked_known = false;
    }
    if (survey_.leaked_tasks != 0 && all_leaked_known) survey_.kept_by_leaked = found.together;
  }

  void add_notes() {
    auto& notes = survey_.notes;
    if (survey_.heap.is_empty()) {
      notes.emplace_back(
          "allocations are not known: no heap of glibc's malloc was found, which another allocator may have replaced");
    } else if (survey_.heap.refused != 0) {
      notes.push_back(
          fmt::format("{} of malloc's arenas {} not hold together and {} left out: a thread was at work in {}",
                      survey_.heap.refused, survey_.heap.refused == 1 ? "does" : "do",
                      survey_.heap.refused == 1 ? "is" : "are", survey_.heap.refused == 1 ? "it" : "them"));
    }
    if (const auto& frames = survey_.frames; frames.unknown != 0) {
      auto note = fmt::format(
          "{} of {} frames are in no allocation of their own that is known: how much memory they take is not known",
          in_thousands(frames.unknown), in_thousands(frames.frames));
      if (frames.told == frames.frames)
        note += fmt::format("; all frames have asked for {}", format_bytes(frames.requested));
      notes.push_back(std::move(note));
    }
    if (seen_.torn) notes.emplace_back("some tasks could not be read");
    if (!of_.mappings)
      notes.emplace_back(of_.source->from()->is_alive()
                             ? "what is in memory is not known: /proc/PID/smaps could not be read"
                             : "what was in memory is not known of a core");
  }

  memory_moment& of_;
  resolver& names_;
  const memory_options& options_;
  scene scene_;
  const seen_tasks& seen_;
  std::optional<selector> chosen_;  ///< nothing: all are
  std::vector<bool> passes_;        ///< of each task: it was chosen
  alike_groups groups_;
  std::optional<frame_chunks> chunks_;
  std::vector<certainty> verdicts_;                             ///< of each task: proven, likely or held
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_id_;  ///< each task's id and index
  std::size_t next_ = 0;                                        ///< in by_id_
  std::unordered_map<std::uint32_t, function_sums> by_location_;
  memory_survey survey_;
};

}  // namespace

void frame_memory::add(std::optional<std::uint64_t> chunk, std::optional<std::uint64_t> asked) noexcept {
  ++frames;
  bytes += chunk.value_or(0);
  if (!chunk) ++unknown;
  requested += asked.value_or(0);
  if (asked) ++told;
}

void frame_memory::add(const frame_memory& more) noexcept {
  frames += more.frames;
  bytes += more.bytes;
  unknown += more.unknown;
  requested += more.requested;
  told += more.told;
}

result<memory_moment> take_memory_moment(pid_t pid, bool hook, const teller& tell) {
  auto live = live_target(pid);
  const auto& roots = live->roots();
  if (!roots && roots.why().code != error_code::not_instrumented) return roots.why();
  if (const auto may = refuse_asan(live->bytes(), subject_of(pid)); !may) return may.why();
  memory_moment moment;
  if (!hook || !roots) {
    auto source = open_without_hook(pid, tell);
    if (!source) return without_options(source.why());
    moment.source = *std::move(source);
    moment.mappings = read_smaps(pid);
    auto copied = take_picture(*moment.source->from(), stop_order::whom::nobody);
    if (!copied) return without_options(copied.why());
    moment.taken = std::make_shared<picture>(*std::move(copied));
    return moment;
  }
  auto facts = facts_now(pid);
  auto threads = live->threads();
  auto copied = take_picture(*live, stop_order::whom::who_runs);
  if (!copied) return without_options(copied.why());
  moment.mappings = read_smaps(pid);
  copied->image.forget_spare_room();
  moment.taken = std::make_shared<picture>(*std::move(copied));
  moment.source = open_still(still_target(std::move(live), moment.taken, std::move(threads)), std::move(facts));
  return moment;
}

result<memory_moment> memory_moment_of(std::unique_ptr<snapshot_source> core) {
  auto& from = *core->from();
  if (const auto may = refuse_asan(from.bytes(), "core"); !may) return may.why();
  auto copied = take_picture(from, stop_order::whom::nobody);
  if (!copied) return without_options(copied.why());
  memory_moment moment;
  moment.taken = std::make_shared<picture>(*std::move(copied));
  moment.source = std::move(core);
  return moment;
}

result<memory_survey> survey_memory(memory_moment& of, resolver& names, const memory_options& options) {
  return memory_surveyor(of, names, options).run();
}

}  // namespace tasks::cli
