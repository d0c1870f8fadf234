#include "top/seen_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/quantities.hpp"

namespace tasks::cli {
namespace {

constexpr double window_seconds = 60;
constexpr unsigned most_absent = 60;  ///< looks

double difference_of(std::uint64_t now, std::uint64_t before) {
  return static_cast<double>(now) - static_cast<double>(before);
}

std::uint64_t spawned(const v1::Vitals& counted) { return counted.tasks() + counted.ended(); }

}  // namespace

std::string rate_words(double per_second, std::string_view unit) {
  if (std::abs(per_second) < 0.05) return fmt::format("0{}", unit);
  return std::abs(per_second) < 99.95 ? fmt::format("{:+.1f}{}", per_second, unit)
                                      : fmt::format("{:+.0f}{}", per_second, unit);
}

void seen_process::add(glimpse seen) {
  if (seen.anew || (last_ && seen.at <= last_->at)) forget();
  seconds_ = last_ ? seen.at - last_->at : 0;
  if (last_) before_ = last_->seen.vitals;
  last_ = std::move(seen);
  times_.push_back(last_->at);
  if (times_.size() > history::most) times_.pop_front();
  const auto& now = last_->seen.vitals;
  tasks_.add(static_cast<double>(now.tasks()));
  blocked_.add(static_cast<double>(now.blocked()));
  ready_.add(static_cast<double>(now.ready()));
  running_.add(static_cast<double>(now.running()));
  memory_.add(static_cast<double>(now.rss_bytes()));
  if (seconds_ > 0) {
    spawned_.add(difference_of(spawned(now), spawned(before_)) / seconds_);
    ended_.add(difference_of(now.ended(), before_.ended()) / seconds_);
    cpu_.add(difference_of(now.cpu_time_ms(), before_.cpu_time_ms()) / 10 / seconds_);
  }
  add_groups();
}

/// One that is gone may be back at the next look: it has not grown by all of its tasks then.
void seen_process::add_groups() {
  for (auto& [key, known] : groups_) ++known.absent;
  for (const auto& group : last_->seen.groups) {
    auto& known = groups_[group.key];
    known.absent = 0;
    known.counts.add(static_cast<double>(group.count));
  }
  for (auto at = groups_.begin(); at != groups_.end();) {
    if (at->second.absent != 0) at->second.counts.add(0);
    at = at->second.absent > most_absent ? groups_.erase(at) : std::next(at);
  }
}

std::vector<seen_process::total> seen_process::totals() const {
  if (!last_) return {};
  const auto& now = last_->seen.vitals;
  const auto rate = [&](std::uint64_t after, std::uint64_t before) {
    return seconds_ > 0 ? rate_words(difference_of(after, before) / seconds_) : std::string();
  };
  const auto since_start = [](std::uint64_t n) { return std::to_string(n); };
  const auto bytes_rate = [&]() -> std::string {
    if (!(seconds_ > 0)) return {};
    const auto change = difference_of(now.rss_bytes(), before_.rss_bytes()) / seconds_;
    if (std::abs(change) < 512) return "0/s";
    return (change < 0 ? "-" : "+") + format_bytes(static_cast<std::uint64_t>(std::abs(change))) + "/s";
  };
  return {
      {"tasks", std::to_string(now.tasks()), rate(now.tasks(), before_.tasks()), &tasks_},
      {"blocked", std::to_string(now.blocked()), rate(now.blocked(), before_.blocked()), &blocked_},
      {"ready", std::to_string(now.ready()), rate(now.ready(), before_.ready()), &ready_},
      {"running", std::to_string(now.running()), rate(now.running(), before_.running()), &running_},
      {"spawned", since_start(spawned(now)), rate(spawned(now), spawned(before_)), &spawned_},
      {"ended", since_start(now.ended()), rate(now.ended(), before_.ended()), &ended_},
      {"CPU", cpu_.values().empty() ? "-" : fmt::format("{:.1f}%", std::max(cpu_.values().back(), 0.0)), "", &cpu_},
      {"memory", format_bytes(now.rss_bytes()), bytes_rate(), &memory_},
  };
}

std::optional<double> seen_process::growth_of(const glance_group& group) const {
  const auto known = groups_.find(group.key);
  if (times_.size() < 2 || known == groups_.end()) return std::nullopt;
  const auto first = std::lower_bound(times_.begin(), times_.end(), times_.back() - window_seconds);
  const auto begin = std::min(first, std::prev(times_.end(), 2));
  const auto looks = static_cast<std::size_t>(times_.end() - begin);
  const auto& counts = known->second.counts.values();
  const double before = counts.size() < looks ? 0 : counts[counts.size() - looks];
  return (static_cast<double>(group.count) - before) / (times_.back() - *begin) * window_seconds;
}

std::optional<double> seen_process::resumes_of(const glance_group& group) const {
  if (!group.resumed || !(seconds_ > 0)) return std::nullopt;
  return static_cast<double>(*group.resumed) / seconds_;
}

std::string seen_process::line_of(const glance_group& group, std::size_t width) const {
  const auto known = groups_.find(group.key);
  return known == groups_.end() ? std::string() : known->second.counts.line(width);
}

}  // namespace tasks::cli
