#include "sources/memory_source.hpp"

#include <algorithm>
#include <utility>

#include "sources/chunk_maker.hpp"
#include "stack_groups.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t most_sorted = 65536;

constexpr std::uint64_t bit(layout::wait_kind kind) { return std::uint64_t{1} << static_cast<unsigned>(kind); }

detail::task_filter filter_of(const v1::StacksRequest& query) {
  detail::task_filter filter;
  filter.ids.assign(query.ids().begin(), query.ids().end());
  std::sort(filter.ids.begin(), filter.ids.end());
  for (const int state : query.states()) filter.states |= 1u << static_cast<unsigned>(state);
  for (const int kind : query.kinds()) filter.kinds |= std::uint64_t{1} << static_cast<unsigned>(kind);
  filter.older_than_ms = query.older_than_ms();
  filter.threads.assign(query.threads().begin(), query.threads().end());
  std::sort(filter.threads.begin(), filter.threads.end());
  filter.fds.assign(query.fds().begin(), query.fds().end());
  std::sort(filter.fds.begin(), filter.fds.end());
  return filter;
}

void list_groups(detail::stack_groups& groups, std::uint64_t limit, chunk_maker& out, v1::Trailer& end) {
  end.set_groups_left_out(groups.left_out());
  std::uint64_t listed = 0;
  for (const auto& group : groups.sort()) {
    if (limit != 0 && listed == limit) {
      end.set_groups_left_out(end.groups_left_out() + 1);
      continue;
    }
    out.add(group, groups.frames(group));
    ++listed;
    end.set_shown(end.shown() + group.count);
  }
  out.flush();
}

/// Lists tasks oldest first while there are few enough to sort, else as they come.
class task_lister {
 public:
  task_lister(std::uint64_t limit, chunk_maker& out) : limit_(limit), out_(out) {}

  void add(const target_task& task) {
    if (few_) {
      waiting_.push_back(task);
      if (waiting_.size() <= most_sorted) return;
      few_ = false;
      for (const auto& t : std::exchange(waiting_, {})) list(t);
      return;
    }
    list(task);
  }

  std::uint64_t finish() {
    std::sort(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (const auto& t : waiting_) list(t);
    out_.flush();
    return listed_;
  }

 private:
  void list(const target_task& task) {
    if (out_.stopped() || (limit_ != 0 && listed_ == limit_)) return;
    out_.add(task);
    ++listed_;
  }

  std::uint64_t limit_, listed_ = 0;
  chunk_maker& out_;
  bool few_ = true;
  std::vector<target_task> waiting_;
};

}  // namespace

memory_source::memory_source(std::shared_ptr<target> from)
    : from_(std::move(from)), reader_(from_->bytes(), *from_->roots()) {}

std::uint32_t memory_source::tick_resolution() const {
  // Without an agent tasks read the kernel's own coarse clock: a few milliseconds.
  std::uint32_t coarsest = 0;
  for (const auto& root : *from_->roots())
    if (root.tick != 0 || root.timing != 0) coarsest = 1000;
  return coarsest;
}

/// Its parent had tasks, and what its threads did then is all that there is to know of these.
bool memory_source::is_fork() const {
  const auto& roots = *from_->roots();
  return std::any_of(roots.begin(), roots.end(),
                     [](const root_copy& root) { return root.agent == layout::agent_status::forked; });
}

result<v1::Trailer> memory_source::stacks(const v1::StacksRequest& query, const chunk_visitor& visit) {
  const target_clocks clocks{now(), wall_clock(), from_->has_hook()};
  chunk_maker out(from_->bytes(), reader_, clocks, visit);
  if (is_fork()) out.set_own_threads(facts().tids);
  v1::Trailer end;
  detail::walk_counts counts;
  if (query.grouped()) {
    detail::stack_groups groups;
    counts = reader_.walk(filter_of(query), clocks.monotonic_ms,
                          [&](const target_task& t) { groups.add(t, age_of(t, clocks.monotonic_ms)); });
    list_groups(groups, query.limit(), out, end);
  } else {
    task_lister list(query.limit(), out);
    counts = reader_.walk(filter_of(query), clocks.monotonic_ms, [&](const target_task& t) { list.add(t); });
    end.set_shown(list.finish());
  }
  end.set_total(counts.tasks);
  end.set_matched(counts.matched);
  end.set_torn(counts.torn);
  end.set_tick_resolution_ms(tick_resolution());
  end.set_registry_damaged(reader_.incomplete());
  end.set_complete(end.shown() == counts.matched && counts.torn == 0 && !end.registry_damaged() &&
                   !from_->ran_meanwhile());
  if (auto why = from_->has_changed()) return *std::move(why);
  if (out.stopped()) return v1::Trailer();
  return end;
}

result<v1::Vitals> memory_source::vitals(bool counts_only, const chunk_visitor& visit) {
  const target_clocks clocks{now(), wall_clock(), from_->has_hook()};
  detail::task_filter on_channels;
  on_channels.kinds = bit(layout::wait_kind::channel_send) | bit(layout::wait_kind::channel_receive);
  detail::stack_groups groups;
  const auto counts = reader_.walk(on_channels, clocks.monotonic_ms, [&](const target_task& t) {
    if (!counts_only) groups.add(t, age_of(t, clocks.monotonic_ms));
  });
  const auto process = facts();
  std::uint32_t workers = 0;
  for (const auto& thread : reader_.threads()) {
    if (thread.worker && std::find(process.tids.begin(), process.tids.end(), thread.tid) != process.tids.end())
      ++workers;
  }
  v1::Vitals vitals;
  vitals.set_tasks(counts.tasks);
  vitals.set_running(counts.running);
  vitals.set_blocked(counts.blocked);
  vitals.set_ready(counts.ready);
  vitals.set_os_threads(static_cast<std::uint32_t>(process.tids.size()));
  vitals.set_workers(workers);
  vitals.set_cpus(process.cpus.count);
  vitals.set_cpus_in_affinity_mask(process.cpus.in_affinity_mask);
  vitals.set_cpu_quota_millis(process.cpus.quota_millis);
  vitals.set_rss_bytes(process.rss_bytes);
  vitals.set_cpu_time_ms(process.cpu_time_ms);
  vitals.set_uptime_ms(process.uptime_ms);
  vitals.set_blocked_on_channels(counts.on_channels);
  vitals.set_all_on_channels(counts.all_on_channels());
  vitals.set_tick_resolution_ms(tick_resolution());
  vitals.set_lost(reader_.lost());
  const auto ends = reader_.count_ends();
  vitals.set_ended(ends.ended);
  vitals.set_failed(ends.failed);
  vitals.set_cancelled(ends.cancelled);
  vitals.set_registry_damaged(reader_.incomplete());
  if (!counts_only) {
    chunk_maker out(from_->bytes(), reader_, clocks, visit);
    for (const auto& failure : reader_.failures()) out.add(failure);
    v1::Trailer end;
    list_groups(groups, 0, out, end);
  }
  if (auto why = from_->has_changed()) return *std::move(why);
  return vitals;
}

}  // namespace tasks::cli
