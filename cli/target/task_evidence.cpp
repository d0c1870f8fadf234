#include "target/task_evidence.hpp"

#include <algorithm>

#include "symbols/code_symbols.hpp"
#include "target/native_stack.hpp"

namespace tasks::cli {
namespace {

/// From where a coroutine's frame begins to its promise, which is what others point to.
constexpr std::uint64_t to_promise = 2 * sizeof(std::uint64_t);

bool points_to(std::uint64_t word, std::uint64_t frame) { return word == frame || word == frame + to_promise; }

bool is_on_stack(const thread_copy& copy, std::uint64_t frame, std::uint64_t begin, std::uint64_t end) {
  for (auto at = (begin + 7) & ~std::uint64_t{7}; at < end; at += sizeof(std::uint64_t)) {
    const auto word = word_at(copy, at);
    if (!word) return false;
    if (points_to(*word, frame)) return true;
  }
  return false;
}

}  // namespace

std::uint64_t task_evidence::body_at(std::uint64_t address) {
  const auto [known, is_new] = bodies_.try_emplace(address, 0);
  if (!is_new) return known->second;
  const auto symbol = symbol_near(code_, address);
  if (symbol && symbol->contains(address) && is_coroutine_body(symbol->name)) known->second = symbol->begin;
  return known->second;
}

bool task_evidence::is_in_body(std::span<const std::uint64_t> addresses) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [this](std::uint64_t address) { return body_at(address) != 0; });
}

bool task_evidence::shows(const later_task& later, const thread_copy& copy, const std::vector<std::uint64_t>& addresses,
                          const std::vector<std::uint64_t>& ends) {
  if (!later.had_begun || !later.is_unchanged || later.body == 0 || later.task.depth == 0 || later.task.truncated)
    return false;
  const auto frame = later.task.frames[later.task.depth - 1], outermost = later.task.frames[0];
  const auto end_of_copy = copy.stack_begin + copy.stack.size();
  const auto body =
      std::find_if(addresses.begin(), addresses.end(), [this](std::uint64_t address) { return body_at(address) != 0; });
  // Some versions of Asio start an operation when the body that awaits it has returned.
  if (body == addresses.end())
    return later.was_current && later.starts && is_on_stack(copy, frame, copy.stack_begin, end_of_copy);
  const auto depth = static_cast<std::size_t>(body - addresses.begin());
  if (body_at(*body) != later.body || depth >= ends.size()) return false;
  const bool is_in_register = std::any_of(copy.registers.begin(), copy.registers.end(),
                                          [frame](std::uint64_t value) { return points_to(value, frame); });
  if (!is_in_register && !is_on_stack(copy, frame, copy.stack_begin, ends[depth])) return false;
  if (later.was_current) return true;
  // Of two tasks, of which one resumes the other, the outer one has its frames on the stack, too.
  return !is_in_body({body + 1, addresses.end()}) && is_on_stack(copy, outermost, ends[depth], end_of_copy);
}

}  // namespace tasks::cli
