#include "surveys/cpu_profile.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>

#include "linux/cpu_times.hpp"
#include "linux/same_program.hpp"
#include "linux/thread_sampler.hpp"
#include "sources/chunk_maker.hpp"
#include "target/current_task.hpp"
#include "target/stack_walk.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

using profile_clock = std::chrono::steady_clock;

/// Different stacks, and tasks in them, that are kept: some hundred MiB.
constexpr std::size_t most_cpu_stacks = 400'000;

int open_module(Dwfl_Module* module, void**, const char*, Dwarf_Addr, void*) {
  GElf_Addr bias = 0;
  Dwarf_Addr debug_bias = 0;
  dwfl_module_getelf(module, &bias);
  dwfl_module_getsymtab(module);
  dwfl_module_getdwarf(module, &debug_bias);
  return DWARF_CB_OK;
}

struct sampled_thread {
  timed_thread thread;
  std::uint64_t began_ns = 0;    ///< when it was first seen
  std::uint64_t sampled_ns = 0;  ///< at its last sample
  std::uint64_t seen_ns = 0;     ///< at the last tick
  cpu_usage asked;               ///< when it was last asked to stop
  bool has_ended = false;
};

/// What a thread was doing, as it was copied while it was stopped.
struct copied_moment {
  thread_copy stack;
  std::optional<target_task> task;
  bool starts = false;
  std::vector<std::pair<std::string, std::string>> annotations;  ///< of the task: its name (first empty) and labels
  std::string thread;                                            ///< its name
  std::uint64_t weight_ns = 0;
};

class cpu_profiler {
 public:
  cpu_profiler(target& from, const cpu_options& options, const std::atomic<bool>& stop)
      : from_(from),
        options_(options),
        stop_(stop),
        program_(from.pid()),
        census_(from.pid()),
        sampler_(from.pid()),
        walker_(from.code()),
        visit_([this](const v1::Chunk& chunk) { return take(chunk); }),
        buffer_(most_stack) {
    if (!from.has_hook() || !from.roots() || from.roots()->empty()) return;
    tasks_.emplace(from.bytes(), *from.roots());
    names_.emplace(from.bytes(), *from.roots());
    maker_.emplace(from.bytes(), *names_, target_clocks{0, std::nullopt}, visit_);
  }

  result<cpu_profile> run() {
    find_threads(true);
    if (threads_.empty()) return no_such_process(from_.pid());
    if (!program_.still() && !program_.is_refused()) return no_such_process(from_.pid());
    if (!program_.still())
      return error{error_code::permission_denied, subject_of(from_.pid()), "its memory may not be read",
                   "run tasks as its user, or as root"};
    const auto begin = profile_clock::now();
    const auto end = begin + options_.length;
    for (auto next = begin + options_.period; is_there() && !stop_;) {
      const auto now = profile_clock::now();
      if (now >= end) break;
      if (now < next) {
        // So that nobody who ends this waits for long.
        constexpr std::chrono::milliseconds longest{50};
        wait(std::min({next, end, now + longest}));
        continue;
      }
      const auto late = static_cast<std::uint64_t>((now - next) / options_.period);
      made_.missed_ticks += late;
      ticked_ = now;
      next += static_cast<std::chrono::nanoseconds::rep>(late + 1) * options_.period;
      tick();
      if (sampler_.refusal() && made_.samples == 0 && moments_.empty()) return *sampler_.refusal();
    }
    // Those that were asked and wait for a CPU have the time of some turns.
    constexpr std::chrono::milliseconds last_wait{30};
    for (const auto until = profile_clock::now() + last_wait; sampler_.is_waiting() && profile_clock::now() < until;)
      wait(until);
    for (auto& each : moments_) add(each);
    made_.length = profile_clock::now() - begin;
    add_up();
    return std::move(made_);
  }

 private:
  [[nodiscard]] bool is_there() {
    if (!made_.ended.empty()) return false;
    if (program_.still()) return true;
    // A process that is ending has no memory for a while before it is said to have ended.
    made_.ended = same_program(from_.pid()).still() ? "it executed another program" : "it ended";
    return false;
  }

