#include "proof/target_proof.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "picture/glibc_heap.hpp"
#include "proof/prover.hpp"
#include "proof/task_states.hpp"

namespace tasks::cli {
namespace {

class stopwatch {
 public:
  [[nodiscard]] double ms() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// What there is to prove, from a target that moves on. `worth_a_stop`: some of it lies in memory whose allocator could
/// be known; else the findings are all that can be said.
struct preview {
  bool worth_a_stop = false;
  proof_result without;
};

preview look_ahead(const memory& live, const std::vector<root_copy>& roots) {
  const auto seen = read_tasks(live, read_again(live, roots));
  const auto& regions = live.regions();
  preview found;
  found.without.tasks = seen.tasks.size();
  for (const auto& task : seen.tasks) {
    if (!may_be_leaked(task)) continue;
    finding unchecked;
    unchecked.task = task.id;
    unchecked.object = task.object;
    unchecked.reason = task.frames == 0 ? "its stack is not known" : "the allocator of its frames is not known";
    found.without.findings.push_back(std::move(unchecked));
    ++found.without.unchecked;
    if (found.worth_a_stop || task.frames == 0) continue;
    const auto frame = seen.frames[task.first_frame];
    const auto region = std::find_if(regions.begin(), regions.end(),
                                     [frame](const memory_region& r) { return frame >= r.begin && frame < r.end; });
    found.worth_a_stop = region == regions.end() || may_be_glibc(live, *region, frame);
  }
  return found;
}

result<proven_picture> look(target& from, stop_order::whom whom) {
  const stopwatch taken_in;
  auto taken = take_picture(from, whom);
  if (!taken) return taken.why();
  proven_picture seen;
  seen.taken = std::make_unique<picture>(*std::move(taken));
  seen.in = std::make_unique<scene>(*seen.taken);
  seen.proof = prove(*seen.in);
  seen.proof.stopped_ms = seen.taken->stopped_ms;
  seen.proof.total_ms = taken_in.ms();
  return seen;
}

void doubt_proofs(proof_result& proof, std::string unread) {
  for (auto& each : proof.findings)
    if (each.verdict == certainty::proven) each.verdict = certainty::likely;
  proof.unread = std::move(unread);
  count_verdicts(proof);
}

}  // namespace

bool all_is_held(const proven_picture& seen) {
  const auto& findings = seen.proof.findings;
  return std::none_of(findings.begin(), findings.end(),
                      [](const finding& each) { return each.verdict == certainty::proven || each.may_be_stale(); });
}

result<proven_picture> take_proof(target& from, proof_stop stop, const settled& is_settled) {
  const bool may_stop = stop == proof_stop::when_needed;
  auto seen = look(from, may_stop ? stop_order::whom::who_runs : stop_order::whom::nobody);
  if (!seen || !seen->taken->has_sleepers()) return seen;
  const bool tells_all = !seen->taken->words.lacks_registers && is_settled(*seen);
  if (tells_all) return seen;
  if (!may_stop) {
    doubt_proofs(seen->proof, "threads that sleep were not stopped (--no-stop)");
    return seen;
  }
  // Two copies of a large process are too many, but a proof with its scene is small beside them.
  auto again = look(from, stop_order::whom::everybody);
  if (again) return again;
  doubt_proofs(seen->proof, in_words(again.why()));
  return seen;
}

result<proof_result> prove_without_picture(target& from, const error& why) {
  const auto& roots = from.roots();
  if (!roots) return roots.why();
  auto [worth_a_stop, found] = look_ahead(*process_memory(from.pid()), *roots);
  if (worth_a_stop) return why;
  return std::move(found);
}

result<proof_result> prove(target& from, proof_stop stop) {
  const stopwatch looked_for;
  const auto& roots = from.roots();
  if (!roots) return roots.why();
  if (!from.is_still()) {
    auto [worth_a_stop, found] = look_ahead(*process_memory(from.pid()), *roots);
    if (!worth_a_stop) {
      found.total_ms = looked_for.ms();
      return std::move(found);
    }
  }
  auto seen = take_proof(from, stop);
  if (!seen) return seen.why();
  auto found = std::move(seen->proof);
  found.total_ms = looked_for.ms();
  return found;
}

}  // namespace tasks::cli
