#include "commands/open_recording.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/quantities.hpp"
#include "commands/options.hpp"
#include "sources/recorded_source.hpp"

namespace tasks::cli {
namespace {

constexpr std::int64_t ns_of_ms = 1'000'000, ns_of_second = 1'000'000'000;

/// What tells one process from another one with its pid.
using identity_of_process = std::tuple<std::uint32_t, std::uint64_t, std::string>;

identity_of_process identity_in(const v1::SnapshotHead& head) { return {head.pid(), head.start_time(), head.core()}; }

std::string names_of(const std::vector<recorded_series>& processes) {
  std::string names;
  for (const auto& each : processes) names += fmt::format("{}{} {}", names.empty() ? "" : ", ", each.name, each.pid);
  return names;
}

result<recorded_series> find_recorded(const std::vector<recorded_series>& all, const std::string& path,
                                      const std::string& target) {
  std::vector<recorded_series> found;
  for (const auto& each : all)
    if (target.empty() || target == each.name || target == std::to_string(each.pid)) found.push_back(each);
  if (found.size() == 1) return found.front();
  if (all.empty()) return error{error_code::usage, path, "there is no snapshot in it", ""};
  if (found.empty())
    return error{error_code::usage, target, "no such process was recorded", "recorded are " + names_of(all)};
  return error{error_code::ambiguous_name, target.empty() ? path : target, "several processes were recorded",
               "-p chooses one of " + names_of(found)};
}

/// Its last second, so that what was taken within it is not behind it. Nothing: it is no time.
std::optional<std::int64_t> read_time(std::string_view text, std::int64_t day_of) {
  const bool utc = text.ends_with('Z');
  const std::string typed(utc ? text.substr(0, text.size() - 1) : text);
  const std::time_t day = day_of / ns_of_second;
  const auto read = [&](const char* format, long seconds) -> std::optional<std::int64_t> {
    std::tm fields{};
    utc ? ::gmtime_r(&day, &fields) : ::localtime_r(&day, &fields);
    fields.tm_sec = 0;
    const char* end = ::strptime(typed.c_str(), format, &fields);
    if (end == nullptr || *end != 0) return std::nullopt;
    fields.tm_isdst = -1;
    const auto at = utc ? ::timegm(&fields) : ::mktime(&fields);
    return (at + seconds) * ns_of_second - 1;
  };
  constexpr long a_second = 1, a_minute = 60;
  for (const auto* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%H:%M:%S"})
    if (const auto at = read(format, a_second)) return at;
  for (const auto* format : {"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%H:%M"})
    if (const auto at = read(format, a_minute)) return at;
  return std::nullopt;
}

std::string span_of(const std::vector<std::int64_t>& times) {
  return fmt::format("there are {}, from {} to {}", times.size(), format_time(times.front()),
                     format_time(times.back()));
}

}  // namespace

std::vector<recorded_series> all_series(const recording_reader& recording) {
  std::vector<recorded_series> found;
  std::map<identity_of_process, std::size_t> places;
  const auto& heads = recording.snapshots();
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const auto& head = heads[i];
    const auto [known, is_new] = places.try_emplace(identity_in(head), found.size());
    if (is_new) found.push_back({head.pid(), head.name(), {}, {}});
    found[known->second].snapshots.push_back(i);
    found[known->second].times.push_back(head.taken_at_ns());
  }
  return found;
}

std::vector<std::int64_t> ends_of_rounds(const recording_reader& recording) {
  std::vector<std::int64_t> ends;
  std::set<identity_of_process> in_round;
  for (const auto& head : recording.snapshots()) {
    const bool is_new_round = !in_round.insert(identity_in(head)).second || ends.empty();
    const auto end = ends.empty() ? head.taken_at_ns() : std::max(ends.back(), head.taken_at_ns());
    if (!is_new_round) {
      ends.back() = end;
      continue;
    }
    in_round = {identity_in(head)};
    ends.push_back(end);
  }
  return ends;
}

result<std::size_t> choose_snapshot(const std::vector<std::int64_t>& times, std::string_view at) {
  const auto wrong = [&](std::string fact) {
    return usage_error("--at " + std::string(at), std::move(fact), span_of(times));
  };
  std::size_t number = 0;
  const auto* end = at.data() + at.size();
  if (const auto read = std::from_chars(at.data(), end, number); read.ec == std::errc() && read.ptr == end) {
    if (number == 0 || number > times.size()) return wrong("no such snapshot");
    return number - 1;
  }
  std::optional<std::int64_t> until;
  if (at.starts_with('-')) {
    if (const auto before = parse_duration(at.substr(1))) until = times.back() - before->count() * ns_of_ms;
  } else {
    until = read_time(at, times.back());
  }
  if (!until) return wrong("no number and no time");
  const auto behind = std::upper_bound(times.begin(), times.end(), *until);
  if (behind == times.begin()) return wrong("nothing was recorded yet");
  if (behind == times.end() && *until - times.back() > ns_of_second * 60) return wrong("nothing was recorded any more");
  return static_cast<std::size_t>(behind - times.begin() - 1);
}

result<std::vector<std::size_t>> snapshots_at(const recording_reader& recording, const std::optional<std::string>& at) {
  std::vector<std::size_t> chosen;
  std::optional<error> why_none;
  for (const auto& process : all_series(recording)) {
    const auto place = at ? choose_snapshot(process.times, *at) : result<std::size_t>(process.snapshots.size() - 1);
    if (place)
      chosen.push_back(process.snapshots[*place]);
    else
      why_none = place.why();
  }
  if (chosen.empty() && why_none) return *why_none;
  return chosen;
}

result<recorded_series> find_series(const recording_reader& recording, const std::string& path,
                                    const std::string& target) {
  return find_recorded(all_series(recording), path, target);
}

namespace {

/// `back`: so many snapshots before the one that is chosen.
result<std::unique_ptr<snapshot_source>> open_place(const std::string& path, const std::string& target,
                                                    const std::optional<std::string>& at, std::size_t back,
                                                    const teller& tell) {
  const auto recording = recording_reader::open(path);
  if (!recording) return recording.why();
  if (!recording->damage().empty()) tell(fmt::format("tasks: {}: {}", path, recording->damage()));
  const auto process = find_series(*recording, path, target);
  if (!process) return process.why();
  const auto& times = process->times;
  const auto chosen = at ? choose_snapshot(times, *at) : result<std::size_t>(times.size() - 1);
  if (!chosen) return chosen.why();
  if (*chosen < back)
    return error{error_code::usage, path, "no snapshot was taken before this one", "--at chooses a later one"};
  const auto place = *chosen - back;
  const auto number = process->snapshots[place];
  auto parts = recording->parts(number);
  if (!parts) return parts.why();
  const auto which = fmt::format("{} {}, {}, snapshot {} of {}", process->name, process->pid, format_time(times[place]),
                                 place + 1, times.size());
  tell(fmt::format("tasks: {}: {}", path, which));
  return open_recorded(recording->snapshots()[number], *std::move(parts), "recording " + path + ": " + which);
}

}  // namespace

result<std::unique_ptr<snapshot_source>> open_recording(const std::string& path, const std::string& target,
                                                        const std::optional<std::string>& at, const teller& tell) {
  return open_place(path, target, at, 0, tell);
}

result<std::unique_ptr<snapshot_source>> open_recording_before(const std::string& path, const std::string& target,
                                                               const std::optional<std::string>& at) {
  return open_place(path, target, at, 1, [](const std::string&) {});
}

}  // namespace tasks::cli
