#include "surveys/task_memory.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "linux/proc.hpp"
#include "picture/still_target.hpp"
#include "proof/frame_chunks.hpp"
#include "proof/prover.hpp"
#include "sources/memory_source.hpp"
#include "surveys/without_hook.hpp"

namespace tasks::cli {
namespace {

error without_options(error why) {
  if (why.next_step.find("--no-prove") != std::string::npos) why.next_step = "it takes a copy; tasks stack needs none";
  return why;
}

}  // namespace

result<void> refuse_asan(const memory& bytes, std::string subject) {
  if (!has_asan_shadow(bytes.regions())) return {};
  return error{error_code::system, std::move(subject),
               "AddressSanitizer serves its memory: what an allocation is, and what is free, cannot be told",
               "look at a build without it"};
}

std::optional<std::size_t> task_memory::find(std::uint64_t id, std::size_t likely) const noexcept {
  if (likely < tasks.size() && tasks[likely].id == id) return likely;
  const auto known =
      std::lower_bound(tasks.begin(), tasks.end(), id, [](const task& one, std::uint64_t of) { return one.id < of; });
  if (known == tasks.end() || known->id != id) return std::nullopt;
  return static_cast<std::size_t>(known - tasks.begin());
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

result<memory_moment> memory_moment_in(target& still) {
  if (const auto may = refuse_asan(still.bytes(), "its memory"); !may) return may.why();
  auto copied = take_picture(still, stop_order::whom::nobody);
  if (!copied) return without_options(copied.why());
  memory_moment moment;
  moment.taken = std::make_shared<picture>(*std::move(copied));
  return moment;
}

result<memory_moment> memory_moment_of(std::unique_ptr<snapshot_source> core) {
  auto moment = memory_moment_in(*core->from());
  if (moment) moment->source = std::move(core);
  return moment;
}

proven_memory prove_memory(memory_moment& of, bool is_alive) {
  proven_memory made;
  made.taken = of.taken;
  made.in = std::make_unique<scene>(*of.taken);
  made.mappings = std::move(of.mappings);
  made.is_alive = is_alive;
  made.stopped_ms = of.taken->stopped_ms;
  made.proof = prove(*made.in);
  // Of threads that sleep not all registers are known, and one may hold what nothing else does.
  if (!of.taken->has_sleepers()) return made;
  for (auto& each : made.proof.findings)
    if (each.verdict == certainty::proven) each.verdict = certainty::likely;
  return made;
}

pictured_memory::pictured_memory(proven_memory of, std::size_t most_holes) : of_(std::move(of)), scene_(*of_.in) {
  const auto& seen = scene_.tasks().tasks;
  in_scene_.resize(seen.size());
  std::iota(in_scene_.begin(), in_scene_.end(), std::uint32_t{0});
  const auto by_id = [&seen](std::uint32_t a, std::uint32_t b) { return seen[a].id < seen[b].id; };
  if (!std::is_sorted(in_scene_.begin(), in_scene_.end(), by_id)) std::sort(in_scene_.begin(), in_scene_.end(), by_id);
  for (const auto place : in_scene_) {
    const auto& task = seen[place];
    known_.tasks.push_back({task.id, certainty::held, task.whole, task.first_frame, task.frames});
  }
  judge();
  scene_.look_closer();
  known_.heap = measure_heap(scene_.heap(), scene_.allocators(), scene_.recycled(), most_holes);
  measure_frames();
  sum_up_mappings();
  known_.torn = scene_.tasks().torn;
  known_.stopped_ms = of_.stopped_ms;
}

/// Which tasks never wake.
void pictured_memory::judge() {
  for (const auto& each : of_.proof.findings) {
    const bool is_leaked = each.verdict == certainty::proven || each.verdict == certainty::likely;
    if (const auto its = is_leaked ? known_.find(each.task, 0) : std::nullopt) known_.tasks[*its].leaked = each.verdict;
  }
  known_.doubt = of_.proof.doubt;
}

void pictured_memory::measure_frames() {
  const frame_chunks chunks(scene_);
  const auto count = scene_.tasks().frames.size();
  known_.frames.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    known_.frames.push_back(
        {chunks.bytes_of(i).value_or(task_memory::unknown), chunks.requested_by(i).value_or(task_memory::unknown)});
}

void pictured_memory::sum_up_mappings() {
  if (!of_.mappings) {
    known_.why_no_mappings = of_.is_alive ? "what is in memory is not known: /proc/PID/smaps could not be read"
                                          : "what was in memory is not known of a core";
    return;
  }
  std::vector<std::uint64_t> stack_pointers;
  for (const auto& thread : scene_.threads()) stack_pointers.push_back(thread.stack_pointer);
  known_.mappings = tasks::cli::sum_up_mappings(*of_.mappings, scene_.heap().segments(), stack_pointers);
}

kept_by_groups pictured_memory::find_kept(const keeper_groups& groups) {
  keeper_groups of_scene;
  of_scene.together = groups.together;
  of_scene.of_task.assign(in_scene_.size(), keeper_groups::none);
  for (std::size_t i = 0; i < in_scene_.size(); ++i) of_scene.of_task[in_scene_[i]] = groups.of_task[i];
  const auto found = find_kept_memory(scene_, of_scene);
  return {{found.by_group.begin(), found.by_group.end()}, found.together};
}

}  // namespace tasks::cli