  void find_threads(bool first) {
    for (auto& each : census_.find_new()) {
      const auto tid = each.tid();
      const auto now = each.usage().value_or(cpu_usage()).ns;
      // A thread that is new had nothing before.
      const auto began = first ? now : 0;
      // The kernel gives a number to another thread later.
      std::erase_if(threads_, [&](const sampled_thread& old) {
        if (old.thread.tid() == tid) count(old);
        return old.thread.tid() == tid;
      });
      threads_.push_back({std::move(each), began, began, began, {}, false});
    }
  }

  void tick() {
    std::erase_if(threads_, [this](const sampled_thread& each) {
      if (each.has_ended) count(each);
      return each.has_ended;
    });
    find_threads(false);
    // First who it may be, so that nobody who has stopped waits for that.
    wanted_.clear();
    for (auto& each : threads_) {
      if (each.has_ended) continue;
      const auto now = each.thread.usage();
      each.has_ended = !now;
      if (!now || now->ns == each.seen_ns) continue;
      each.seen_ns = now->ns;
      if (!sampler_.has_asked(each.thread.tid())) wanted_.push_back(&each);
    }
    for (auto* each : wanted_) {
      const auto now = each->thread.usage();
      if (!now || !each->thread.runs()) continue;
      each->asked = *now;
      sampler_.ask(each->thread.tid());
      take_stopped(profile_clock::time_point());
    }
  }

  void take_stopped(profile_clock::time_point until) {
    sampler_.take(until, [this](pid_t tid, const thread_registers& registers) { copy(tid, registers); });
  }

  /// What was copied is gone through while no thread may be waiting for us.
  void wait(profile_clock::time_point until) {
    constexpr std::size_t most_moments = 64;
    take_stopped(until);
    if (sampler_.is_waiting() && moments_.size() < most_moments) return;
    for (auto& each : moments_) add(each);
    moments_.clear();
  }

  [[nodiscard]] sampled_thread* find(pid_t tid) {
    const auto found = std::find_if(threads_.begin(), threads_.end(),
                                    [tid](const sampled_thread& each) { return each.thread.tid() == tid; });
    return found == threads_.end() ? nullptr : &*found;
  }

  /// Had a thread that has stopped now a CPU at the tick? Else where it lost it is no sample of where it uses it, but
  /// most often right behind whatever had the kernel look at the time. We may have taken it ourselves, to ask.
  [[nodiscard]] bool had_cpu(const cpu_usage& asked, const cpu_usage& now) const {
    constexpr std::chrono::microseconds just_before{100};
    if (now.slices == asked.slices) return true;
    const auto lost = profile_clock::now() - std::chrono::nanoseconds(now.waited_ns - asked.waited_ns);
    return now.slices == asked.slices + 1 && lost >= ticked_ - just_before;
  }

