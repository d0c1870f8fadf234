#include "surveys/timing.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include "linux/proc.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cli {
namespace {

/// An agent's connection is to be used as often as this, so that it stays.
constexpr std::chrono::seconds longest_rest{1};

void add_durations(v1::Durations& to, const v1::Durations& from) {
  to.set_count(to.count() + from.count());
  to.set_total_ns(to.total_ns() + from.total_ns());
  to.set_longest_ns(std::max(to.longest_ns(), from.longest_ns()));
  while (to.histogram_size() < from.histogram_size()) to.add_histogram(0);
  for (int i = 0; i < from.histogram_size(); ++i) to.set_histogram(i, to.histogram(i) + from.histogram(i));
}

}  // namespace

result<void> time_runs_for(snapshot_source& source, std::chrono::milliseconds interval) {
  using timing_clock = std::chrono::steady_clock;
  auto timed = source.time_runs(timing_lease);
  if (!timed) return timed.why();
  const auto end = timing_clock::now() + interval;
  for (auto now = timing_clock::now(); now < end; now = timing_clock::now()) {
    std::this_thread::sleep_for(std::min<timing_clock::duration>(end - now, longest_rest));
    timed = source.time_runs(timing_lease);
    if (!timed) return timed.why();
  }
  return {};
}

result<v1::Trailer> timed_source::stacks(const v1::StacksRequest& query, const chunk_visitor& visit) {
  auto asked = query;
  asked.set_timing(true);
  std::vector<std::string> parts;
  auto read = from_.stacks(asked, [&](const v1::Chunk& chunk) {
    parts.push_back(chunk.SerializeAsString());
    return true;
  });
  if (!read) return read;
  state_ = read->timing();
  if (!state_.on())
    return error{error_code::agent_gone, subject_of(pid()), "its agent times runs no longer", "ask again"};
  v1::Chunk chunk;
  for (const auto& part : parts) {
    chunk.ParseFromString(part);
    if (!visit(chunk)) return v1::Trailer();
  }
  return read;
}

std::uint64_t busy_ns(const v1::Timing& of) { return of.runs().total_ns() + of.running_ns(); }

std::uint64_t longest_run_ns(const v1::Timing& of) { return std::max(of.runs().longest_ns(), of.running_ns()); }

void add_timing(v1::Timing& to, const v1::Timing& from) {
  if (from.has_runs()) add_durations(*to.mutable_runs(), from.runs());
  if (from.has_delays()) add_durations(*to.mutable_delays(), from.delays());
  to.set_running_ns(to.running_ns() + from.running_ns());
}

std::uint64_t bucket_limit_ns(std::size_t bucket) {
  return bucket + 1 < layout::timing_buckets ? std::uint64_t{1024} << bucket : 0;
}

std::uint64_t quantile_ns(const v1::Durations& of, double share) {
  std::uint64_t all = 0;
  for (const auto count : of.histogram()) all += count;
  if (all == 0) return 0;
  auto left = share * static_cast<double>(all);
  for (int i = 0; i < of.histogram_size(); ++i) {
    left -= static_cast<double>(of.histogram(i));
    if (left > 0) continue;
    const auto limit = bucket_limit_ns(static_cast<std::size_t>(i));
    return limit == 0 ? of.longest_ns() : std::min(limit, of.longest_ns());
  }
  return of.longest_ns();
}

}  // namespace tasks::cli
