#include "surveys/busy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_set>

#include "surveys/crowds.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using layout::detail_kind;
using layout::record_state;
using layout::wait_kind;

constexpr auto between_looks = 100ms;
/// What posts itself, or what tasks pass to and fro among themselves, waits for nobody. Others may be served well: no
/// peer, file or clock comes so often.
constexpr double least_by_itself = 10'000, least_of_others = 200'000;
/// So often it has been resumed after a tenth of a second, at least.
constexpr std::uint64_t least_resumes = 1000;
/// A task that goes on began to wait in this or the last tick.
constexpr std::uint64_t youngest_ms = 2500;
/// Looks at what a task waits for, and the time between them. One that waits for something from outside is seen to.
constexpr unsigned samples = 100;
constexpr auto between_samples = 200us;

/// What is read of a task's record while it changes. Each is a word, and none is of more than one moment.
struct seen_record {
  std::uint64_t address = 0, id = 0, word = 0, wait = 0, object = 0, detail = 0, since = 0, resumes = 0;
  std::uint32_t thread = 0;

  seen_record(std::uint64_t at, const unsigned char* bytes)
      : address(at),
        id(field<std::uint64_t>(bytes, offsetof(layout::record, id))),
        word(field<std::uint64_t>(bytes, offsetof(layout::record, word))),
        wait(field<std::uint64_t>(bytes, offsetof(layout::record, wait))),
        object(field<std::uint64_t>(bytes, offsetof(layout::record, object))),
        detail(field<std::uint64_t>(bytes, offsetof(layout::record, detail))),
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

template <class Clock>
std::int64_t ns_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

/// Its timer had expired when it began to wait for it, or has since.
bool has_expired(const seen_record& seen) {
  if (layout::kind_of(seen.wait) != wait_kind::timer) return false;
  const auto at = static_cast<std::int64_t>(seen.detail);
  switch (layout::detail_of(seen.wait)) {
    case detail_kind::steady_expiry:
      return at <= ns_now<std::chrono::steady_clock>();
    case detail_kind::system_expiry:
      return at <= ns_now<std::chrono::system_clock>();
    default:
      return false;
  }
}

bool is_of_channel(const seen_record& seen) {
  const auto kind = layout::kind_of(seen.wait);
  return kind == wait_kind::channel_send || kind == wait_kind::channel_receive;
}

/// One that has begun to wait, and has not said what for, may be about to say that it posts itself.
bool waits_for_more_than_its_turn(const seen_record& seen) {
  return layout::state_of(seen.word) == record_state::blocked && layout::kind_of(seen.wait) != wait_kind::post &&
         !has_expired(seen);
}

/// `resumes`: at the look before.
void count(const seen_record& seen, std::uint64_t resumes, busy_task& to) {
  ++to.looks;
  to.resumes = std::max(to.resumes, seen.resumes);
  const bool runs = layout::state_of(seen.word) == record_state::running;
  if (seen.resumes <= resumes && !runs) return;
  auto by = std::find_if(to.by.begin(), to.by.end(), [&](const auto& each) { return each.thread == seen.thread; });
  if (by == to.by.end()) by = to.by.insert(by, task_resumer{.thread = seen.thread});
  ++by->anew;
  if (runs) ++by->ran;
}

/// Of one process, in the order in which it is done.
class busy_search {
 public:
  /// The first look.
  explicit busy_search(target& from)
      : live_(from.is_alive() && from.is_still() ? live_target(from.pid()) : nullptr), from_(live_ ? *live_ : from) {
    if (!from_.is_alive() || !from.has_hook() || !from_.roots() || is_crowd(from_)) return;
    registry_reader reader(from_.bytes(), *from_.roots());
    const auto now = detail::monotonic_ms();
    reader.each_record([&](std::uint64_t address, const unsigned char* bytes) {
      const seen_record seen(address, bytes);
      if (seen.resumes >= least_resumes && seen.since + youngest_ms >= now) young_.push_back(seen);
    });
  }

  [[nodiscard]] bool found_young() const { return !young_.empty(); }
  [[nodiscard]] bool found_any() const { return !candidates_.empty(); }

  /// The second look.
  void measure() {
    for (const auto& before : young_) {
      const auto after = read_again(from_, before);
      if (!after || after->resumes < before.resumes) continue;
      // Whatever the looks themselves take makes a rate too low at most.
      const std::chrono::duration<double> passed = clock::now() - begin_;
      const auto rate = static_cast<double>(after->resumes - before.resumes) / passed.count();
      if (rate < least_by_itself) continue;
      candidates_.push_back({*after, {.id = before.id, .per_second = rate, .needs_nobody = true}});
    }
  }

