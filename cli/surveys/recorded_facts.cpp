#include "surveys/recorded_facts.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tasks::cli {
namespace {

v1::RecordedCycle cycle_message(const wait_cycle& from) {
  v1::RecordedCycle to;
  for (const auto& each : from) {
    auto& step = *to.add_steps();
    step.set_task(each.task);
    step.set_object(each.object);
  }
  return to;
}

wait_cycle cycle_of(const v1::RecordedCycle& from) {
  wait_cycle to;
  for (const auto& step : from.steps()) to.push_back({step.task(), step.object()});
  return to;
}

v1::RecordedHolder holder_message(const holder& from) {
  v1::RecordedHolder to;
  to.set_kind(static_cast<std::uint32_t>(from.is));
  to.set_address(from.address);
  to.set_size(from.size);
  to.set_id(from.id);
  to.set_path(from.path);
  to.set_variable(from.variable);
  return to;
}

holder holder_of(const v1::RecordedHolder& from) {
  const auto kind = std::min(from.kind(), static_cast<std::uint32_t>(holder::kind::kernel));
  return {static_cast<holder::kind>(kind), from.address(), from.size(), from.id(), from.path(), from.variable()};
}

void fill(const referrer& from, v1::RecordedGraph::Referrer& to) {
  to.set_object(from.object);
  *to.mutable_from() = holder_message(from.from);
  to.set_allocations(from.allocations);
}

referrer referrer_of(const v1::RecordedGraph::Referrer& from) {
  return {from.object(), holder_of(from.from()), from.allocations()};
}

v1::RecordedLookups::Thread thread_message(const resolver_thread& from) {
  v1::RecordedLookups::Thread to;
  to.set_tid(from.tid);
  to.set_idle(from.idle);
  to.set_resolver(from.resolver);
  return to;
}

resolver_thread thread_of(const v1::RecordedLookups::Thread& from) {
  return {from.tid(), from.idle(), from.resolver()};
}

v1::RecordedThreads::Thread thread_message(const surveyed_thread& from) {
  v1::RecordedThreads::Thread to;
  to.set_tid(static_cast<std::uint32_t>(from.os.tid));
  to.set_inner_tid(from.os.inner_tid);
  to.set_name(from.os.name);
  to.set_state(static_cast<unsigned char>(from.os.state));
  to.set_cpu_ticks(from.os.cpu_ticks);
  to.set_start_time(from.os.start_time);
  to.set_role(from.role);
  if (from.cpu_percent) to.set_cpu_percent(*from.cpu_percent);
  if (from.task) *to.mutable_task() = to_message(*from.task);
  to.set_starts(from.starts);
  if (from.resolver) *to.mutable_resolver() = thread_message(*from.resolver);
  for (const auto& frame : from.stack.frames) *to.add_frames() = to_message(frame);
  to.set_complete(from.stack.complete);
  to.set_failure(from.failure);
  to.set_mutex_owner(from.mutex_owner);
  return to;
}

surveyed_thread thread_of(const v1::RecordedThreads::Thread& from) {
  surveyed_thread to;
  to.os = {static_cast<pid_t>(from.tid()),  from.inner_tid(), from.name(),
           static_cast<char>(from.state()), from.cpu_ticks(), from.start_time()};
  to.role = from.role();
  if (from.has_cpu_percent()) to.cpu_percent = from.cpu_percent();
  if (from.has_task()) to.task = from_message(from.task());
  to.starts = from.starts();
  if (from.has_resolver()) to.resolver = thread_of(from.resolver());
  for (const auto& frame : from.frames()) to.stack.frames.push_back(from_message(frame));
  to.stack.complete = from.complete();
  to.failure = from.failure();
  to.mutex_owner = from.mutex_owner();
  return to;
}

}  // namespace

v1::RecordedError to_message(const error& from) {
  v1::RecordedError to;
  to.set_code(static_cast<std::uint32_t>(from.code));
  to.set_subject(from.subject);
  to.set_fact(from.fact);
  to.set_next_step(from.next_step);
  return to;
}

error from_message(const v1::RecordedError& from) {
  const auto code = std::min(from.code(), static_cast<std::uint32_t>(error_code::system));
  return {static_cast<error_code>(code), from.subject(), from.fact(), from.next_step()};
}

