#include "hookless/task_operations.hpp"

#include <algorithm>

#include "hookless/look.hpp"
#include "hookless/wait_search.hpp"

namespace tasks::cli {

std::vector<std::uint64_t> find_task_operations(const picture& in, const heap_map& heap, coroutine_program& program) {
  if (!program.code.has_coroutines()) return {};
  const auto stacks = stacks_in(in);
  frame_scan scan(in.image, find_candidates(in.image, program.code), heap, stacks, program.code, program.layouts,
                  program.machine);
  task_chains chains(in.image, scan);
  wait_search search(in.image, heap, stacks, program.code, scan, chains, nullptr);
  const auto waits = search.run();
  std::vector<std::uint64_t> found;
  for (const auto& each : search.operations())
    if (each.depth == 0) found.push_back(each.at);
  // What they are kept in beyond that counts as far as it is what a task waits for.
  for (const auto& wait : waits) {
    if (wait.operation != 0) found.push_back(wait.operation);
    for (const auto& other : wait.also) found.push_back(other.operation);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace tasks::cli