  /// The thread is stopped.
  void copy(pid_t tid, const thread_registers& registers) {
    auto* thread = find(tid);
    const auto usage = thread != nullptr ? thread->thread.usage() : std::nullopt;
    if (!usage || !program_.still()) return;
    if (!had_cpu(thread->asked, *usage)) {
      ++made_.late_stops;
      return;
    }
    auto& moment = moments_.emplace_back();
    moment.thread = thread->thread.name();
    moment.weight_ns = usage->ns - thread->sampled_ns;
    thread->sampled_ns = thread->seen_ns = usage->ns;
    moment.stack.tid = tid;
    moment.stack.registers = in_dwarf_order(registers.general);
    moment.stack.pc = registers.instruction_pointer;
    moment.stack.stack_begin = registers.stack_pointer - red_zone;
    auto size = buffer_.size();
    // Of all threads but the main one what the thread pointer points to lies at the end of the stack.
    if (registers.thread_pointer > registers.stack_pointer)
      size = std::min<std::uint64_t>(size, registers.thread_pointer - moment.stack.stack_begin);
    const auto used = from_.bytes().read(moment.stack.stack_begin, buffer_.data(), size);
    moment.stack.stack.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used));
    if (!tasks_) return;
    const auto current = tasks_->of(registers, thread->thread.inner_tid());
    moment.starts = current.starts;
    if (current.task == nullptr) return;
    moment.task = *current.task;
    if (moment.task->annotations != 0) moment.annotations = names_->annotations(*moment.task);
    moment.task->annotations = 0;
  }

  /// It has gone on.
  void add(copied_moment& moment) {
    ++made_.samples;
    made_.sampled_ns += moment.weight_ns;
    cpu_stack stack;
    stack.addresses = walker_.walk(moment.stack);
    stack.thread = moment.thread;
    stack.starts = moment.starts;
    if (moment.task) stack.task = as_message(moment);
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

  [[nodiscard]] v1::Task as_message(copied_moment& moment) {
    maker_->add(*moment.task);
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
  bool take(const v1::Chunk& chunk) {
    made_.locations.mutable_locations()->MergeFrom(chunk.locations());
    taken_ = chunk.tasks(0);
    return true;
  }

  /// What two samples of one stack have in common.
  [[nodiscard]] static std::string key_of(const v1::Task& task) {
    v1::Task kept;
    *kept.mutable_frames() = task.frames();
    *kept.mutable_labels() = task.labels();
    kept.set_name(task.name());
    kept.set_spawn_path(task.spawn_path());
    kept.set_spawn_location(task.spawn_location());
    kept.set_spawn_outer_location(task.spawn_outer_location());
    // Maps have no order of their own in bytes.
    std::vector<std::pair<std::string, std::string>> labels(task.labels().begin(), task.labels().end());
    std::sort(labels.begin(), labels.end());
    kept.clear_labels();
    auto key = kept.SerializeAsString();
    for (const auto& [name, value] : labels) key.append(name) += '\0' + value + '\0';
    return key;
  }

  /// Its CPU time since it was first seen.
  void count(const sampled_thread& thread) {
    const auto last = std::max(thread.thread.usage().value_or(cpu_usage()).ns, thread.seen_ns);
    made_.used_ns += last - thread.began_ns;
    if (last != thread.began_ns) ++made_.threads;
  }

  void add_up() {
    for (const auto& each : threads_) count(each);
    const auto& stops = sampler_.made();
    made_.longest_stop = stops.longest;
    if (stops.count != 0) made_.mean_stop = stops.all / static_cast<std::chrono::nanoseconds::rep>(stops.count);
    made_.finds_tasks = tasks_ && tasks_->knows_place();
  }

  using stack_key = std::tuple<std::vector<std::uint64_t>, std::string, bool, std::string>;

  target& from_;
  cpu_options options_;
  const std::atomic<bool>& stop_;
  same_program program_;
  thread_census census_;
  thread_sampler sampler_;
  stack_walker walker_;
  chunk_visitor visit_;
  std::optional<current_tasks> tasks_;
  std::optional<registry_reader> names_;
  std::optional<chunk_maker> maker_;
  std::vector<sampled_thread> threads_;
  profile_clock::time_point ticked_;  ///< the last tick
  std::vector<sampled_thread*> wanted_;
  std::vector<copied_moment> moments_;
  std::vector<unsigned char> buffer_;  ///< its pages are there before a thread is stopped
  v1::Task taken_;
  std::map<stack_key, std::size_t> numbers_;
  cpu_profile made_;
};

}  // namespace

void open_code(modules& code) {
  if (auto* dwfl = code.dwfl()) dwfl_getmodules(dwfl, open_module, nullptr, 0);
}

result<cpu_profile> profile_cpu(target& from, const cpu_options& options, const std::atomic<bool>& stop) {
  open_code(from.code());
  allow_many_descriptors();
  // Where the target's threads keep all CPUs busy, the one that has stopped another should not wait for its turn.
  ::setpriority(PRIO_PROCESS, 0, -20);
  return cpu_profiler(from, options, stop).run();
}

}  // namespace tasks::cli