v1::RecordedDescriptor to_message(std::uint32_t fd, const endpoint& from) {
  v1::RecordedDescriptor to;
  to.set_fd(fd);
  to.set_kind(static_cast<std::uint32_t>(from.is));
  to.set_name(from.name);
  to.set_peer(from.peer);
  to.set_local(from.local);
  if (from.waiting) {
    to.set_receive_queue(from.waiting->receive);
    to.set_send_queue(from.waiting->send);
  }
  to.set_listens(from.listens);
  to.set_connects(from.connects);
  to.set_shut_down(from.shut_down);
  return to;
}

endpoint from_message(const v1::RecordedDescriptor& from) {
  const auto kind = std::min(from.kind(), static_cast<std::uint32_t>(endpoint::kind::other));
  endpoint to{static_cast<endpoint::kind>(kind), from.name(), from.peer(), from.local()};
  if (from.has_receive_queue()) to.waiting = endpoint::queues{from.receive_queue(), from.send_queue()};
  to.listens = from.listens();
  to.connects = from.connects();
  to.shut_down = from.shut_down();
  return to;
}

v1::RecordedDue to_message(const due_task& from) {
  v1::RecordedDue to;
  to.set_task(from.id);
  to.set_resumes(from.resumes);
  to.set_for_ms(from.for_ms);
  to.set_over(from.over);
  to.set_reason(from.reason);
  to.set_behind(from.behind);
  to.set_queued(from.queued);
  to.set_available(from.available);
  to.set_worker(from.worker);
  to.set_missed_for_ms(from.missed_for_ms);
  return to;
}

due_task from_message(const v1::RecordedDue& from) {
  return {from.task(),   from.resumes(), from.for_ms(),    from.over(),   from.reason(),
          from.behind(), from.queued(),  from.available(), from.worker(), from.missed_for_ms()};
}

v1::RecordedIdle to_message(const idle_context& from) {
  v1::RecordedIdle to;
  to.set_context(from.address);
  to.mutable_tasks()->Add(from.tasks.begin(), from.tasks.end());
  to.set_guards(from.guards);
  to.set_threads(static_cast<std::uint32_t>(from.threads));
  return to;
}

idle_context from_message(const v1::RecordedIdle& from) {
  return {from.context(), {from.tasks().begin(), from.tasks().end()}, from.guards(), from.threads()};
}

v1::RecordedBusy to_message(const busy_task& from) {
  v1::RecordedBusy to;
  to.set_task(from.id);
  to.set_per_second(from.per_second);
  to.set_resumes(from.resumes);
  to.set_needs_nobody(from.needs_nobody);
  to.set_looks(from.looks);
  for (const auto& each : from.by) {
    auto& by = *to.add_by();
    by.set_thread(each.thread);
    by.set_anew(each.anew);
    by.set_ran(each.ran);
  }
  return to;
}

busy_task from_message(const v1::RecordedBusy& from) {
  busy_task to{from.task(), from.per_second(), from.resumes(), from.needs_nobody(), from.looks()};
  for (const auto& each : from.by()) to.by.push_back({each.thread(), each.anew(), each.ran()});
  if (to.by.empty()) to.by.emplace_back();
  return to;
}

v1::RecordedLookups to_message(const lookup_survey& from) {
  v1::RecordedLookups to;
  for (const auto& each : from.lookups) {
    auto& one = *to.add_lookups();
    one.set_host(each.host);
    one.set_service(each.service);
    one.set_of_address(each.of_address);
    one.set_task(each.task);
    one.set_resumes(each.resumes);
    one.set_age_ms(each.age_ms);
    one.set_tid(each.tid);
    if (each.before) one.set_before(*each.before);
    one.set_resolver(each.resolver);
  }
  for (const auto& each : from.threads) *to.add_threads() = thread_message(each);
  for (const auto& each : from.resolvers) {
    auto& queue = *to.add_resolvers();
    if (each.queued) queue.set_queued(*each.queued);
  }
  return to;
}

