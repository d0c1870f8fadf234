#include "surveys/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/quantities.hpp"
#include "surveys/group_keys.hpp"

namespace tasks::cli {
namespace {

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
  memory_surveyor(const task_memory& known, const kept_finder& find_kept, snapshot_source& source, resolver& names,
                  const memory_options& options)
      : known_(known),
        find_kept_(find_kept),
        source_(source),
        names_(names),
        options_(options),
        groups_(names, true, [this](const v1::Task& task) {
          const auto its = find(task.id());
          return std::string(its && is_leaked(*its) ? "leaked" : "") + (its && passes_[*its] ? "" : not_chosen);
        }) {
    if (options.chosen != nullptr && !options.chosen->is_empty()) chosen_.emplace(names, *options.chosen);
    if (chosen_) survey_.matched = 0;
  }

  result<memory_survey> run() {
    sum_up();
    passes_.assign(known_.tasks.size(), !chosen_);
    if (const auto read = read_tasks_of_source(); !read) return read.why();
    finish_functions();
    finish_groups();
    add_notes();
    return std::move(survey_);
  }

 private:
  static constexpr const char* not_chosen = " not chosen";

  [[nodiscard]] bool is_leaked(std::size_t task) const { return known_.tasks[task].leaked != certainty::held; }

  /// Most often the next one.
  std::optional<std::size_t> find(std::uint64_t id) {
    const auto found = known_.find(id, next_);
    if (found) next_ = *found + 1;
    return found;
  }

  void sum_up() {
    survey_.tasks = known_.tasks.size();
    survey_.stopped_ms = known_.stopped_ms;
    for (std::size_t i = 0; i < known_.tasks.size(); ++i) survey_.leaked_tasks += is_leaked(i);
    if (!known_.doubt.empty()) survey_.notes.push_back("which tasks are leaked is not known: " + known_.doubt);
    survey_.heap = known_.heap;
    if (options_.limit != 0)
      for (auto& each : survey_.heap.arenas) each.largest.resize(std::min(each.largest.size(), options_.limit));
    if (!known_.mappings) return;
    survey_.mappings = *known_.mappings;
    survey_.resident_bytes = 0;
    for (const auto& each : survey_.mappings) *survey_.resident_bytes += each.resident_bytes;
    survey_.mappings_left_out = leave_out(survey_.mappings, options_.limit);
  }

  struct function_sums {
    frame_memory memory;
    std::uint64_t least = ~std::uint64_t{0}, most = 0;
  };

  result<void> read_tasks_of_source() {
    const auto read = source_.stacks({}, [this](const v1::Chunk& chunk) {
      names_.learn(chunk);
      for (const auto& task : chunk.tasks()) add_frames(task, passes(task));
      groups_.add(chunk);
      return true;
    });
    if (!read) return read.why();
    survey_.resolution_ms = read->tick_resolution_ms();
    if (read->torn() != 0)
      survey_.notes.push_back(number_and_noun(read->torn(), "task") + " changed too often to be read");
    return {};
  }

  /// Is it one of those that were chosen?
  bool passes(const v1::Task& task) {
    if (!chosen_) return true;
    const auto its = find(task.id());
    if (!its || !chosen_->passes(task)) return false;
    passes_[*its] = true;
    ++*survey_.matched;
    return true;
  }

  /// By location first: of those there are few.
  void add_frames(const v1::Task& task, bool is_chosen) {
    const auto its = find(task.id());
    if (!its || known_.tasks[*its].frames != static_cast<std::uint32_t>(task.frames_size())) return;
    const auto last = known_.tasks[*its].first_frame + known_.tasks[*its].frames;
    // Its operands are awaited where it stands.
    if (task.wait().kind() == v1::Wait::TASKS) names_.resolve(task, meaning_);
    for (int i = 0; i < task.frames_size(); ++i) {
      const auto& frame = known_.frames[last - 1 - static_cast<std::uint32_t>(i)];
      survey_.frames.add(frame);
      if (!is_chosen) continue;
      auto& sums = by_location_[names_.at(task.frames(i)).plumbing ? made_for(task, i) : &names_.at(task.frames(i))];
      sums.memory.add(frame);
      if (frame.chunk == task_memory::unknown) continue;
      sums.least = std::min(sums.least, frame.chunk);
      sums.most = std::max(sums.most, frame.chunk);
    }
  }

  /// In place of a frame of Asio's: the operation and who awaits it, or the function that a task began with.
  const frame* made_for(const v1::Task& task, int place) {
    using kind = detail::library_frame::kind;
    const auto id = task.frames(place);
    const auto& its = names_.at(id).stands_for;
    const bool outwards = its.is != kind::entry;
    const auto user = user_frame(task, place, outwards ? 1 : -1);
    auto [known, is_new] = made_.try_emplace({id, user.value_or(0)});
    if (user && !is_new) return known->second;
    if (user) return known->second = make(its, names_.at(*user));
    names_.resolve(task, meaning_);
    // Of the task's own operation it is told who awaits it; of its entry, which operation that is.
    static const frame none{};
    if (outwards) return make(its, meaning_.awaited_at != nullptr ? *meaning_.awaited_at : none);
    auto of_operation = its;
    of_operation.text.clear();
    return make(of_operation, *meaning_.frames.front().location);
  }