  /// Takes those away that wait for something from outside.
  void look() {
    std::erase_if(candidates_, [this](candidate& each) {
      const auto seen = read_again(from_, each.record);
      if (!seen) return true;
      const bool waits = waits_for_more_than_its_turn(*seen);
      const bool from_outside = waits && !is_of_channel(*seen);
      if (from_outside && each.busy.per_second < least_of_others) return true;
      if (waits && !from_outside && seen->object != 0) each.channels.insert(seen->object);
      each.by_itself = each.by_itself && !from_outside;
      each.has_told = each.has_told || layout::state_of(seen->word) == record_state::blocked;
      each.busy.needs_nobody = each.busy.needs_nobody && !waits;
      count(*seen, each.record.resumes, each.busy);
      each.record.resumes = seen->resumes;
      return false;
    });
  }

  std::vector<busy_task> finish() {
    std::erase_if(candidates_, [](candidate& each) {
      // What never tells waits for an operation that is not Asio's.
      each.busy.needs_nobody = each.busy.needs_nobody && each.has_told;
      return each.busy.by.empty() || (!each.has_told && each.busy.per_second < least_of_others);
    });
    keep_among_themselves();
    std::vector<busy_task> busy;
    for (auto& each : candidates_) {
      auto& by = each.busy.by;
      std::sort(by.begin(), by.end(), [](const auto& a, const auto& b) { return a.anew > b.anew; });
      busy.push_back(std::move(each.busy));
    }
    std::sort(busy.begin(), busy.end(), [](const auto& a, const auto& b) { return a.per_second > b.per_second; });
    return busy;
  }

 private:
  using clock = std::chrono::steady_clock;

  struct candidate {
    seen_record record;
    busy_task busy;
    bool has_told = false;                         ///< what it waits for
    bool by_itself = true;                         ///< nothing comes from outside, but by channels
    std::unordered_set<std::uint64_t> channels{};  ///< that it was seen to wait on
  };

  /// Takes those away that wait on a channel whose other side none of them was seen at: that one may wait for more.
  void keep_among_themselves() {
    const auto is_fed_from_outside = [this](const candidate& each) {
      if (each.busy.per_second >= least_of_others) return false;
      return std::any_of(each.channels.begin(), each.channels.end(), [&](std::uint64_t channel) {
        return std::none_of(candidates_.begin(), candidates_.end(), [&](const candidate& other) {
          return other.by_itself && other.record.id != each.record.id && other.channels.contains(channel);
        });
      });
    };
    for (;;) {
      const auto outside = std::find_if(candidates_.begin(), candidates_.end(), is_fed_from_outside);
      if (outside == candidates_.end()) return;
      candidates_.erase(outside);
    }
  }

  std::shared_ptr<target> live_;  ///< of a picture: the process that it was taken of
  target& from_;
  clock::time_point begin_ = clock::now();
  std::vector<seen_record> young_;
  std::vector<candidate> candidates_;
};

}  // namespace

std::vector<std::vector<busy_task>> find_busy(std::span<target* const> from) {
  std::vector<std::unique_ptr<busy_search>> searches;
  for (auto* each : from) searches.push_back(std::make_unique<busy_search>(*each));
  const auto any = [&](auto has) {
    return std::any_of(searches.begin(), searches.end(), [&](const auto& each) { return ((*each).*has)(); });
  };
  if (any(&busy_search::found_young)) {
    std::this_thread::sleep_for(between_looks);
    for (const auto& each : searches) each->measure();
    for (unsigned n = 0; n < samples && any(&busy_search::found_any); ++n) {
      std::this_thread::sleep_for(between_samples);
      for (const auto& each : searches) each->look();
    }
  }
  std::vector<std::vector<busy_task>> found;
  for (const auto& each : searches) found.push_back(each->finish());
  return found;
}

std::vector<busy_task> find_busy(target& from) {
  target* const one = &from;
  return std::move(find_busy(std::span(&one, 1)).front());
}

const busy_task* find(const std::vector<busy_task>& busy, std::uint64_t task) {
  const auto at = std::find_if(busy.begin(), busy.end(), [task](const busy_task& each) { return each.id == task; });
  return at == busy.end() ? nullptr : &*at;
}

bool may_be_busy(std::uint64_t resumes, std::uint64_t age_ms) {
  return resumes >= least_resumes && age_ms <= youngest_ms;
}

std::string format_rate(double per_second) {
  constexpr double million = 1'000'000, thousand = 1'000;
  if (per_second >= million) return fmt::format("{:.1f} M", per_second / million);
  return per_second >= thousand ? fmt::format("{:.0f} k", per_second / thousand) : fmt::format("{:.0f}", per_second);
}

std::string words_of(const busy_task& busy) {
  return fmt::format("busy, {} resumptions/s", format_rate(busy.per_second));
}

}  // namespace tasks::cli