lookup_survey from_message(const v1::RecordedLookups& from) {
  lookup_survey to;
  for (const auto& each : from.resolvers())
    to.resolvers.push_back({each.has_queued() ? std::optional<std::size_t>(each.queued()) : std::nullopt});
  const auto is_known = [&](std::uint64_t resolver) { return resolver < to.resolvers.size(); };
  for (const auto& each : from.lookups()) {
    if (!is_known(each.resolver())) continue;
    to.lookups.push_back({each.host(), each.service(), each.of_address(), each.task(), each.resumes(), each.age_ms(),
                          each.tid(), each.has_before() ? std::optional<std::size_t>(each.before()) : std::nullopt,
                          each.resolver()});
  }
  for (const auto& each : from.threads())
    if (is_known(each.resolver())) to.threads.push_back(thread_of(each));
  return to;
}

v1::RecordedStop to_message(const stop_cause& from) {
  v1::RecordedStop to;
  to.set_tracer(static_cast<std::uint32_t>(from.tracer));
  to.set_words(from.words);
  return to;
}

stop_cause from_message(const v1::RecordedStop& from) { return {static_cast<pid_t>(from.tracer()), from.words()}; }

v1::RecordedRun to_message(const running_task& from) {
  v1::RecordedRun to;
  to.set_task(from.id);
  to.set_thread(from.thread);
  to.set_age_ms(from.age_ms);
  to.set_resumes(from.resumes);
  to.set_age_unknown(from.age_unknown);
  to.set_name(from.texts.name());
  *to.mutable_labels() = from.texts.labels();
  return to;
}

running_task from_message(const v1::RecordedRun& from) {
  running_task to{from.task(), from.thread(), from.age_ms(), from.resumes(), from.age_unknown()};
  to.texts.set_name(from.name());
  *to.texts.mutable_labels() = from.labels();
  return to;
}

v1::RecordedFrame to_message(const native_frame& from) {
  v1::RecordedFrame to;
  to.set_address(from.address);
  to.set_function(from.function);
  to.set_file(from.file);
  to.set_line(from.line);
  to.set_module(from.module);
  to.set_plumbing(from.plumbing);
  to.set_system(from.system);
  to.set_resumes_task(from.resumes_task);
  to.set_is_coroutine(from.is_coroutine);
  return to;
}

native_frame from_message(const v1::RecordedFrame& from) {
  return {from.address(),  from.function(), from.file(),         from.line(),        from.module(),
          from.plumbing(), from.system(),   from.resumes_task(), from.is_coroutine()};
}

v1::RecordedDeath to_message(const surveyed_death& from) {
  v1::RecordedDeath to;
  to.set_signal(from.how.signal);
  if (from.how.address) to.set_address(*from.how.address);
  to.set_tid(static_cast<std::uint32_t>(from.how.tid));
  if (from.task) *to.mutable_task() = to_message(*from.task);
  to.set_starts(from.starts);
  if (from.frame) *to.mutable_frame() = to_message(*from.frame);
  return to;
}

surveyed_death from_message(const v1::RecordedDeath& from) {
  surveyed_death to{{from.signal(), std::nullopt, static_cast<pid_t>(from.tid())}, std::nullopt, false, std::nullopt};
  if (from.has_address()) to.how.address = from.address();
  if (from.has_task()) to.task = from_message(from.task());
  to.starts = from.starts();
  if (from.has_frame()) to.frame = from_message(from.frame());
  return to;
}

v1::RecordedThreads to_message(const thread_survey& from) {
  v1::RecordedThreads to;
  for (const auto& each : from.threads) *to.add_threads() = thread_message(each);
  to.set_resolution_ms(from.resolution_ms);
  to.set_longest_stop_ns(from.longest_stop.count());
  for (const auto& note : from.notes) to.add_notes(note);
  return to;
}

thread_survey from_message(const v1::RecordedThreads& from) {
  thread_survey to;
  for (const auto& each : from.threads()) to.threads.push_back(thread_of(each));
  to.resolution_ms = from.resolution_ms();
  to.longest_stop = std::chrono::nanoseconds(from.longest_stop_ns());
  to.notes.assign(from.notes().begin(), from.notes().end());
  return to;
}

