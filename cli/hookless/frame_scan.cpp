#include "hookless/frame_scan.hpp"

#include <algorithm>
#include <iterator>

namespace tasks::cli {
namespace {

constexpr unsigned page_bits = 12;
/// A frame is looked for no further from an address in it.
constexpr std::uint64_t most_pages = 17;
/// A chain of callers that is longer leads nowhere.
constexpr int longest_chain = 10'000;
/// Of a frame whose size nobody tells.
constexpr std::uint64_t likely_size = 512;

bool is_within(const std::vector<range>& ranges, std::uint64_t address) noexcept {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), address,
                                      [](std::uint64_t at, const range& each) { return at < each.begin; });
  return after != ranges.begin() && std::prev(after)->contains(address);
}

std::uint64_t word_at(const unsigned char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace

bool stack_memory::is_stack(std::uint64_t address) const noexcept { return is_within(stacks, address); }
bool stack_memory::is_dead(std::uint64_t address) const noexcept { return is_within(dead, address); }

frame_scan::frame_scan(const memory_image& image, const heap_map& heap, const stack_memory& stacks,
                       const program_code& code, frame_layouts& layouts, body_machine& machine)
    : image_(image), heap_(heap), stacks_(stacks), layouts_(layouts), machine_(machine) {
  // clang's may lie within one another, at any multiple of eight.
  each_word(image, [&](std::uint64_t address, std::uint64_t word, const unsigned char* bytes) {
    const auto* body = code.body_at(word);
    if (body == nullptr) return;
    const auto& destroyers = body->destroyers;
    if (std::find(destroyers.begin(), destroyers.end(), word_at(bytes + 8)) != destroyers.end())
      consider(address, *body);
  });
  find_tops();
}

const frame_layout& frame_scan::layout_of(const coroutine_body& body) {
  if (last_body_ == &body) return *last_layout_;
  auto& layout = layouts_.of(body);
  if (!layout.is_known && layout.index_size == 0 && !layout.is_asio) {
    // What every Asio with awaitables has had; that it is one of those its own address says.
    layout.is_asio = true;
    layout.is_entry = body.symbol.find("6detail20co_spawn_entry_point") != body.symbol.npos;
    if (const auto index = machine_.find_index(body)) {
      layout.index = *index;
      layout.index_size = body.is_gnu ? 2 : 1;
    }
  }
  last_body_ = &body;
  last_layout_ = &layout;
  return layout;
}

void frame_scan::consider(std::uint64_t address, const coroutine_body& body) {
  if (stacks_.is_dead(address)) {
    ++others_.below_stack;
    return;
  }
  coroutine_frame frame;
  frame.at = address;
  frame.body = &body;
  const auto& layout = layout_of(body);
  frame.layout = &layout;
  if (layout.index_size != 0)
    if (const auto* bytes = image_.at(address + layout.index, layout.index_size))
      std::memcpy(&frame.index, bytes, layout.index_size);
  // What g++ makes to destroy a frame begins with setting the lowest bit.
  if (body.is_gnu && layout.index_size != 0 && (frame.index & 1) != 0) {
    ++others_.destroyed;
    return;
  }
  if (layout.is_asio && image_.word(address + layout.coro) != address) {
    // Without debug information it is another library's.
    if (layout.is_known) {
      ++others_.copies;
      return;
    }
  }
  if (const auto object = heap_.find(address); object != heap_map::none && heap_.is_free(object)) {
    ++others_.freed;
    return;
  }
  if (layout.is_asio && image_.word(address + layout.coro) == address) {
    frame.attached_thread = image_.word(address + layout.attached_thread);
    frame.caller = image_.word(address + layout.caller);
    if (layout.top_of_stack != 0) frame.top_of_stack = image_.word(address + layout.top_of_stack);
  }
  add(frame);
}

void frame_scan::add(coroutine_frame frame) {
  const auto page = frame.at >> page_bits;
  if (frames_.empty() || frames_.back().at >> page_bits != page)
    pages_.insert(page, static_cast<std::uint32_t>(frames_.size()));
  frames_.push_back(frame);
}

/// Without debug information: the top of an entry point's stack is the word from which callers lead back to it.
void frame_scan::find_tops() {
  for (auto& frame : frames_) {
    if (!frame.layout->is_entry || frame.layout->is_known || frame.caller != 0) continue;
    if (frame.layout->top_of_stack == 0) {
      constexpr std::uint64_t first = 56, last = 256;
      for (auto offset = first; offset <= last; offset += 8) {
        auto promise = image_.word(frame.at + offset);
        for (int steps = 0; promise != 0 && promise != frame.promise() && steps < longest_chain; ++steps) {
          const auto next = of_promise(promise);
          promise = next == none ? 0 : frames_[next].caller;
        }
        if (promise == 0 || promise != frame.promise()) continue;
        layouts_.of(*frame.body).top_of_stack = offset;
        break;
      }
    }
    if (frame.layout->top_of_stack != 0) frame.top_of_stack = image_.word(frame.at + frame.layout->top_of_stack);
  }
}

std::uint32_t frame_scan::at(std::uint64_t address) const noexcept {
  const auto* first = pages_.find(address >> page_bits);
  if (first == nullptr) return none;
  for (auto i = *first; i < frames_.size() && frames_[i].at <= address; ++i)
    if (frames_[i].at == address) return i;
  return none;
}

std::uint32_t frame_scan::before(std::uint64_t address) const noexcept {
  const auto last = address >> page_bits;
  for (auto page = last; page != 0 && last - page < most_pages; --page) {
    const auto* first = pages_.find(page);
    if (first == nullptr || frames_[*first].at > address) continue;
    auto i = *first;
    while (i + 1 < frames_.size() && frames_[i + 1].at <= address) ++i;
    return i;
  }
  return none;
}

std::uint32_t frame_scan::of_promise(std::uint64_t promise) const noexcept {
  const auto i = before(promise);
  return i != none && frames_[i].layout->is_asio && frames_[i].promise() == promise ? i : none;
}

std::uint32_t frame_scan::around(std::uint64_t address) const noexcept {
  const auto i = before(address);
  if (i == none) return none;
  const auto& frame = frames_[i];
  auto size = frame.layout->size;
  if (size == 0) {
    const auto object = heap_.find(frame.at);
    size = object == heap_map::none ? likely_size : heap_.extent(object).end - frame.at;
  }
  return address - frame.at < size ? i : none;
}

}  // namespace tasks::cli
