#include "surveys/lookups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "linux/thread_places.hpp"
#include "proof/asio_resolvers.hpp"
#include "surveys/crowds.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {
namespace {

using layout::wait_kind;

/// Where Asio's pointer to a coroutine leads: behind its two function pointers.
constexpr std::uint64_t behind_pointers = 16;
/// Of tasks that wait for other things, so many are asked for their io_context: contexts are few.
constexpr std::size_t most_asked = 500;
/// Of a process that goes on.
constexpr int looks_at_most = 4;
/// What others have waited for less is a matter of load.
constexpr std::uint64_t told_after_ms = 1000;

struct waiting_task {
  std::uint64_t id, resumes, age_ms;
  std::uint64_t owner;                ///< Asio's pointer to its outermost coroutine; 0: not known
  std::vector<std::uint64_t> tokens;  ///< of the resolvers that it waits for
};

/// Of a moment. Two that are equal found the same.
struct seen_resolver {
  resolver_service service;
  std::size_t in_queue = 0;
  std::vector<std::pair<std::size_t, lookup_operation>> queued;  ///< by their places, those that are understood
  std::vector<std::pair<std::uint32_t, std::optional<lookup_operation>>> threads;  ///< and what each does
  std::vector<lookup_operation> answered;  ///< which wait for a worker of their io_context
  bool sleeps = false;                     ///< all of its threads wait for a lookup

  bool operator==(const seen_resolver& other) const {
    return service.scheduler == other.service.scheduler && in_queue == other.in_queue && queued == other.queued &&
           threads == other.threads && answered == other.answered && sleeps == other.sleeps;
  }
};

class lookup_look {
 public:
  explicit lookup_look(target& from)
      : from_(from), bytes_(from.bytes()), schedulers_(bytes_), resolvers_(bytes_, schedulers_) {}

  void read_tasks();
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }
  void gather();
  [[nodiscard]] const std::vector<seen_resolver>& seen() const { return seen_; }
  /// `has_moved`: only who looks up is certain.
  [[nodiscard]] lookup_survey finish(bool has_moved) const;

 private:
  void find_threads();
  [[nodiscard]] seen_resolver look_at(const resolver_service& service, const scheduler_state& state,
                                      const calls_of_threads& calls);
  [[nodiscard]] bool may_be(const lookup_operation& operation) const;
  [[nodiscard]] const waiting_task* owner_of(const lookup_operation& operation) const;
  [[nodiscard]] lookup make_lookup(const lookup_operation& operation,
                                   const std::vector<const lookup_operation*>& all) const;

  target& from_;
  const memory& bytes_;
  asio_schedulers schedulers_;
  asio_resolvers resolvers_;
  std::vector<waiting_task> waiting_;
  std::vector<thread_registers> threads_;
  std::vector<seen_resolver> seen_;
};

void lookup_look::read_tasks() {
  registry_reader registry(bytes_, *from_.roots());
  const auto now = from_.is_alive() ? detail::monotonic_ms() : registry.newest_tick();
  std::size_t asked = 0;
  registry.walk({}, now, [&](const target_task& task) {
    if (detail::state_of(task.word) != detail::task_state::blocked) return;
    waiting_task its{task.id, task.resumes, detail::age_of(task, now), 0, {}};
    const auto add = [&](std::uint64_t wait, std::uint64_t object) {
      const bool resolves = layout::kind_of(wait) == wait_kind::resolve;
      if (object == 0 || (!resolves && asked++ >= most_asked)) return;
      static_cast<void>(schedulers_.of_object(object));
      if (resolves) its.tokens.push_back(resolvers_.token_of(object));
    };
    add(task.wait, task.object);
    for (std::size_t i = 0; i < task.group.count; ++i) add(task.group.pending[i].wait, task.group.pending[i].object);
    if (its.tokens.empty()) return;
    if (task.depth != 0 && !task.frames.empty()) its.owner = task.frames[0] + behind_pointers;
    waiting_.push_back(std::move(its));
  });
}

void lookup_look::find_threads() {
  auto threads = from_.threads();
  std::erase_if(threads, [](const os_thread& each) { return each.state == 'Z' || each.state == 'X'; });
  if (from_.is_alive() && !from_.is_still()) {
    threads_ = cli::find_threads(from_.pid(), threads, bytes_).threads;
  } else if (auto still = from_.hold({})) {
    threads_ = (*still)->threads();
  }
}

