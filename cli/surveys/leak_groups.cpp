#include "surveys/leak_groups.hpp"
#include "surveys/channels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tasks::cli {
namespace {

/// Nobody is to blame for waiting so long: for a connection, a signal, or a time that will come.
bool is_by_design(const v1::Wait& wait) {
  return wait.kind() == v1::Wait::SOCKET_ACCEPT || wait.kind() == v1::Wait::SIGNAL ||
         (wait.kind() == v1::Wait::TIMER && wait.has_expires_in_ms());
}

bool has_expired(const v1::Wait& wait) {
  return wait.kind() == v1::Wait::TIMER && wait.has_expires_in_ms() && wait.expires_in_ms() < 0;
}

constexpr std::size_t most_cycles = 3, most_steps = 8;  ///< that are shown
constexpr std::size_t most_awaiting = 64;

/// "18 ⇄ 19 wait for each other", "18 → 19 → 20 → 18".
std::string in_words(const wait_cycle& cycle) {
  if (cycle.size() == 2) return fmt::format("{} ⇄ {} wait for each other", cycle[0].task, cycle[1].task);
  std::string text;
  for (std::size_t i = 0; i < cycle.size(); ++i)
    if (i < most_steps || i + 1 == cycle.size())
      text += fmt::format("{} → ", cycle[i].task);
    else if (i == most_steps)
      text += "… → ";
  return text + std::to_string(cycle.front().task);
}

void append_number(std::string& key, std::uint64_t number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

void task_count::add(const v1::Chunk& chunk) {
  keys_.learn(chunk);
  for (const auto& task : chunk.tasks()) {
    if (task.state() != v1::Task::BLOCKED) continue;
    ++groups_[keys_.of(task)];
    resumes_[task.id()] = task.resumes();
  }
}

bool task_count::has(const v1::Task& task) const {
  const auto found = resumes_.find(task.id());
  return found != resumes_.end() && found->second == task.resumes();
}

leak_groups::leak_groups(resolver& names, const leak_options& options, const proof_result* proof,
                         const task_count* before, const task_count* halfway)
    : options_(options), before_(before), halfway_(halfway), proof_(proof), keys_(names) {
  if (!proof) return;
  for (const auto& cycle : proof->cycles)
    if (cycle.size() > 1)
      for (const auto& step : cycle) cycles_.emplace(step.task, &cycle);
  findings_.reserve(proof->findings.size());
  for (const auto& each : proof->findings) findings_.push_back(&each);
  std::sort(findings_.begin(), findings_.end(),
            [](const brief_finding* a, const brief_finding* b) { return a->task < b->task; });
}

/// Null: there was nothing to prove of it.
const brief_finding* leak_groups::finding_of(std::uint64_t task) {
  if (next_finding_ >= findings_.size() || findings_[next_finding_]->task != task) {
    const auto at = std::lower_bound(findings_.begin(), findings_.end(), task,
                                     [](const brief_finding* each, std::uint64_t id) { return each->task < id; });
    if (at == findings_.end() || (*at)->task != task) return nullptr;
    next_finding_ = static_cast<std::size_t>(at - findings_.begin());
  }
  return findings_[next_finding_++];
}

void leak_groups::set_stalled(std::uint64_t id, std::string evidence, bool computes) {
  stalled_[id] = {std::move(evidence), computes};
}

void leak_groups::set_due(std::uint64_t id, std::uint64_t resumes, std::string evidence) {
  over_[id] = {resumes, std::move(evidence)};
}

void leak_groups::add(const v1::Chunk& chunk) {
  keys_.learn(chunk);
  for (const auto& task : chunk.tasks()) add(task);
}

void leak_groups::add(const v1::Task& task) {
  if (task.state() == v1::Task::READY) return;
  const auto* finding = finding_of(task.id());
  if (task.parent() != 0 && (task.awaited() || (finding != nullptr && finding->verdict == certainty::held)))
    parents_.insert_or_assign(task.id(), parent{task.parent(), task.awaited()});
  auto key = keys_.of(task);
  auto* groups = &waiting_;
  if (task.state() == v1::Task::RUNNING) {
    if (!stalled_.contains(task.id())) return;
    groups = &running_;
    append_number(key, task.id());  // each has a stack of its own
  } else if (finding && finding->verdict == certainty::proven) {
    groups = &proven_;
  } else if (finding && finding->verdict == certainty::likely) {
    groups = &likely_;
  } else if (const auto due = over_.find(task.id()); due != over_.end() && due->second.resumes == task.resumes()) {
    groups = &due_;
    key += due->second.evidence;
  }
  auto& its = (*groups)[key];
  auto& group = its.group;
  if (its.count++ == 0) {
    group.set_state(task.state());
    if (task.has_wait()) *group.mutable_wait() = task.wait();
    *group.mutable_frames() = task.frames();
    group.set_spawn_path(task.spawn_path());
    group.set_spawn_location(task.spawn_location());
    group.set_spawn_outer_location(task.spawn_outer_location());
    group.set_age_unknown(task.age_unknown());
    its.about = finding;
  }
  group.set_count(its.count);
  group.set_oldest_ms(std::max(group.oldest_ms(), task.age_ms()));
  its.longest_wait_ms = std::max(its.longest_wait_ms, waited_ms(task));
  its.expired += options_.stopped && has_expired(task.wait()) ? 1 : 0;
  if (group.ids_size() < most_ids) name_task(task, group, its.named);
  if (groups == &proven_ || groups == &likely_) {
    its.objects.insert(task.wait().object());
    add_cycle(task.id(), its);
  }
  its.by_design = its.by_design && is_by_design(task.wait());
  if (finding != nullptr && finding->may_be_stale() && its.stale_count++ < most_ids) its.stale.push_back(finding);
  its.closed = its.closed || (finding && finding->closed);
  if (halfway_ && halfway_->has(task)) ++its.stayed;
}

void leak_groups::add_cycle(std::uint64_t task, member& to) const {
  const auto known = cycles_.find(task);
  if (known == cycles_.end()) return;
  ++to.in_cycles;
  const bool is_new = std::find(to.cycles.begin(), to.cycles.end(), known->second) == to.cycles.end();
  if (is_new && to.cycles.size() <= most_cycles) to.cycles.push_back(known->second);
}

task_family leak_groups::family_of(std::uint64_t task) const {
  task_family family{task, 0, {}};
  auto known = parents_.find(task);
  if (known != parents_.end()) family.spawner = known->second.id;
  // A registry may claim that tasks await each other.
  for (; known != parents_.end() && known->second.awaits && family.awaited_by.size() < most_awaiting;
       known = parents_.find(known->second.id))
    family.awaited_by.push_back(known->second.id);
  return family;
}

/// Of a stopped process: until its timer expired, at which it would have gone on.
std::uint64_t leak_groups::waited_ms(const v1::Task& task) const {
  if (task.age_unknown()) return 0;
  if (!options_.stopped || !has_expired(task.wait())) return task.age_ms();
  return task.age_ms() - std::min(task.age_ms(), static_cast<std::uint64_t>(-task.wait().expires_in_ms()));
}

/// Those that came before the middle and are still there are more than all that were there at the beginning. Tasks that
/// come and go in equal numbers do not look so.
bool leak_groups::grows(const group_key& key, const member& of) const {
  if (!before_) return false;
  const auto found = before_->groups().find(key);
  return of.stayed > (found == before_->groups().end() ? 0 : found->second);
}

std::string leak_groups::why_proven(const member& of) const {
  const auto& wait = of.group.wait();
  const bool one = of.count == 1;
  const std::string_view who = wait.kind() == v1::Wait::CHANNEL_SEND      ? "sender"
                               : wait.kind() == v1::Wait::CHANNEL_RECEIVE ? "receiver"
                                                                          : "task";
  const auto subject = fmt::format("{} {}{} wait{}", of.count, who, one ? "" : "s", one ? "s" : "");
  std::string cycles;
  for (std::size_t i = 0; i < of.cycles.size(); ++i)
    cycles += (i == 0 ? "" : ", ") + (i < most_cycles ? in_words(*of.cycles[i]) : std::string("…"));
  const bool all = of.in_cycles == of.count;
  // Who points to it, as far as they all wait in cycles; else that nobody alive does, and the cycles behind.
  const auto nobody = [all](std::string_view points_to) {
    return fmt::format("{} {}", all ? "only leaked tasks" : "nothing alive", points_to);
  };
  const auto with_cycles = [&](std::string text) {
    return cycles.empty() ? text : text + (all ? ": " : "; ") + cycles;
  };
  if (!is_channel(wait.kind())) {
    if (wait.kind() == v1::Wait::TIMER)
      return with_cycles(fmt::format("{} for a timer that never expires; {}, so nobody can cancel it", subject,
                                     nobody(all ? "point to it" : "points to it")));
    if (wait.kind() == v1::Wait::TASKS) return with_cycles(subject + " for tasks that will never end");
    return with_cycles(fmt::format("{} for an operation that is not Asio's own; {}, so nobody can end it", subject,
                                   nobody(all ? "lead to its handler" : "leads to its handler")));
  }
  const auto text = of.objects.size() == 1 ? fmt::format("{} on channel {:#x}; {}", subject, wait.object(),
                                                         nobody(all ? "point to it" : "points to it"))
                                           : fmt::format("{} on {} channels; {}", subject, of.objects.size(),
                                                         nobody(all ? "point to them" : "points to any of them"));
  const bool closed = of.closed && wait.kind() == v1::Wait::CHANNEL_SEND;
  return with_cycles(text) + (closed ? "; it is closed, and close() does not wake senders that wait already" : "");
}

std::string leak_groups::why_old(const member& of) const {
  if (!of.about && of.expired != 0)
    return of.count == 1
               ? "its timer has expired, and the process is stopped"
               : fmt::format("{} of {} timers have expired, and the process is stopped", of.expired, of.count);
  if (!of.about) return {};
  const auto finding = proof_->tell(*of.about);
  const auto which = of.count == 1 ? std::string() : fmt::format("task {}: ", finding.task);
  if (finding.verdict == certainty::unchecked) return which + "not checked: " + finding.reason;
  return which + held_words(finding, family_of(finding.task));
}

/// Who keeps those that are likely to be leaked, a few of them.
std::string leak_groups::why_likely(const member& of) const {
  std::string text;
  for (const auto* brief : of.stale) {
    const auto each = proof_->tell(*brief);
    text += fmt::format("{}task {} is {}", text.empty() ? "" : "; ", each.task, held_words(each, family_of(each.task)));
    text += each.root.is == holder::kind::frame       ? ", which such words hold"
            : each.root.is == holder::kind::registers ? ", which may have been left there"
                                                      : ", at a place of no variable there: probably left behind";
  }
  return text + (of.stale_count > of.stale.size() ? "; …" : "");
}

/// One bug is one entry: what else waits in the same place joins those that are proven.
void leak_groups::add_others(const group_key& key, leak& to) {
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) return;
  auto& others = found->second;
  to.likely = others.stale_count;
  to.likely_evidence = why_likely(others);
  to.held = others.count - others.stale_count;
  auto& group = to.group;
  group.set_count(group.count() + to.likely);
  if (to.likely != 0) group.set_oldest_ms(std::max(group.oldest_ms(), others.group.oldest_ms()));
  for (const auto* each : others.stale)
    if (group.ids_size() < most_ids) group.add_ids(each->task);
  if (grows(key, others)) {
    const auto before = before_->groups().find(key);
    to.evidence += fmt::format("; {} → {} in {:g}s", before == before_->groups().end() ? 0 : before->second,
                               group.count() + to.held, options_.interval_seconds);
  }
  waiting_.erase(found);
}

std::vector<leak> leak_groups::finish() {
  by_design_ = would_have_gone_on_ = 0;
  std::vector<leak> found;
  const auto list = [&](v1::LeakView::Verdict verdict, member& of, std::string evidence) {
    leak one;
    one.verdict = verdict;
    one.group = std::move(of.group);
    one.named = std::move(of.named);
    one.evidence = std::move(evidence);
    one.hint = usual_fix(verdict, one.group.wait(), of.closed);
    if (!of.cycles.empty()) one.cycle = *of.cycles.front();
    found.push_back(std::move(one));
  };
  for (auto& [key, of] : proven_) {
    list(v1::LeakView::PROVEN, of, why_proven(of));
    add_others(key, found.back());
  }
  for (auto& [key, of] : likely_) {
    list(v1::LeakView::LIKELY, of, why_proven(of) + ", as far as its threads were read");
    add_others(key, found.back());
  }
  for (auto& [key, of] : running_) {
    const auto& stalled = stalled_[of.group.ids(0)];
    list(v1::LeakView::STALLED, of, stalled.evidence);
    // What is blocked has no remedy that holds for locks, joins and calls of libraries alike.
    if (!stalled.computes) found.back().hint.clear();
  }
  for (auto& [key, of] : due_) {
    list(v1::LeakView::DUE, of, over_[of.group.ids(0)].evidence);
    found.back().hint.clear();
  }
  for (auto& [key, of] : waiting_) {
    if (grows(key, of)) {
      const auto before = before_->groups().find(key);
      list(v1::LeakView::GROWING, of,
           fmt::format("{} → {} in {:g}s", before == before_->groups().end() ? 0 : before->second, of.count,
                       options_.interval_seconds));
    } else if (of.by_design && !options_.all) {
      by_design_ += of.longest_wait_ms >= options_.min_age_ms ? of.count : 0;
    } else if (of.longest_wait_ms >= options_.min_age_ms) {
      list(v1::LeakView::OLD, of, why_old(of));
    } else if (!of.group.age_unknown() && of.group.oldest_ms() >= options_.min_age_ms) {
      would_have_gone_on_ += of.expired;
    }
  }
  const auto weight = [](const leak& l) {
    return static_cast<double>(l.group.count()) * static_cast<double>(l.group.oldest_ms() + 1);
  };
  std::sort(found.begin(), found.end(), [&](const leak& a, const leak& b) {
    if (a.verdict != b.verdict)
      return a.verdict != v1::LeakView::OLD && (b.verdict == v1::LeakView::OLD || a.verdict < b.verdict);
    if (weight(a) != weight(b)) return weight(a) > weight(b);
    return a.group.ids(0) < b.group.ids(0);
  });
  return found;
}

std::string usual_fix(v1::LeakView::Verdict verdict, const v1::Wait& wait, bool closed) {
  if (verdict == v1::LeakView::STALLED) return "co_await now and then, or give the work to a thread pool";
  switch (wait.kind()) {
    case v1::Wait::CHANNEL_SEND:
      if (closed) return "call cancel() too where the channel is closed, or let the last sender close it";
      return "give the channel a buffer of 1 if one message is sent, or wait for a stop signal too (||)";
    case v1::Wait::CHANNEL_RECEIVE:
      return "close() the channel after the last send";
    case v1::Wait::TIMER:
      return verdict == v1::LeakView::PROVEN ? "cancel() the timer where what is waited for happens"
                                             : "use one timer again, or cancel() those that are left behind";
    case v1::Wait::TASKS:
      return "end what it waits for";
    case v1::Wait::SOCKET_CONNECT:
    case v1::Wait::SOCKET_READ:
    case v1::Wait::SOCKET_WRITE:
    case v1::Wait::SOCKET_WAIT:
    case v1::Wait::DESCRIPTOR_READ:
    case v1::Wait::DESCRIPTOR_WRITE:
    case v1::Wait::DESCRIPTOR_WAIT:
      return "wait for a timer too (||), and give up when it expires";
    default:
      return {};
  }
}

}  // namespace tasks::cli
