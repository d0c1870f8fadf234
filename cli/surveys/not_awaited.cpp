#include "surveys/not_awaited.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "coroutines/program.hpp"
#include "hookless/frame_scan.hpp"
#include "hookless/look.hpp"
#include "names.hpp"
#include "picture/glibc_heap.hpp"
#include "picture/still_target.hpp"
#include "surveys/crowds.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {
namespace {

/// At its initial suspend point, of which compilers have numbers of their own.
bool has_not_begun(const coroutine_frame& frame) {
  const auto& layout = *frame.layout;
  return layout.is_asio && !layout.is_entry && frame.caller == 0 && frame.index == (frame.body->is_gnu ? 2U : 0U);
}

/// Of all tasks, sorted.
std::vector<std::uint64_t> frames_of_tasks(const target& from) {
  std::vector<std::uint64_t> frames;
  registry_reader(from.bytes(), *from.roots()).walk({}, 0, [&](const target_task& task) {
    frames.insert(frames.end(), task.frames.begin(), task.frames.end());
  });
  std::sort(frames.begin(), frames.end());
  return frames;
}

/// The words of tasks' frames, and of what their variables point to the beginning of: the elements of a vector, or what
/// a unique_ptr has. Sorted.
std::vector<std::uint64_t> held_by(const std::vector<std::uint64_t>& frames, const memory_image& memory,
                                   const heap_map& heap) {
  constexpr std::uint64_t most = 65536, unknown = 4096;
  std::vector<std::uint64_t> words, pointed_to;
  const auto add = [&](range of) {
    for (auto at = of.begin; at < of.end; at += sizeof(std::uint64_t)) words.push_back(memory.word(at));
  };
  for (const auto frame : frames) {
    const auto object = heap.find(frame);
    add({frame, std::min(frame + most, object == heap_map::none ? frame + unknown : heap.extent(object).end)});
  }
  for (const auto word : words) {
    const auto object = heap.find(word);
    if (object != heap_map::none && !heap.is_free(object) && heap.extent(object).begin == word)
      pointed_to.push_back(word);
  }
  std::sort(pointed_to.begin(), pointed_to.end());
  pointed_to.erase(std::unique(pointed_to.begin(), pointed_to.end()), pointed_to.end());
  for (const auto begin : pointed_to) add({begin, std::min(begin + most, heap.extent(heap.find(begin)).end)});
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

not_awaited_frames named_frames(const coroutine_body& body, symbolizer& names) {
  not_awaited_frames made;
  made.function = clean(detail::make_readable(body.symbol).text);
  if (const auto where = names.resolve(body.code.begin); !where.empty()) {
    made.file = clean(where.back().file);
    made.line = where.back().line;
  }
  return made;
}

}  // namespace

std::vector<not_awaited_frames> find_not_awaited(target& from, const picture& in) {
  if (!from.roots() || is_crowd(from)) return {};
  const auto bytes = memory_of(in.image, from.bytes());
  coroutine_program program(*bytes, from.code());
  if (!program.code.has_coroutines()) return {};
  const auto of_tasks = frames_of_tasks(from);
  auto candidates = find_candidates(in.image, program.code);
  std::erase_if(candidates, [&](std::uint64_t at) { return std::binary_search(of_tasks.begin(), of_tasks.end(), at); });
  heap_map heap;
  static_cast<void>(find_glibc_heaps(in.image, in.threads, heap));
  const auto stacks = stacks_in(in);
  const frame_scan scan(in.image, candidates, heap, stacks, program.code, program.layouts, program.machine);
  std::map<std::uint64_t, const coroutine_frame*> found;  // by what an awaitable has of it, its promise's address
  for (const auto& frame : scan.frames())
    if (has_not_begun(frame)) found.emplace(frame.promise(), &frame);
  if (found.empty()) return {};
  for (const auto held : held_by(of_tasks, in.image, heap)) found.erase(held);
  std::map<const coroutine_body*, not_awaited_frames> by_body;
  for (const auto& [promise, frame] : found) {
    auto [of, is_new] = by_body.try_emplace(frame->body);
    if (is_new) of->second = named_frames(*frame->body, from.names());
    ++of->second.count;
    if (const auto object = heap.find(frame->at); object != heap_map::none)
      of->second.bytes += heap.extent(object).end - heap.extent(object).begin;
  }
  std::vector<not_awaited_frames> sorted;
  for (auto& [body, frames] : by_body) sorted.push_back(std::move(frames));
  std::sort(sorted.begin(), sorted.end(), [](const not_awaited_frames& a, const not_awaited_frames& b) {
    return std::tie(b.bytes, b.count, a.function, a.file) < std::tie(a.bytes, a.count, b.function, b.file);
  });
  return sorted;
}

}  // namespace tasks::cli