/// What a lookup's operation is completed by says so, where that has a name.
bool lookup_look::may_be(const lookup_operation& operation) const {
  const auto names = from_.names().resolve(operation.function);
  return names.empty() || std::any_of(names.begin(), names.end(), [](const code_location& name) {
           return name.function.find("resolve_query_op") != std::string::npos ||
                  name.function.find("resolve_endpoint_op") != std::string::npos;
         });
}

seen_resolver lookup_look::look_at(const resolver_service& service, const scheduler_state& state,
                                   const calls_of_threads& calls) {
  seen_resolver seen;
  seen.service = service;
  std::unordered_set<std::uint64_t> queued(state.queued.begin(), state.queued.end());
  seen.in_queue = state.queued.size();
  for (std::size_t i = 0; i < state.queued.size(); ++i)
    if (auto operation = resolvers_.operation_at(state.queued[i], service))
      seen.queued.emplace_back(i, *std::move(operation));
  const auto context = schedulers_.look(service.of_context);
  if (context) {
    queued.insert(context->queued.begin(), context->queued.end());
    for (const auto each : context->queued)
      if (auto operation = resolvers_.operation_at(each, service)) seen.answered.push_back(*std::move(operation));
  }
  const auto runs = calls.runs.find(service.scheduler);
  if (runs == calls.runs.end()) return seen;
  seen.sleeps = state.sleeping >= runs->second.size();
  for (const auto tid : runs->second) {
    auto& its = seen.threads.emplace_back(tid, std::nullopt);
    if (seen.sleeps || !context) continue;
    const auto thread =
        std::find_if(threads_.begin(), threads_.end(), [&](const thread_registers& each) { return each.tid == tid; });
    auto found = resolvers_.on_stack(*thread, service, queued);
    std::erase_if(found, [&](const lookup_operation& each) { return !may_be(each); });
    if (found.size() == 1) its.second = std::move(found.front());
  }
  return seen;
}

void lookup_look::gather() {
  std::vector<resolver_service> services;
  for (const auto scheduler : schedulers_.known()) {
    const auto beside = resolvers_.beside(scheduler);
    services.insert(services.end(), beside.begin(), beside.end());
  }
  if (services.empty()) return;
  std::sort(services.begin(), services.end(), [](const auto& a, const auto& b) { return a.scheduler < b.scheduler; });
  find_threads();
  std::unordered_set<std::uint64_t> keys;
  for (const auto& each : services) keys.insert(each.scheduler);
  const auto calls = schedulers_.calls_of(threads_, keys);
  for (const auto& each : services)
    if (const auto state = schedulers_.look(each.scheduler)) seen_.push_back(look_at(each, *state, calls));
}

/// The task whose outermost coroutine the operation's handler has; null: it has none, or not in its own memory.
const waiting_task* lookup_look::owner_of(const lookup_operation& operation) const {
  const auto inside = schedulers_.block_at(operation.address);
  for (auto i = operation.to_handler / 8; i < inside.size(); ++i)
    for (const auto& task : waiting_)
      if (task.owner != 0 && task.owner == inside[i]) return &task;
  return nullptr;
}

lookup lookup_look::make_lookup(const lookup_operation& operation,
                                const std::vector<const lookup_operation*>& all) const {
  lookup made{.host = operation.host, .service = operation.service, .of_address = operation.of_address, .before = {}};
  const auto* task = owner_of(operation);
  if (task == nullptr) {
    // Of a resolver that is asked for one name at a time.
    const auto same =
        std::count_if(all.begin(), all.end(), [&](const auto* each) { return each->token == operation.token; });
    for (const auto& each : waiting_) {
      if (std::find(each.tokens.begin(), each.tokens.end(), operation.token) == each.tokens.end()) continue;
      if (task != nullptr || same != 1) return made;
      task = &each;
    }
  }
  if (task == nullptr) return made;
  made.task = task->id;
  made.resumes = task->resumes;
  made.age_ms = task->age_ms;
  return made;
}

