#include "views/memory.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "base/quantities.hpp"
#include "base/table.hpp"
#include "base/text.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

/// "12.0 MiB"; "unknown" where that is of none of them, "12.0 MiB, 3 unknown" where it is of some.
std::string bytes_words(const frame_memory& memory) {
  if (memory.unknown == 0) return format_bytes(memory.bytes);
  if (memory.unknown == memory.frames) return "unknown";
  return format_bytes(memory.bytes) + fmt::format(", {} unknown", in_thousands(memory.unknown));
}

/// "208 B", "208 B to 1.2 KiB".
std::string each_words(const surveyed_function& function) {
  if (function.memory.unknown == function.memory.frames) return "unknown";
  if (function.least == function.most) return format_bytes(function.least);
  return format_bytes(function.least) + " to " + format_bytes(function.most);
}

void render_left_out(fmt::memory_buffer& out, std::size_t count) {
  if (count != 0) fmt::format_to(std::back_inserter(out), "… {} more (--limit)\n", in_thousands(count));
}

void render_totals(fmt::memory_buffer& out, const memory_survey& survey) {
  const auto to = std::back_inserter(out);
  const auto& heap = survey.heap;
  if (survey.resident_bytes) fmt::format_to(to, "resident: {}\n", format_bytes(*survey.resident_bytes));
  if (heap.is_empty()) {
    append(out, "heap: not known\n");
  } else {
    fmt::format_to(to, "heap: {}: {} in use by {}, {} free\n", format_bytes(heap.bytes()), format_bytes(heap.in_use()),
                   number_and_noun(heap.allocations(), "allocation"), format_bytes(heap.free()));
  }
  fmt::format_to(to, "coroutine frames: {} of {}, {}", in_thousands(survey.frames.frames),
                 number_and_noun(survey.tasks, "task"), bytes_words(survey.frames));
  if (heap.in_use() != 0 && survey.frames.unknown != survey.frames.frames)
    fmt::format_to(to, ", {:.1f} % of what is in use",
                   100 * static_cast<double>(survey.frames.bytes) / static_cast<double>(heap.in_use()));
  out.push_back('\n');
  if (heap.recycled.count != 0)
    fmt::format_to(to, "kept by Asio for its next operations: {} in {}\n", format_bytes(heap.recycled.bytes),
                   number_and_noun(heap.recycled.count, "allocation"));
  if (!survey.not_awaited.empty()) {
    std::uint64_t count = 0;
    for (const auto& each : survey.not_awaited) count += each.count;
    fmt::format_to(to, "made and not awaited, in no task: {}\n", number_and_noun(count, "awaitable"));
    for (const auto& each : survey.not_awaited)
      fmt::format_to(
          to, "  {} × {}{}, {}\n", in_thousands(each.count), each.function.empty() ? "<unknown>" : each.function,
          each.file.empty() ? "" : fmt::format(" {}:{}", base_name(each.file), each.line), format_bytes(each.bytes));
  }
  if (!survey.matched) return;
  if (*survey.matched == 0)
    fmt::format_to(to, "\nnone of {} matches\n", number_and_noun(survey.tasks, "task"));
  else
    fmt::format_to(to, "\n{} of {} {}: functions and groups are theirs, all else is of all tasks\n",
                   in_thousands(*survey.matched), number_and_noun(survey.tasks, "task"),
                   *survey.matched == 1 ? "matches" : "match");
}

void render_functions(fmt::memory_buffer& out, const memory_survey& survey, const render_context& context) {
  if (survey.functions.empty()) return;
  std::vector<table_row> rows = {{"FRAMES", "BYTES", "EACH", "FUNCTION", "FILE"}};
  for (const auto& each : survey.functions)
    rows.push_back({in_thousands(each.memory.frames), bytes_words(each.memory), each_words(each),
                    each.location->function.empty() ? "<unknown>" : clean(each.location->function),
                    clean(base_name(each.location->file))});
  out.push_back('\n');
  render_table(out, {{true}, {true}, {true}, {false, 0, true}, {}}, rows, "", context.style);
  render_left_out(out, survey.functions_left_out);
}

std::string_view leaked_word(certainty leaked) {
  return leaked == certainty::proven ? "proven" : leaked == certainty::likely ? "likely" : "";
}

/// Where it stands, and where it was spawned.
std::string group_words(const surveyed_keeper& keeper) {
  std::string text = "<unknown>";
  if (!keeper.meaning.frames.empty() && !keeper.meaning.frames.front().location->function.empty()) {
    const auto& innermost = *keeper.meaning.frames.front().location;
    text = innermost.function;
    if (const auto where = place(innermost); !where.empty()) text += " " + where;
  }
  return clean(text);
}

