#include "surveys/why.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "surveys/channels.hpp"
#include "surveys/look.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t most_children = 100;

/// Does memory tell who could end this wait? Others are ended by the kernel, or by time.
bool is_ended_by_tasks(const v1::Task& task) {
  if (task.state() != v1::Task::BLOCKED) return false;
  const auto& wait = task.wait();
  return is_channel(wait.kind()) || wait.kind() == v1::Wait::TASKS ||
         (wait.kind() == v1::Wait::OTHER && wait.object() == 0) ||
         (wait.kind() == v1::Wait::TIMER && wait.never_expires());
}

bool may_wait_for_name(const v1::Task& task) {
  const auto may = [](const v1::Wait& wait) {
    return wait.kind() == v1::Wait::RESOLVE || wait.kind() == v1::Wait::TASKS;
  };
  return may(task.wait()) || std::any_of(task.also().begin(), task.also().end(), may);
}

class wait_surveyor {
 public:
  wait_surveyor(snapshot_source& source, const why_options& options)
      : source_(source), options_(options), wanted_memory_(options.memory) {}

  result<why_survey> run(std::uint64_t id) {
    constexpr int most_looks = 3;
    for (int look = 1;; ++look) {
      survey_ = {};
      options_.memory = wanted_memory_ && look < most_looks;
      if (const auto looked = look_at(id); !looked) return looked.why();
      if (has_ended_)
        return error{error_code::no_such_task, subject_of(source_.pid()), fmt::format("task {} has ended", id), ""};
      if (!std::exchange(has_gone_on_, false)) break;
    }
    if (wanted_memory_ && !options_.memory && survey_.busy.empty() && is_ended_by_tasks(survey_.subject.task))
      survey_.notes.emplace_back("who else points to what it waits on is not known: it does not wait for long enough");
    return std::move(survey_);
  }

 private:
  result<void> look_at(std::uint64_t id) {
    v1::StacksRequest query;
    query.add_ids(id);
    bool found = false;
    const auto trailer = ask(query, true, [&](known_task&& task) {
      survey_.subject = std::move(task);
      found = true;
    });
    if (!trailer) return trailer.why();
    if (!found && has_been_seen_) has_ended_ = true;
    if (has_ended_) return {};
    if (!found)
      return error{error_code::no_such_task, subject_of(source_.pid()), fmt::format("task {} is not there", id),
                   "it may have ended"};
    has_been_seen_ = true;
    survey_.resolution_ms = trailer->tick_resolution_ms();
    tell_busy();
    if (survey_.subject.task.state() != v1::Task::RUNNING && survey_.busy.empty()) tell_due();
    if (survey_.subject.task.state() == v1::Task::RUNNING && survey_.busy.empty()) tell_running();
    if (is_channel(survey_.subject.task.wait().kind()) && survey_.busy.empty()) tell_idle();
    if (may_wait_for_name(survey_.subject.task)) tell_lookups();
    if (is_ended_by_tasks(survey_.subject.task) && survey_.busy.empty()) {
      const bool looked = options_.memory && look_into_memory(id);
      if (has_ended_ || has_gone_on_) return {};
      const auto named = looked ? name_tasks() : ask_source();
      if (!named) survey_.notes.push_back("what other tasks do is not known: " + in_words(named.why()));
      set_alike_apart();
    }
    // What was told of it so far was of one look.
    bool is_there = false;
    const auto again = ask(query, false, [&](known_task&&) { is_there = true; });
    has_ended_ = again && again->torn() == 0 && !is_there;
    return {};
  }

  void tell_busy() {
    auto& [task, meaning] = survey_.subject;
    if (!may_be_busy(task.resumes(), task.age_ms())) return;
    const auto busy = look_for_busy(source_);
    const auto* its = find(busy, task.id());
    if (its == nullptr) return;
    survey_.busy.push_back(*its);
    meaning.busy = &survey_.busy.front();
  }

  void tell_running() {
    auto& [task, meaning] = survey_.subject;
    auto stacks = running_stacks::look(source_, 0, wanted_memory_ && options_.stop != proof_stop::never);
    if (!stacks) return;
    const auto* its = running_on(stacks->tasks(), task.thread());
    if (its == nullptr || its->id != task.id() || its->resumes != task.resumes()) return;
    survey_.running = cli::look_at(*stacks, *its);
    meaning.native = shown_frames(frames_of_task(stacks->stack_of(*its)), options_.all_frames);
    if (stacks->failure()) survey_.notes.push_back("no native stack: " + *stacks->failure());
  }

  void tell_due() {
    const auto& subject = survey_.subject.task;
    const auto due = look_for_due(source_, false, subject.id()).due;
    if (const auto* its = find(due, subject.id()); its && its->resumes == subject.resumes()) survey_.due = *its;
  }

