#include "surveys/busy_places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"

namespace tasks::cli {

busy_survey name_busy(const std::vector<busy_task>& busy, snapshot_source& source) {
  busy_survey named;
  if (busy.empty()) return named;
  v1::StacksRequest query;
  for (const auto& each : busy) query.add_ids(each.id);
  std::sort(query.mutable_ids()->begin(), query.mutable_ids()->end());
  named.names = std::make_unique<resolver>(source, resolver_options{.spawn_sites = false});
  std::map<std::uint64_t, resolved> meanings;
  const auto read = source.stacks(query, [&](const v1::Chunk& chunk) {
    named.names->learn(chunk);
    for (const auto& task : chunk.tasks()) named.names->resolve(task, meanings[task.id()]);
    return true;
  });
  if (!read) meanings.clear();
  for (const auto& each : busy) named.tasks.push_back({each, std::move(meanings[each.id])});
  return named;
}

std::string place_of(const busy_place& busy) {
  const auto& frames = busy.meaning.frames;
  const auto* at = frames.empty() ? nullptr : frames.front().location;
  if (at == nullptr || at->function.empty()) return {};
  return at->file.empty() ? at->function : fmt::format("{} {}:{}", at->function, base_name(at->file), at->line);
}

std::vector<std::string> findings_of(const std::vector<busy_place>& busy) {
  constexpr std::size_t most_named = 5;
  std::vector<std::string> findings;
  for (const auto& each : busy) {
    if (findings.size() == most_named) {
      findings.push_back("busy: " + number_and_noun(busy.size() - most_named, "more task"));
      break;
    }
    auto finding = fmt::format("busy: task {}, {} resumptions/s", each.task.id, format_rate(each.task.per_second));
    if (const auto place = place_of(each); !place.empty()) finding += ", " + place;
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace tasks::cli