void render_groups(fmt::memory_buffer& out, const memory_survey& survey, const render_context& context) {
  if (survey.groups.empty()) return;
  const bool any_leaked = survey.leaked_tasks != 0;
  std::vector<column> columns = {{true}, {true}, {true}};
  std::vector<table_row> rows = {{"TASKS", "FRAMES", "KEEP ALIVE"}};
  if (any_leaked) rows.front().emplace_back("LEAKED"), columns.emplace_back();
  rows.front().insert(rows.front().end(), {"WAIT", "FUNCTION"});
  columns.emplace_back();
  columns.push_back({false, 0, true});
  for (const auto& each : survey.groups) {
    auto& row = rows.emplace_back(table_row{in_thousands(each.group.count()), bytes_words(each.memory),
                                            each.kept ? format_bytes(each.kept->bytes) : "unknown"});
    if (any_leaked) row.emplace_back(leaked_word(each.leaked));
    row.push_back(clean(describe_state(each.group, each.meaning, context)));
    row.push_back(group_words(each));
  }
  out.push_back('\n');
  render_table(out, columns, rows, "", context.style);
  render_left_out(out, survey.groups_left_out);
  if (!any_leaked) return;
  const bool proven = std::any_of(survey.groups.begin(), survey.groups.end(),
                                  [](const surveyed_keeper& each) { return each.leaked == certainty::proven; });
  fmt::format_to(std::back_inserter(out), "{}{} {} {}leaked (tasks leaks {}{})", survey.matched ? "of all tasks, " : "",
                 number_and_noun(survey.leaked_tasks, "task"), survey.leaked_tasks == 1 ? "is" : "are",
                 proven ? "" : "likely ", target_words(context), proven ? "" : " proves it");
  if (survey.kept_by_leaked)
    fmt::format_to(std::back_inserter(out), "; besides their frames they keep {} in {}",
                   format_bytes(survey.kept_by_leaked->bytes),
                   number_and_noun(survey.kept_by_leaked->count, "allocation"));
  out.push_back('\n');
}

void render_heap(fmt::memory_buffer& out, const heap_facts& heap, const render_context& context) {
  if (heap.is_empty()) return;
  std::vector<table_row> rows = {{"ARENA", "SIZE", "IN USE", "FREE", "TOP", "CACHED", "HOLES", "LARGEST HOLE"}};
  for (const auto& each : heap.arenas)
    rows.push_back({each.is_main ? "main" : fmt::format("{:#x}", each.address), format_bytes(each.bytes),
                    format_bytes(each.in_use()), format_bytes(each.free.bytes), format_bytes(each.top_bytes),
                    format_bytes(each.fast.bytes + each.cached.bytes), in_thousands(each.holes.count),
                    each.largest.empty() ? ""
                                         : fmt::format("{} at {:#x}", format_bytes(each.largest.front().bytes),
                                                       each.largest.front().address)});
  out.push_back('\n');
  render_table(out, {{}, {true}, {true}, {true}, {true}, {true}, {true}, {}}, rows, "", context.style);
  if (heap.mapped.count != 0)
    fmt::format_to(std::back_inserter(out), "{} with a mapping of {} own: {}\n",
                   number_and_noun(heap.mapped.count, "allocation"), heap.mapped.count == 1 ? "its" : "their",
                   format_bytes(heap.mapped.bytes));
}

std::string mapping_words(const resident_sum& sum) {
  switch (sum.is) {
    case resident_sum::kind::heap:
      return "heap";
    case resident_sum::kind::stacks:
      return "stacks";
    case resident_sum::kind::anonymous:
      return "anonymous";
    default:
      return clean(sum.path);
  }
}

void render_mappings(fmt::memory_buffer& out, const memory_survey& survey, const render_context& context) {
  if (survey.mappings.empty()) return;
  std::vector<table_row> rows = {{"RESIDENT", "SIZE", "MAPPINGS", "OF"}};
  for (const auto& each : survey.mappings)
    rows.push_back({format_bytes(each.resident_bytes), format_bytes(each.bytes), in_thousands(each.mappings),
                    mapping_words(each)});
  out.push_back('\n');
  render_table(out, {{true}, {true}, {true}, {false, 0, true}}, rows, "", context.style);
  render_left_out(out, survey.mappings_left_out);
}

void fill_view(const frame_memory& from, v1::FrameMemoryView& view) {
  view.set_frames(from.frames);
  view.set_bytes(from.bytes);
  view.set_unknown_frames(from.unknown);
  if (from.frames == from.told) view.set_requested_bytes(from.requested);
}

void fill_view(const arena_facts& from, v1::ArenaView& view) {
  view.set_address(fmt::format("{:#x}", from.address));
  view.set_main(from.is_main);
  view.set_bytes(from.bytes);
  view.set_in_use_bytes(from.in_use());
  view.set_free_bytes(from.free.bytes);
  view.set_hole_bytes(from.holes.bytes);
  view.set_top_bytes(from.top_bytes);
  view.set_fast_bytes(from.fast.bytes);
  view.set_cached_bytes(from.cached.bytes);
  view.set_holes(from.holes.count);
  view.set_fast_chunks(from.fast.count);
  view.set_cached_chunks(from.cached.count);
  view.set_allocations(from.allocations);
  for (const auto& each : from.largest) {
    auto& hole = *view.add_largest_holes();
    hole.set_address(fmt::format("{:#x}", each.address));
    hole.set_bytes(each.bytes);
  }
}