  void tell_idle() {
    const auto idle = look_for_idle(source_);
    if (const auto* its = find(idle, survey_.subject.task.id())) survey_.idle = *its;
  }

  void tell_lookups() {
    survey_.lookups = look_for_lookups(source_);
    auto& [task, meaning] = survey_.subject;
    meaning.looked_up = find(survey_.lookups, task.id(), task.resumes());
    if (meaning.looked_up != nullptr) meaning.now = first_before(survey_.lookups, *meaning.looked_up);
  }

  /// Each answer has names of its own.
  template <class Visit>
  result<v1::Trailer> ask(const v1::StacksRequest& query, bool spawn_sites, Visit visit) {
    auto& names = *survey_.names.emplace_back(std::make_unique<resolver>(
        source_, resolver_options{.all_frames = options_.all_frames, .spawn_sites = spawn_sites}));
    names.set_lookups(survey_.lookups);
    return source_.stacks(query, [&](const v1::Chunk& chunk) {
      names.learn(chunk);
      for (const auto& task : chunk.tasks()) {
        if (!wanted(query, task)) continue;
        known_task known{task, {}};
        names.resolve(task, known.meaning);
        visit(std::move(known));
      }
      return true;
    });
  }

  /// Of an answer that has all tasks: those that the subject waits for.
  bool wanted(const v1::StacksRequest& query, const v1::Task& task) {
    if (query.ids_size() != 0) return true;
    const auto& subject = survey_.subject.task;
    auto& node = survey_.graph.tasks[subject.id()];
    if (task.id() != subject.id() && task.has_wait() && task.wait().object() != 0 &&
        task.wait().object() == subject.wait().object())
      ++node.beside;
    if (subject.wait().kind() != v1::Wait::TASKS || !task.awaited() || task.parent() != subject.id()) return false;
    survey_.graph.cut |= node.wakers.size() >= most_children;
    if (!survey_.graph.cut) node.wakers.push_back(task.id());
    return !survey_.graph.cut;
  }

  bool look_into_memory(std::uint64_t id) {
    const std::string missing = "who else points to what it waits on is not known: ";
    auto story = look_for_wait(source_, id, options_.stop);
    if (!story) {
      survey_.notes.push_back(missing + in_words(story.why()));
      return false;
    }
    has_ended_ = story->ended;
    has_gone_on_ = story->version && *story->version != survey_.subject.task.version();
    if (has_ended_ || has_gone_on_) return false;
    survey_.proof = std::move(story->proof);
    survey_.graph = std::move(story->graph);
    survey_.cycle = find_cycle(survey_.graph, id);
    survey_.stopped_ms = story->stopped_ms;
    if (!story->unread.empty())
      survey_.notes.push_back("registers that may point to what it waits on were not read: " + story->unread);
    if (survey_.graph.cut) survey_.notes.emplace_back("there is more that leads to it than was followed");
    return true;
  }

  result<v1::Trailer> name_tasks() {
    v1::StacksRequest query;
    for (const auto& [id, task] : survey_.graph.tasks) query.add_ids(id);
    if (query.ids_size() == 0) return v1::Trailer();
    return ask(query, false, [&](known_task&& task) {
      const auto id = task.task.id();
      survey_.tasks.emplace(id, std::move(task));
    });
  }

  /// Who waits for the same operation, of the same pool, leads to the subject's handler too, and cannot call it.
  void set_alike_apart() {
    auto& node = survey_.graph.tasks[survey_.subject.task.id()];
    const auto* operation = survey_.subject.meaning.operation;
    if (!node.unnamed || operation == nullptr) return;
    node.beside += std::erase_if(node.wakers, [&](std::uint64_t waker) {
      const auto known = survey_.tasks.find(waker);
      if (known == survey_.tasks.end()) return false;
      const auto& [task, meaning] = known->second;
      return task.state() == v1::Task::BLOCKED && task.wait().kind() == v1::Wait::OTHER &&
             meaning.operation != nullptr && *meaning.operation == *operation;
    });
  }

  result<v1::Trailer> ask_source() {
    return ask({}, false, [&](known_task&& task) {
      const auto id = task.task.id();
      survey_.tasks.emplace(id, std::move(task));
    });
  }

  snapshot_source& source_;
  why_options options_;
  bool wanted_memory_;
  bool has_been_seen_ = false, has_ended_ = false;  ///< the task
  bool has_gone_on_ = false;                        ///< between the look that told its wait and that into memory
  why_survey survey_;
};

}  // namespace

result<why_survey> survey_wait(snapshot_source& source, std::uint64_t task, const why_options& options) {
  return wait_surveyor(source, options).run(task);
}

}  // namespace tasks::cli
