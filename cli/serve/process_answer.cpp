#include "serve/process_answer.hpp"

#include <fmt/format.h>

#include <utility>

#include "sources/recorded_source.hpp"
#include "sources/recording_file.hpp"
#include "surveys/glance.hpp"

namespace tasks::cli {

v1::StacksRequest ask_for_groups(const v1::Vitals& vitals) {
  v1::StacksRequest query;
  query.set_grouped(vitals.tasks() > glances::most_tasks_read);
  query.set_without_spawn_sites(true);
  return query;
}

std::optional<process_answer> answer_of(snapshot_source& source) {
  process_answer made;
  auto vitals = source.vitals(true, [](const v1::Chunk&) { return true; });
  if (!vitals) return std::nullopt;
  const auto query = ask_for_groups(*vitals);
  auto trailer = source.stacks(query, [&](const v1::Chunk& chunk) {
    made.parts.push_back(chunk);
    for (const auto& task : chunk.tasks()) made.running.add(task);
    return true;
  });
  if (!trailer) return std::nullopt;
  made.running.resolution_ms = trailer->tick_resolution_ms();
  if (query.grouped() && vitals->running() != 0)
    if (auto running = read_running(source, stalled_after_ms)) made.running = *std::move(running);
  made.vitals = *std::move(vitals);
  made.trailer = *std::move(trailer);
  return made;
}

std::optional<process_answer> answer_in(int file) {
  constexpr std::uint64_t most_bytes = std::uint64_t{16} << 20;
  const auto recording = recording_reader::open(fmt::format("/proc/self/fd/{}", file));
  if (!recording || recording->snapshots().size() != 1 || recording->snapshots()[0].raw_bytes() > most_bytes)
    return std::nullopt;
  auto parts = recording->parts(0);
  if (!parts) return std::nullopt;
  const auto source = open_recorded(recording->snapshots()[0], *std::move(parts), "");
  if (!source) return std::nullopt;
  return answer_of(**source);
}

}  // namespace tasks::cli