void fill_view(const heap_facts& from, v1::HeapView& view) {
  view.set_bytes(from.bytes());
  view.set_in_use_bytes(from.in_use());
  view.set_free_bytes(from.free());
  view.set_allocations(from.allocations());
  for (const auto& each : from.arenas) fill_view(each, *view.add_arenas());
  view.set_mapped_allocations(from.mapped.count);
  view.set_mapped_bytes(from.mapped.bytes);
  view.set_recycled_allocations(from.recycled.count);
  view.set_recycled_bytes(from.recycled.bytes);
  view.set_refused_arenas(from.refused);
}

void fill_view(const surveyed_keeper& from, v1::KeeperView& view) {
  fill_view(from.group, from.meaning, *view.mutable_group());
  view.set_leaked(from.leaked == certainty::proven   ? v1::KeeperView::LEAK_PROVEN
                  : from.leaked == certainty::likely ? v1::KeeperView::LEAK_LIKELY
                                                     : v1::KeeperView::LEAKED_UNSPECIFIED);
  fill_view(from.memory, *view.mutable_frames());
  if (!from.kept) return;
  view.set_kept_bytes(from.kept->bytes);
  view.set_kept_allocations(from.kept->count);
}

v1::MappingView::Kind kind_of(resident_sum::kind is) {
  switch (is) {
    case resident_sum::kind::heap:
      return v1::MappingView::HEAP;
    case resident_sum::kind::stacks:
      return v1::MappingView::STACKS;
    case resident_sum::kind::anonymous:
      return v1::MappingView::ANONYMOUS;
    case resident_sum::kind::file:
      return v1::MappingView::FILE;
    default:
      return v1::MappingView::OTHER;
  }
}

}  // namespace

void render_memory(fmt::memory_buffer& out, const memory_survey& survey, const render_context& context) {
  render_totals(out, survey);
  render_functions(out, survey, context);
  render_groups(out, survey, context);
  render_heap(out, survey.heap, context);
  render_mappings(out, survey, context);
  if (context.core.empty()) {
    out.push_back('\n');
    if (survey.stopped_ms > 0)
      fmt::format_to(std::back_inserter(out), "target stopped {:.1f} ms to be copied\n", survey.stopped_ms);
    else
      append(out, "target not stopped\n");
  }
  if (!survey.notes.empty()) out.push_back('\n');
  for (const auto& note : survey.notes) append(out, "! " + note + "\n");
}

void fill_view(const memory_survey& survey, v1::MemoryView& view) {
  if (survey.resident_bytes) view.set_resident_bytes(*survey.resident_bytes);
  fill_view(survey.heap, *view.mutable_heap());
  view.set_tasks(survey.tasks);
  if (survey.matched) view.set_matched_tasks(*survey.matched);
  fill_view(survey.frames, *view.mutable_frames());
  for (const auto& each : survey.functions) {
    auto& to = *view.add_functions();
    to.set_function(each.location->function);
    to.set_file(each.location->file);
    fill_view(each.memory, *to.mutable_memory());
    if (each.memory.unknown == each.memory.frames) continue;
    to.set_least_bytes(each.least);
    to.set_most_bytes(each.most);
  }
  view.set_functions_left_out(survey.functions_left_out);
  for (const auto& each : survey.groups) fill_view(each, *view.add_groups());
  view.set_groups_left_out(survey.groups_left_out);
  view.set_leaked_tasks(survey.leaked_tasks);
  if (survey.kept_by_leaked) view.set_kept_by_leaked_bytes(survey.kept_by_leaked->bytes);
  for (const auto& each : survey.mappings) {
    auto& to = *view.add_mappings();
    to.set_kind(kind_of(each.is));
    to.set_path(each.path);
    to.set_mappings(each.mappings);
    to.set_bytes(each.bytes);
    to.set_resident_bytes(each.resident_bytes);
    to.set_swapped_bytes(each.swapped_bytes);
  }
  view.set_mappings_left_out(survey.mappings_left_out);
  for (const auto& each : survey.not_awaited) {
    auto& to = *view.add_not_awaited();
    to.set_function(each.function);
    to.set_file(each.file);
    if (each.line != 0) to.set_line(each.line);
    to.set_count(each.count);
    to.set_bytes(each.bytes);
  }
  for (const auto& note : survey.notes) view.add_notes(note);
  view.set_stopped_seconds(survey.stopped_ms / 1000);
}

}  // namespace tasks::cli
