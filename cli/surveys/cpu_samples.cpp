#include "surveys/cpu_samples.hpp"

#include <algorithm>

#include "utf8.hpp"

namespace tasks::cli {
namespace {

/// Different stacks, and tasks in them, that are kept: some hundred MiB.
constexpr std::size_t most_cpu_stacks = 400'000;

/// What two samples of one stack have in common.
std::string key_of(const v1::Task& task) {
  v1::Task kept;
  *kept.mutable_frames() = task.frames();
  kept.set_name(task.name());
  kept.set_spawn_path(task.spawn_path());
  kept.set_spawn_location(task.spawn_location());
  kept.set_spawn_outer_location(task.spawn_outer_location());
  // Maps have no order of their own in bytes.
  std::vector<std::pair<std::string, std::string>> labels(task.labels().begin(), task.labels().end());
  std::sort(labels.begin(), labels.end());
  auto key = kept.SerializeAsString();
  for (const auto& [name, value] : labels) key.append(name) += '\0' + value + '\0';
  return key;
}

}  // namespace

sampled_thread* find_thread(std::vector<sampled_thread>& threads, pid_t tid) {
  const auto found = std::find_if(threads.begin(), threads.end(),
                                  [tid](const sampled_thread& each) { return each.thread.tid() == tid; });
  return found == threads.end() ? nullptr : &*found;
}

cpu_samples::cpu_samples(target& from, cpu_profile& made)
    : made_(made),
      program_(from.pid()),
      walker_(from.code()),
      evidence_(from.code()),
      visit_([this](const v1::Chunk& chunk) { return take(chunk); }) {
  if (!from.has_hook() || !from.roots() || from.roots()->empty()) return;
  tasks_.emplace(from.bytes(), *from.roots());
  names_.emplace(from.bytes(), *from.roots());
  maker_.emplace(from.bytes(), *names_, target_clocks{0, std::nullopt}, visit_);
}

void cpu_samples::take_task(const target_task& task, copied_moment& to) const {
  to.task.task = task;
  if (task.annotations != 0) to.annotations = names_->annotations(task);
  to.task.task.annotations = 0;
}

void cpu_samples::add(copied_moment& moment) {
  ++made_.samples;
  made_.sampled_ns += moment.weight_ns;
  cpu_stack stack;
  stack.addresses = walker_.walk(moment.stack);
  stack.thread = moment.thread;
  const bool is_told =
      moment.task.task.record != 0 &&
      (!moment.is_later || evidence_.shows(moment.task, moment.stack, stack.addresses, walker_.frame_ends()));
  if (moment.is_later && !is_told && evidence_.is_in_body(stack.addresses)) ++made_.untold;
  if (is_told) {
    stack.task = as_message(moment);
    stack.starts = moment.task.starts;
  }
  const auto key = stack.task ? key_of(*stack.task) : std::string();
  const auto [known, is_new] =
      numbers_.try_emplace({stack.addresses, key, stack.starts, stack.thread}, made_.stacks.size());
  if (is_new && made_.stacks.size() == most_cpu_stacks) {
    numbers_.erase(known);
    ++made_.left_out;
    return;
  }
  if (is_new) made_.stacks.push_back(std::move(stack));
  auto& sum = made_.stacks[known->second];
  ++sum.samples;
  sum.cpu_ns += moment.weight_ns;
}

void cpu_samples::forget() {
  numbers_.clear();
  made_.stacks.clear();
  made_.samples = made_.sampled_ns = made_.left_out = made_.untold = 0;
}

v1::Task cpu_samples::as_message(copied_moment& moment) {
  maker_->add(moment.task.task);
  maker_->flush();
  for (auto& [key, value] : moment.annotations) {
    detail::make_utf8(key);
    detail::make_utf8(value);
    // Newest first: what is there already is newer.
    if (!key.empty())
      taken_.mutable_labels()->try_emplace(key, value);
    else if (taken_.name().empty())
      taken_.set_name(value);
  }
  return std::move(taken_);
}

/// The visitor of what maker_ has made.
bool cpu_samples::take(const v1::Chunk& chunk) {
  made_.locations.mutable_locations()->MergeFrom(chunk.locations());
  taken_ = chunk.tasks(0);
  return true;
}

}  // namespace tasks::cli
