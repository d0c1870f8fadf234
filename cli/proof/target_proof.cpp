#include "proof/target_proof.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/progress.hpp"
#include "proof/preview.hpp"
#include "proof/prover.hpp"

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

/// What a picture is for: more than a proof reads the registries in it, and a moment is read by everybody.
enum class use { only_proof, more, moment };

using time_limit = std::optional<std::chrono::milliseconds>;

result<proven_picture> look(target& from, stop_order::whom whom, use as, time_limit longest) {
  const stopwatch taken_in;
  auto taken = take_picture(from, whom, longest);
  if (!taken) return taken.why();
  const busy_with now("who keeps tasks alive");
  proven_picture seen;
  seen.taken = std::make_unique<picture>(*std::move(taken));
  seen.taken->image.forget_spare_room();
  if (as == use::moment) seen.taken->image.remember_erased();
  seen.in = std::make_unique<scene>(*seen.taken);
  // They are no roots, and have been read.
  if (as == use::only_proof)
    for (const auto& slab : seen.in->tasks().slabs) seen.taken->image.forget(slab);
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

result<proven_picture> take(target& from, proof_stop stop, const settled& is_settled, use as, time_limit longest = {}) {
  const bool may_stop = stop == proof_stop::when_needed;
  auto seen = look(from, may_stop ? stop_order::whom::who_runs : stop_order::whom::nobody, as, longest);
  if (!seen || !seen->taken->has_sleepers()) return seen;
  const bool tells_all = !seen->taken->words.lacks_registers && is_settled(*seen);
  if (tells_all) return seen;
  if (!may_stop) {
    doubt_proofs(seen->proof, "threads that sleep were not stopped (--no-stop)");
    return seen;
  }
  // What is shown of a process that ends by the stop is this picture; but of a large one there may be no room for two.
  constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;
  const bool stays = as != use::only_proof && seen->taken->image.bytes() <= most_bytes;
  seen->in.reset();
  if (!stays) seen->taken.reset();
  const auto looked = from.look_again(stop_order::whom::everybody, longest);
  auto again = looked ? look(from, stop_order::whom::everybody, as, longest) : looked.why();
  if (again) again->proof.stopped_ms = std::max(again->proof.stopped_ms, seen->proof.stopped_ms);
  if (again || (as != use::only_proof && !stays)) return again;
  doubt_proofs(seen->proof, in_words(again.why()));
  return seen;
}

}  // namespace

bool all_is_held(const proven_picture& seen) {
  const auto& findings = seen.proof.findings;
  return std::none_of(findings.begin(), findings.end(),
                      [](const judgement& each) { return each.verdict == certainty::proven || each.may_be_stale(); });
}

result<proven_picture> take_proof(target& from, proof_stop stop, const settled& is_settled) {
  return take(from, stop, is_settled, use::more);
}

result<proven_picture> take_proof_of_moment(target& from) {
  return take(from, proof_stop::when_needed, all_is_held, use::moment);
}

result<proof_result> prove_without_picture(target& from, const error& why) {
  const auto& roots = from.roots();
  if (!roots) return roots.why();
  auto [worth_a_stop, found] = look_ahead(*process_memory(from.pid()), *roots);
  if (worth_a_stop) return why;
  return std::move(found);
}

result<proof_result> prove(target& from, proof_stop stop, std::optional<std::chrono::milliseconds> longest) {
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
  auto seen = take(from, stop, all_is_held, use::only_proof, longest);
  if (!seen) return seen.why();
  auto found = std::move(seen->proof);
  found.total_ms = looked_for.ms();
  return found;
}

}  // namespace tasks::cli
