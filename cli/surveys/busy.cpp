#include "surveys/busy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

#include "surveys/crowds.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using layout::wait_kind;

constexpr auto between_looks = 100ms;
/// What posts itself waits for nobody. Others may be served well: no peer, file or clock comes so often.
constexpr double least_posted = 10'000, least_of_others = 200'000;
/// So often it has been resumed after a tenth of a second, at least.
constexpr std::uint64_t least_resumes = 1000;
/// A task that goes on began to wait in this or the last tick.
constexpr std::uint64_t youngest_ms = 2500;
/// Looks at what a task waits for, and the time between them. One that waits for more than its turn is seen to.
constexpr int samples = 20;
constexpr auto between_samples = 1ms;

/// What is read of a task's record while it changes. Each is a word, and none is of more than one moment.
struct seen_record {
  std::uint64_t address = 0, id = 0, word = 0, wait = 0, since = 0, resumes = 0;
  std::uint32_t thread = 0;

  seen_record(std::uint64_t at, const unsigned char* bytes)
      : address(at),
        id(field<std::uint64_t>(bytes, offsetof(layout::record, id))),
        word(field<std::uint64_t>(bytes, offsetof(layout::record, word))),
        wait(field<std::uint64_t>(bytes, offsetof(layout::record, wait))),
        since(field<std::uint64_t>(bytes, offsetof(layout::record, since))),
        resumes(field<std::uint64_t>(bytes, offsetof(layout::record, resumes))),
        thread(field<std::uint32_t>(bytes, offsetof(layout::record, thread))) {}

 private:
  template <class T>
  static T field(const unsigned char* bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes + offset, sizeof value);
    return value;
  }
};

/// The record again. Absent: it is another task's now, or none's.
std::optional<seen_record> read_again(const target& from, const seen_record& record) {
  unsigned char bytes[layout::record_size];
  if (from.bytes().read(record.address, bytes, sizeof bytes) != sizeof bytes) return std::nullopt;
  const seen_record again(record.address, bytes);
  if (!layout::is_task(again.word) || again.id != record.id) return std::nullopt;
  return again;
}

std::vector<seen_record> find_young(const target& from) {
  std::vector<seen_record> young;
  registry_reader reader(from.bytes(), *from.roots());
  const auto now = detail::monotonic_ms();
  reader.each_record([&](std::uint64_t address, const unsigned char* bytes) {
    const seen_record seen(address, bytes);
    if (seen.resumes >= least_resumes && seen.since + youngest_ms >= now) young.push_back(seen);
  });
  return young;
}

struct candidate {
  seen_record record;
  double rate;  ///< resumptions a second
  std::uint32_t thread;
};

/// Takes those away that wait for more than their turn.
void keep_posting(const target& from, std::vector<candidate>& candidates) {
  const auto waits = [&](const candidate& each) {
    if (each.rate >= least_of_others) return false;
    const auto seen = read_again(from, each.record);
    // One that has begun to wait, and has not said what for, may be about to say that it posts itself.
    return !seen || (layout::state_of(seen->word) == layout::record_state::blocked &&
                     layout::kind_of(seen->wait) != wait_kind::post);
  };
  for (int n = 0; n < samples && !candidates.empty(); ++n, std::this_thread::sleep_for(between_samples))
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(), waits), candidates.end());
}

}  // namespace

std::vector<busy_task> find_busy(target& from) {
  std::vector<busy_task> busy;
  if (!from.is_alive()) return busy;
  const auto live = from.is_still() ? live_target(from.pid()) : nullptr;
  const auto& process = live ? *live : from;
  if (!process.roots() || is_crowd(process)) return busy;
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  const auto first = find_young(process);
  if (first.empty()) return busy;
  std::this_thread::sleep_for(between_looks);
  std::vector<candidate> candidates;
  for (const auto& before : first) {
    const auto after = read_again(process, before);
    if (!after || after->resumes < before.resumes) continue;
    // Whatever the looks themselves take makes a rate too low at most.
    const auto passed = std::chrono::duration<double>(clock::now() - begin).count();
    const auto rate = static_cast<double>(after->resumes - before.resumes) / passed;
    if (rate >= least_posted) candidates.push_back({before, rate, before.thread == after->thread ? after->thread : 0});
  }
  keep_posting(process, candidates);
  for (const auto& each : candidates) busy.push_back({each.record.id, each.rate, each.thread});
  std::sort(busy.begin(), busy.end(), [](const auto& a, const auto& b) { return a.per_second > b.per_second; });
  return busy;
}

std::string format_rate(double per_second) {
  constexpr double million = 1'000'000, thousand = 1'000;
  if (per_second >= million) return fmt::format("{:.1f} M", per_second / million);
  return per_second >= thousand ? fmt::format("{:.0f} k", per_second / thousand) : fmt::format("{:.0f}", per_second);
}

}  // namespace tasks::cli
