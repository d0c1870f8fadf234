#include "hookless/second_reading.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tasks::cli {
namespace {

/// Reads words of several owners at once, and tells the owners of those that differ.
class reading {
 public:
  reading(const memory_image& first, const memory& again, std::size_t owners)
      : first_(first), again_(again), changed_(owners) {}

  void want(std::uint64_t address, std::size_t owner) {
    if (addresses_.size() == most_at_once) compare();
    addresses_.push_back(address);
    owners_.push_back(owner);
  }

  [[nodiscard]] std::vector<bool> finish() {
    compare();
    return std::move(changed_);
  }

 private:
  static constexpr std::size_t most_at_once = std::size_t{1} << 16;

  void compare() {
    words_.assign(addresses_.size(), 0);
    again_.read_words(addresses_, words_);
    for (std::size_t i = 0; i < words_.size(); ++i)
      if (words_[i] != first_.word(addresses_[i])) changed_[owners_[i]] = true;
    addresses_.clear();
    owners_.clear();
  }

  const memory_image& first_;
  const memory& again_;
  std::vector<bool> changed_;
  std::vector<std::uint64_t> addresses_, words_;
  std::vector<std::size_t> owners_;
};

constexpr std::uint64_t word_size = 8;

void want(const coroutine_frame& frame, std::size_t owner, reading& in) {
  const auto& layout = *frame.layout;
  in.want(frame.at, owner);
  in.want(frame.at + word_size, owner);
  if (layout.index != 0) in.want((frame.at + layout.index) / word_size * word_size, owner);
  if (layout.is_asio) {
    in.want(frame.at + layout.attached_thread, owner);
    in.want(frame.at + layout.caller, owner);
    if (layout.top_of_stack != 0) in.want(frame.at + layout.top_of_stack, owner);
    return;
  }
  // Somewhere there is who awaits it.
  constexpr std::uint64_t most_of_promise = 64;
  for (std::uint64_t i = 0; i < std::min(layout.promise_size, most_of_promise); i += word_size)
    in.want(frame.promise() + i, owner);
}

/// But for the link to the next one of its queue, which is none of its own.
void want(const found_wait& wait, std::size_t owner, reading& in) {
  if (wait.operation != 0) {
    in.want(wait.operation + word_size, owner);
    in.want(wait.operation + 2 * word_size, owner);
  }
  for (const auto& other : wait.also) want(other, owner, in);
}

}  // namespace

std::vector<bool> changed_since(const memory_image& first, const memory& again, const frame_scan& scan,
                                const task_chains& chains, const std::vector<found_wait>& waits) {
  const auto& tasks = chains.tasks();
  reading its(first, again, tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (const auto frame : tasks[i].frames) want(scan.frames()[frame], i, its);
    want(waits[i], i, its);
  }
  return its.finish();
}

std::vector<bool> broken_since(const memory_image& first, const memory& again, const frame_scan& scan,
                               const task_chains& chains) {
  // Around what should be the innermost promise: that of a frame which came when its memory had been read.
  constexpr std::uint64_t before = 2, words = 5;
  const auto& broken = chains.broken();
  reading its(first, again, broken.size());
  for (std::size_t i = 0; i < broken.size(); ++i) {
    const auto& entry = scan.frames()[broken[i]];
    want(entry, i, its);
    const auto begin = entry.top_of_stack(first) - before * word_size;
    for (std::uint64_t word = 0; word < words; ++word) its.want(begin + word * word_size, i);
  }
  return its.finish();
}

std::vector<bool> changed_since(const memory_image& first, const memory& again, const frame_scan& scan,
                                const std::vector<other_stack>& stacks) {
  reading its(first, again, stacks.size());
  for (std::size_t i = 0; i < stacks.size(); ++i)
    for (const auto frame : stacks[i].frames) want(scan.frames()[frame], i, its);
  return its.finish();
}

}  // namespace tasks::cli