  /// The nearest frame of a user's that awaits one, or is awaited by it.
  std::optional<std::uint32_t> user_frame(const v1::Task& task, int place, int step) {
    for (int i = place + step; i >= 0 && i < task.frames_size(); i += step)
      if (!names_.at(task.frames(i)).plumbing) return task.frames(i);
    return std::nullopt;
  }

  /// "timer.async_wait() awaited at session(int)", "entry of session(int)".
  const frame* make(const detail::library_frame& stands_for, const frame& user) {
    using kind = detail::library_frame::kind;
    frame made;
    if (stands_for.is == kind::entry)
      made.function = "entry of " + (stands_for.text.empty() ? user.function : stands_for.text);
    else
      made.function = (stands_for.text.empty() ? "<operation>" : stands_for.text) +
                      (user.function.empty() ? "" : " awaited at " + user.function);
    made.file = user.file;
    auto [at, is_new] = made_by_text_.try_emplace(made.function + '\n' + made.file);
    if (is_new) at->second = &survey_.made.emplace_back(std::move(made));
    return at->second;
  }

  void finish_functions() {
    std::unordered_map<std::string, std::size_t> known;
    auto& all = survey_.functions;
    for (const auto& [location, sums] : by_location_) {
      const auto [its, is_new] = known.try_emplace(location->function + '\n' + location->file, all.size());
      if (is_new) all.push_back({location, {}, sums.least, sums.most});
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
    keepers.of_task.assign(known_.tasks.size(), keeper_groups::none);
    auto& all = survey_.groups;
    std::vector<bool> is_chosen;
    for (auto& group : groups) {
      is_chosen.push_back(!groups_.heading_of_group(all.size()).text.ends_with(not_chosen));
      auto& keeper = all.emplace_back();
      bool all_known = true;
      for (const auto id : group.ids()) {
        const auto its = find(id);
        if (!its) continue;
        keepers.of_task[*its] = static_cast<std::uint32_t>(all.size() - 1);
        keeper.leaked = known_.tasks[*its].leaked;
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
    const auto& its = known_.tasks[task];
    bool all_known = its.whole;
    for (std::size_t i = its.first_frame; i < std::size_t{its.first_frame} + its.frames; ++i) {
      to.add(known_.frames[i]);
      all_known = all_known && known_.frames[i].chunk != task_memory::unknown;
    }
    return all_known;
  }

  void find_kept(const keeper_groups& keepers) {
    const auto found = find_kept_(keepers);
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
    if (known_.torn) notes.emplace_back("some tasks could not be read");
    if (!known_.mappings) notes.push_back(known_.why_no_mappings);
  }

  const task_memory& known_;
  const kept_finder& find_kept_;
  snapshot_source& source_;
  resolver& names_;
  const memory_options& options_;
  std::optional<selector> chosen_;  ///< nothing: all are
  std::vector<bool> passes_;        ///< of each task: it was chosen
  alike_groups groups_;
  std::size_t next_ = 0;  ///< in the known tasks
  std::unordered_map<const frame*, function_sums> by_location_;
  /// In place of Asio's: by location, and that of the user's function which awaits it or is awaited by it.
  std::map<std::pair<std::uint32_t, std::uint32_t>, const frame*> made_;
  std::unordered_map<std::string, const frame*> made_by_text_;
  resolved meaning_;  ///< of the task that is looked at
  memory_survey survey_;
};

}  // namespace

void frame_memory::add(const task_memory::frame& one) noexcept {
  ++frames;
  if (one.chunk == task_memory::unknown)
    ++unknown;
  else
    bytes += one.chunk;
  if (one.asked == task_memory::unknown) return;
  ++told;
  requested += one.asked;
}

void frame_memory::add(const frame_memory& more) noexcept {
  frames += more.frames;
  bytes += more.bytes;
  unknown += more.unknown;
  requested += more.requested;
  told += more.told;
}

result<memory_survey> survey_memory(const task_memory& known, const kept_finder& find_kept, snapshot_source& source,
                                    resolver& names, const memory_options& options) {
  return memory_surveyor(known, find_kept, source, names, options).run();
}

result<memory_survey> survey_memory(memory_moment& of, resolver& names, const memory_options& options) {
  auto not_awaited = find_not_awaited(*of.source->from(), *of.taken);
  pictured_memory pictured(prove_memory(of, of.source->from()->is_alive()),
                           options.limit == 0 ? ~std::size_t{0} : options.limit);
  const auto find_kept = [&pictured](const keeper_groups& groups) { return pictured.find_kept(groups); };
  auto survey = survey_memory(pictured.known(), find_kept, *of.source, names, options);
  if (survey) survey->not_awaited = std::move(not_awaited);
  return survey;
}

}  // namespace tasks::cli