v1::RecordedProof to_message(const proof_result& from) {
  v1::RecordedProof to;
  for (const auto& each : from.findings) {
    auto& one = *to.add_findings();
    one.set_task(each.task);
    one.set_object(each.object);
    one.set_ways(each.ways);
    one.set_verdict(static_cast<std::uint32_t>(each.verdict));
    one.set_closed(each.closed);
    one.set_by_stale_words(each.by_stale_words);
    one.set_waits_for_live(each.waits_for_live);
    one.set_reason(each.reason);
    one.set_by(each.by);
    one.set_root(each.root);
  }
  for (const auto& reason : from.reasons) to.add_reasons(reason);
  for (const auto& each : from.holders) *to.add_holders() = holder_message(each);
  for (const auto& each : from.cycles) *to.add_cycles() = cycle_message(each);
  to.set_doubt(from.doubt);
  to.set_unread(from.unread);
  to.set_tasks(from.tasks);
  to.set_arenas(from.arenas);
  to.set_refused_arenas(from.refused_arenas);
  to.set_mapped_allocations(from.mapped_allocations);
  to.set_objects(from.objects);
  to.set_bytes_copied(from.bytes_copied);
  to.set_stopped_ms(from.stopped_ms);
  to.set_total_ms(from.total_ms);
  return to;
}

proof_result from_message(const v1::RecordedProof& from) {
  proof_result to;
  if (!from.reasons().empty()) to.reasons.assign(from.reasons().begin(), from.reasons().end());
  if (!from.holders().empty()) to.holders.clear();
  for (const auto& each : from.holders()) to.holders.push_back(holder_of(each));
  const auto within = [](std::uint32_t place, std::size_t size) { return place < size ? place : 0; };
  for (const auto& each : from.findings()) {
    auto& one = to.findings.emplace_back();
    one.task = each.task();
    one.object = each.object();
    one.ways = each.ways();
    one.verdict = static_cast<certainty>(std::min(each.verdict(), static_cast<std::uint32_t>(certainty::unchecked)));
    one.closed = each.closed();
    one.by_stale_words = each.by_stale_words();
    one.waits_for_live = each.waits_for_live();
    one.reason = within(each.reason(), to.reasons.size());
    one.by = within(each.by(), to.holders.size());
    one.root = within(each.root(), to.holders.size());
  }
  for (const auto& each : from.cycles()) to.cycles.push_back(cycle_of(each));
  to.doubt = from.doubt();
  to.unread = from.unread();
  to.tasks = from.tasks();
  to.arenas = from.arenas();
  to.refused_arenas = from.refused_arenas();
  to.mapped_allocations = from.mapped_allocations();
  to.objects = from.objects();
  to.bytes_copied = from.bytes_copied();
  to.stopped_ms = from.stopped_ms();
  to.total_ms = from.total_ms();
  count_verdicts(to);
  return to;
}

v1::RecordedGraph to_message(const wait_graph& from) {
  v1::RecordedGraph to;
  for (const auto& [id, task] : from.tasks) {
    auto& node = *to.add_nodes();
    node.set_task(id);
    node.set_waits_for(static_cast<std::uint32_t>(task.waits_for));
    node.set_object(task.object);
    node.set_followed(task.followed);
    node.mutable_wakers()->Assign(task.wakers.begin(), task.wakers.end());
    for (const auto& each : task.others) fill(each, *node.add_others());
    node.set_beside(task.beside);
    node.set_unnamed(task.unnamed);
  }
  for (const auto& [address, object] : from.objects) {
    auto& one = *to.add_objects();
    one.set_object(address);
    one.mutable_wakers()->Assign(object.wakers.begin(), object.wakers.end());
    for (const auto& each : object.others) fill(each, *one.add_others());
  }
  to.set_cut(from.cut);
  return to;
}

wait_graph from_message(const v1::RecordedGraph& from) {
  wait_graph to;
  for (const auto& node : from.nodes()) {
    auto& task = to.tasks[node.task()];
    task.waits_for = static_cast<layout::wait_kind>(node.waits_for());
    task.object = node.object();
    task.followed = node.followed();
    task.wakers.assign(node.wakers().begin(), node.wakers().end());
    for (const auto& other : node.others()) task.others.push_back(referrer_of(other));
    task.beside = node.beside();
    task.unnamed = node.unnamed();
  }
  for (const auto& one : from.objects()) {
    auto& object = to.objects[one.object()];
    object.wakers.assign(one.wakers().begin(), one.wakers().end());
    for (const auto& other : one.others()) object.others.push_back(referrer_of(other));
  }
  to.cut = from.cut();
  return to;
}

}  // namespace tasks::cli