lookup_survey lookup_look::finish(bool has_moved) const {
  lookup_survey survey;
  for (const auto& seen : seen_) {
    const auto resolver = survey.resolvers.size();
    survey.resolvers.push_back({has_moved ? std::nullopt : std::optional(seen.in_queue)});
    if (has_moved) {
      for (const auto& [tid, operation] : seen.threads) survey.threads.push_back({tid, false, resolver});
      continue;
    }
    std::vector<const lookup_operation*> all;
    for (const auto& [place, operation] : seen.queued) all.push_back(&operation);
    for (const auto& each : seen.answered) all.push_back(&each);
    for (const auto& [tid, operation] : seen.threads)
      if (operation) all.push_back(&*operation);
    std::size_t busy = 0;
    for (const auto& [tid, operation] : seen.threads) {
      survey.threads.push_back({tid, seen.sleeps && seen.in_queue == 0, resolver});
      if (!operation) continue;
      auto& made = survey.lookups.emplace_back(make_lookup(*operation, all));
      made.tid = tid;
      made.before = 0;
      made.resolver = resolver;
      ++busy;
    }
    // Who does a lookup that is not known may do none.
    const bool all_known = !seen.threads.empty() && busy == seen.threads.size();
    for (const auto& [place, operation] : seen.queued) {
      auto& made = survey.lookups.emplace_back(make_lookup(operation, all));
      if (all_known) made.before = busy + place;
      made.resolver = resolver;
    }
  }
  return survey;
}

lookup_survey look_twice(target& from, bool only_if_waited_for) {
  if (!from.roots() || is_crowd(from)) return {};
  const bool moves = from.is_alive() && !from.is_still();
  std::vector<seen_resolver> before;
  for (int n = 0;; ++n) {
    lookup_look look(from);
    look.read_tasks();
    if (only_if_waited_for && !look.has_waiting()) return {};
    look.gather();
    if (look.seen().empty()) return {};
    const bool same = !moves || before == look.seen();
    if (same || n == looks_at_most) return look.finish(!same);
    before = look.seen();
  }
}

}  // namespace

lookup_survey survey_lookups(target& from) { return look_twice(from, false); }

lookup_survey find_lookups(target& from) { return look_twice(from, true); }

const lookup* find(const lookup_survey& in, std::uint64_t task, std::uint64_t resumes) {
  const auto found = std::find_if(in.lookups.begin(), in.lookups.end(), [&](const lookup& each) {
    return task != 0 && each.task == task && each.resumes == resumes;
  });
  return found == in.lookups.end() ? nullptr : &*found;
}

const lookup* done_by(const lookup_survey& in, std::uint32_t tid) {
  const auto found =
      std::find_if(in.lookups.begin(), in.lookups.end(), [&](const lookup& each) { return each.tid == tid; });
  return tid == 0 || found == in.lookups.end() ? nullptr : &*found;
}

const lookup* first_before(const lookup_survey& in, const lookup& queued) {
  const auto found = std::find_if(in.lookups.begin(), in.lookups.end(), [&](const lookup& each) {
    return each.tid != 0 && each.resolver == queued.resolver;
  });
  return found == in.lookups.end() || queued.tid != 0 ? nullptr : &*found;
}

std::string name_of(const lookup& one) {
  const bool has_colons = one.host.find(':') != std::string::npos;
  fmt::memory_buffer text;
  if (one.of_address) append(text, "the name of ");
  append_foreign(text, has_colons && !one.service.empty() ? "[" + one.host + "]" : one.host);
  if (!one.service.empty()) append_foreign(text, ":" + one.service);
  return fmt::to_string(text);
}

std::vector<std::string> findings_of(const lookup_survey& in, std::uint32_t resolution_ms) {
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < in.resolvers.size(); ++i) {
    const lookup* first = nullptr;
    std::size_t done = 0;
    bool wait_long = false;
    for (const auto& each : in.lookups) {
      if (each.resolver != i) continue;
      if (each.tid != 0 && done++ == 0) first = &each;
      wait_long = wait_long || (each.tid == 0 && each.age_ms >= told_after_ms + resolution_ms);
    }
    if (first == nullptr || !wait_long) continue;
    const auto queued = in.resolvers[i].queued.value_or(0);
    auto text = fmt::format("lookups: {} queued behind {}", queued == 1 ? "1 is" : fmt::format("{} are", queued),
                            name_of(*first));
    if (done > 1) text += fmt::format(" and {} more", done - 1);
    if (first->task != 0)
      text += fmt::format(", for which task {} has waited {}", first->task, format_age(first->age_ms, resolution_ms));
    sentences.push_back(std::move(text));
  }
  return sentences;
}

}  // namespace tasks::cli
