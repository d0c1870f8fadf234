#include "hookless/frame_scan.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_map>

namespace tasks::cli {
namespace {

constexpr unsigned page_bits = 12;
/// A frame is looked for no further from an address in it.
constexpr std::uint64_t most_pages = 17;
/// From one frame to the next in a memory full of them, at least.
constexpr std::uint64_t likely_distance = 128;
/// Of a frame whose size nobody tells.
constexpr std::uint64_t likely_size = 512;
/// clang's frames may lie within others, few deep.
constexpr int most_within = 4;

/// Where the top of the stack may be in an entry point's frame without debug information, and how many frames of a body
/// are asked about it.
constexpr std::uint64_t first_top = 56, last_top = 256;
constexpr std::size_t most_asked = 64;
/// A chain of callers that is longer leads nowhere; and what all of them together may cost.
constexpr int longest_chain = 10'000;
constexpr std::uint64_t most_steps = 20'000'000;

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

std::uint64_t middle_of(const memory_image& image) noexcept {
  std::uint64_t below = 0;
  for (const auto& run : image.runs()) {
    const auto size = run.end - run.begin;
    if (below + size > image.bytes() / 2) return run.begin + (image.bytes() / 2 - below) / page_size * page_size;
    below += size;
  }
  return std::numeric_limits<std::uint64_t>::max();
}

bool stack_memory::is_stack(std::uint64_t address) const noexcept { return is_within(stacks, address); }
bool stack_memory::is_dead(std::uint64_t address) const noexcept {
  return is_within(dead, address) || (shadow != nullptr && shadow->is_poisoned(address));
}

std::vector<std::uint64_t> find_candidates(const memory_image& image, const program_code& code) {
  // Into room that takes no memory until it is used: vectors that grow cost more than all the rest.
  return find_words<std::uint64_t>(
      image, image.bytes() / likely_distance,
      [&](std::uint64_t address, std::uint64_t word, const unsigned char* bytes, std::vector<std::uint64_t>& found) {
        const auto* body = code.body_at(word);
        if (body == nullptr) return;
        const auto& destroyers = body->destroyers;
        if (std::find(destroyers.begin(), destroyers.end(), word_at(bytes + 8)) != destroyers.end())
          found.push_back(address);
      });
}

frame_scan::frame_scan(const memory_image& image, const std::vector<std::uint64_t>& candidates, const heap_map& heap,
                       const stack_memory& stacks, const program_code& code, frame_layouts& layouts,
                       body_machine& machine)
    : image_(image), heap_(heap), stacks_(stacks), code_(code), layouts_(layouts), machine_(machine) {
  known_.resize(code.bodies().size());
  was_met_.resize(code.bodies().size());
  frames_.reserve(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    constexpr std::size_t soon = 16;
    if (i + soon < candidates.size()) image.prefetch(candidates[i + soon]);
    consider(candidates[i], *code.body_at(image.word(candidates[i])));
  }
  if (may_have_copies_) take_out_copies();
  number();
  if (has_guessed_) find_tops();
}

std::size_t frame_scan::number_of(const coroutine_body& body) const noexcept {
  return static_cast<std::size_t>(&body - code_.bodies().data());
}

frame_layout& frame_scan::layout_of(const coroutine_body& body) {
  auto*& known = known_[number_of(body)];
  if (known != nullptr) return *known;
  known = &layouts_.of(body);
  if (known->is_known || known->index_size != 0) return *known;
  if (const auto index = machine_.find_index(body)) {
    known->index = *index;
    known->index_size = body.is_gnu ? 2 : 1;
  }
  return *known;
}

void frame_scan::consider(std::uint64_t address, const coroutine_body& body) {
  if (stacks_.is_dead(address)) {
    ++others_.below_stack;
    return;
  }
  auto& layout = layout_of(body);
  if (!layout.is_known && !layout.is_asio && image_.word(address + layout.coro) == address) guess(layout, body);
  if (!layout.is_known && !layout.is_asio) was_met_[number_of(body)] = true;
  has_guessed_ = has_guessed_ || (!layout.is_known && layout.is_asio);
  coroutine_frame frame;
  frame.at = address;
  frame.body = &body;
  frame.layout = &layout;
  if (layout.index_size != 0) {
    const auto* bytes = image_.at(address + layout.index, layout.index_size);
    std::uint64_t index = 0;
    if (bytes != nullptr) std::memcpy(&index, bytes, layout.index_size);
    frame.index = static_cast<std::uint32_t>(index);
    // What g++ makes to destroy a frame begins with setting the lowest bit.
    if (body.is_gnu && (frame.index & 1) != 0) {
      ++others_.destroyed;
      return;
    }
  }
  if (layout.is_asio) {
    const auto last = std::max({layout.coro, layout.attached_thread, layout.caller, layout.top_of_stack});
    const auto* bytes = image_.at(address, last + sizeof(std::uint64_t));
    if (bytes == nullptr || word_at(bytes + layout.coro) != address) {
      ++others_.copies;
      return;
    }
    frame.caller = word_at(bytes + layout.caller);
  }
  if (const auto object = heap_.find(address); object != heap_map::none && heap_.is_free(object)) {
    ++others_.freed;
    return;
  }
  frames_.push_back(frame);
}

/// It is what every Asio with awaitables has had.
void frame_scan::guess(frame_layout& layout, const coroutine_body& body) {
  layout.is_asio = true;
  layout.is_entry = body.symbol.find("6detail20co_spawn_entry_point") != body.symbol.npos;
  may_have_copies_ = may_have_copies_ || was_met_[number_of(body)];
}

/// Those that were met before a frame of their body said that it is an awaitable's.
void frame_scan::take_out_copies() {
  others_.copies += std::erase_if(frames_, [this](const coroutine_frame& each) {
    return each.layout->is_asio && image_.word(each.at + each.layout->coro) != each.at;
  });
}

void frame_scan::number() {
  const auto is_first = [this](std::uint32_t i) {
    return i == 0 || frames_[i - 1].at >> page_bits != frames_[i].at >> page_bits;
  };
  std::size_t pages = 0;
  for (std::uint32_t i = 0; i < frames_.size(); ++i) pages += is_first(i) ? 1u : 0u;
  pages_.reserve(pages);
  for (std::uint32_t i = 0; i < frames_.size(); ++i)
    if (is_first(i)) pages_.insert(frames_[i].at >> page_bits, i);
}

/// Without debug information: what most of a body's frames say.
void frame_scan::find_tops() {
  std::unordered_map<const coroutine_body*, std::vector<const coroutine_frame*>> entries;
  const auto is_asked = [](const coroutine_frame& each) {
    return each.layout->is_entry && !each.layout->is_known && each.caller == 0;
  };
  for (const auto& each : frames_) {
    if (!is_asked(each)) continue;
    if (auto& its = entries[each.body]; its.size() < most_asked) its.push_back(&each);
  }
  auto steps_left = most_steps;
  for (const auto& [body, asked] : entries) {
    std::map<std::uint64_t, std::size_t> votes;
    for (const auto* each : asked)
      if (const auto offset = find_top(*each, steps_left); offset != 0) ++votes[offset];
    const auto most =
        std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != votes.end()) layout_of(*body).top_of_stack = most->first;
  }
}

/// The offset of the first word from which callers lead back to an entry point; 0: there is none.
std::uint64_t frame_scan::find_top(const coroutine_frame& entry, std::uint64_t& steps_left) const {
  for (auto offset = first_top; offset <= last_top; offset += sizeof(std::uint64_t)) {
    auto promise = image_.word(entry.at + offset);
    for (int steps = 0; promise != 0 && promise != entry.promise() && steps < longest_chain; ++steps) {
      if (steps_left == 0) return 0;
      --steps_left;
      const auto next = of_promise(promise);
      promise = next == none ? 0 : frames_[next].caller;
    }
    if (promise == entry.promise()) return offset;
  }
  return 0;
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

/// Compilers make a frame's first word zero before they call final_suspend(), where Asio takes it off its stack.
std::optional<frame_scan::ending> frame_scan::ending_of_promise(std::uint64_t promise) {
  const auto address = promise - frame_layout{}.promise;
  const auto* begin = image_.at(address, 2 * sizeof(std::uint64_t));
  if (begin == nullptr || word_at(begin) != 0) return std::nullopt;
  const auto* body = code_.body_destroyed_by(word_at(begin + sizeof(std::uint64_t)));
  if (body == nullptr || stacks_.is_dead(address)) return std::nullopt;
  const auto& layout = layout_of(*body);
  if (!layout.is_asio || layout.is_entry || address + layout.promise != promise) return std::nullopt;
  if (image_.word(address + layout.coro) != address) return std::nullopt;
  if (const auto object = heap_.find(address); object != heap_map::none && heap_.is_free(object)) return std::nullopt;
  return ending{image_.word(address + layout.caller), image_.word(address + layout.attached_thread)};
}

std::uint32_t frame_scan::around(std::uint64_t address) const noexcept {
  auto i = before(address);
  for (int tries = 0; i != none && tries < most_within; ++tries) {
    const auto& frame = frames_[i];
    auto size = frame.layout->size;
    if (size == 0) {
      const auto object = heap_.find(frame.at);
      size = object == heap_map::none ? likely_size : heap_.extent(object).end - frame.at;
    }
    if (address - frame.at < size) return i;
    // Only clang's have others within them.
    if (i == 0 || frame.body->is_gnu) break;
    --i;
  }
  return none;
}

}  // namespace tasks::cli
