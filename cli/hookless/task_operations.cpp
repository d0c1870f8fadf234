#include "hookless/task_operations.hpp"

#include "hookless/look.hpp"
#include "hookless/owner_search.hpp"
#include "hookless/wait_search.hpp"

namespace tasks::cli {

std::unordered_set<std::uint64_t> find_task_operations(const picture& in, const heap_map& heap,
                                                       coroutine_program& program) {
  std::unordered_set<std::uint64_t> found;
  if (!program.code.has_coroutines()) return found;
  const auto stacks = stacks_in(in);
  frame_scan scan(in.image, find_candidates(in.image, program.code), heap, stacks, program.code, program.layouts,
                  program.machine);
  task_chains chains(in.image, scan);
  const wait_scene scene{in.image, heap, stacks, program.code, scan, chains.tasks()};
  owner_search owners(scene);
  for (const auto& each : owners.operations())
    if (each.depth == 0) found.insert(each.at);
  // What they are kept in beyond that counts as far as it is what a task waits for.
  const auto waits = wait_search(in.image, heap, stacks, program.code, scan, chains, nullptr).run();
  for (const auto& wait : waits) {
    if (wait.operation != 0) found.insert(wait.operation);
    for (const auto& other : wait.also) found.insert(other.operation);
  }
  return found;
}

}  // namespace tasks::cli
