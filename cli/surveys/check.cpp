#include "surveys/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "surveys/leaks.hpp"
#include "surveys/resolver.hpp"
#include "surveys/vitals.hpp"

namespace tasks::cli {
namespace {

/// "session(tcp::socket) server.cpp:41"
std::string place_of(const resolved& meaning) {
  const frame* f = meaning.frames.empty() ? nullptr : meaning.frames.back().location;
  if (f == nullptr || f->function.empty()) return "<unknown>";
  return f->file.empty() ? f->function : fmt::format("{} {}:{}", f->function, base_name(f->file), f->line);
}

class checker {
 public:
  checker(snapshot_source& source, const check_limits& limits) : source_(source), limits_(limits) {}

  result<process_check> run(std::optional<double> growth) {
    if (const auto looked = look_at_vitals(); !looked) return looked.why();
    if (growth && limits_.growth) {
      measure({"growth", *growth, "", limits_.growth},
              [&](double most) { return fmt::format("{:.1f} tasks more a minute, {} are allowed", *growth, most); });
    } else if (limits_.growth) {
      add(v1::CheckView::UNKNOWN, "its tasks could not be counted twice, so its growth is not known");
    }
    for (const auto& each : limits_.waits)
      if (const auto looked = look_at_waits(each); !looked) return looked.why();
    if (limits_.leaks)
      if (const auto looked = look_for_leaks(); !looked) return looked.why();
    std::stable_sort(found_.problems.begin(), found_.problems.end(),
                     [](const problem& a, const problem& b) { return is_worse(a.how, b.how); });
    return std::move(found_);
  }

 private:
  template <class Words>
  void measure(measurement what, Words words) {
    if (what.most) {
      const auto& most = *what.most;
      if (most.critical && what.value > *most.critical)
        add(v1::CheckView::CRITICAL, words(*most.critical));
      else if (what.value > most.warning)
        add(v1::CheckView::WARNING, words(most.warning));
    }
    found_.measured.push_back(std::move(what));
  }
  void add(severity how, std::string what) { found_.problems.push_back({how, std::move(what)}); }

  result<void> look_at_vitals() {
    resolver names(source_, {.all_frames = false, .spawn_sites = false});
    const auto survey = survey_vitals(source_, names, {.stalled_after = limits_.stalled_after});
    if (!survey) return survey.why();
    const auto& vitals = survey->vitals;
    found_.tasks = vitals.tasks();
    found_.blocked = vitals.blocked();
    measure({"tasks", static_cast<double>(vitals.tasks()), "", limits_.tasks}, [&](double most) {
      return fmt::format("{}, {} {} allowed", number_and_noun(vitals.tasks(), "task"), most, most == 1 ? "is" : "are");
    });
    measure({"blocked", static_cast<double>(vitals.blocked()), "", limits_.blocked}, [&](double most) {
      return fmt::format("{} {} blocked, {} may be", number_and_noun(vitals.blocked(), "task"),
                         vitals.blocked() == 1 ? "is" : "are", most);
    });
    std::vector<std::string> stalled;
    for (const auto& each : survey->stalled) stalled.push_back(finding_of(each));
    for (const auto& finding : survey->findings) {
      const bool is_stall = std::find(stalled.begin(), stalled.end(), finding) != stalled.end();
      add(is_stall ? v1::CheckView::CRITICAL : v1::CheckView::WARNING, finding);
    }
    found_.measured.push_back({"stalled", static_cast<double>(stalled.size())});
    found_.measured.push_back({"threads", static_cast<double>(vitals.os_threads())});
    return {};
  }

  result<void> look_at_waits(const wait_limit& asked) {
    resolver names(source_, {.all_frames = false, .spawn_sites = false});
    v1::StacksRequest query;
    query.set_grouped(true);
    query.add_states(v1::Task::BLOCKED);
    query.add_kinds(asked.kind);
    std::uint64_t oldest_ms = 0, unknown = 0;
    std::string where;
    resolved meaning;
    const auto read = source_.stacks(query, [&](const v1::Chunk& chunk) {
      names.learn(chunk);
      for (const auto& group : chunk.groups()) {
        if (group.age_unknown()) unknown += group.count();
        if (group.age_unknown() || group.oldest_ms() <= oldest_ms) continue;
        oldest_ms = group.oldest_ms();
        names.resolve(group, meaning);
        where = place_of(meaning);
      }
      return true;
    });
    if (!read) return read.why();
    const auto kind = kind_name(asked.kind);
    if (unknown != 0)
      add(v1::CheckView::UNKNOWN, fmt::format("how long tasks wait for {} is not known: it has no hook", kind));
    std::string name(kind);
    std::replace(name.begin(), name.end(), ' ', '_');
    measure({"oldest_" + name, static_cast<double>(oldest_ms) / 1000, "s", asked.seconds}, [&](double most) {
      const auto age = [](double seconds) { return format_age(static_cast<std::uint64_t>(seconds * 1000), 0); };
      return fmt::format("{} waits for {} since {}, {} is allowed", where, kind,
                         age(static_cast<double>(oldest_ms) / 1000), age(most));
    });
    return {};
  }

  result<void> look_for_leaks() {
    resolver names(source_, {});
    const auto survey = survey_leaks(source_, names, {});
    if (!survey) return survey.why();
    std::uint64_t proven = 0, likely = 0;
    std::vector<std::string> places;
    for (const auto& [what, meaning] : survey->leaks) {
      if (what.verdict != v1::LeakView::PROVEN && what.verdict != v1::LeakView::LIKELY) continue;
      const auto of_it = what.verdict == v1::LeakView::PROVEN ? what.group.count() - what.likely : 0;
      proven += of_it;
      likely += what.group.count() - of_it;
      places.push_back(place_of(meaning));
    }
    const auto words = [&](std::uint64_t count, std::string_view how) {
      auto text = fmt::format("{} {} {}: {}", count, count == 1 ? "task" : "tasks", how, places.front());
      return places.size() == 1 ? text : text + fmt::format(" and {} other places", places.size() - 1);
    };
    if (proven != 0) add(v1::CheckView::CRITICAL, words(proven, "leaked"));
    if (likely != 0) add(v1::CheckView::WARNING, words(likely, "likely leaked"));
    found_.measured.push_back({"leaked", static_cast<double>(proven)});
    const auto& proof = survey->proof;
    if (!proof || !proof->doubt.empty() || !proof->unread.empty()) {
      add(v1::CheckView::UNKNOWN, survey->notes.empty() ? "nothing is proven" : survey->notes.front());
      return {};
    }
    if (proof->unchecked != 0)
      add(v1::CheckView::UNKNOWN,
          fmt::format("whether {} of {} {} cannot be told: tasks leaks -p {} says why", proof->unchecked,
                      number_and_noun(proof->tasks, "task"), proof->unchecked == 1 ? "leaks" : "leak", source_.pid()));
    found_.measured.push_back({"undecided", static_cast<double>(proof->undecided)});
    return {};
  }

  snapshot_source& source_;
  const check_limits& limits_;
  process_check found_;
};

}  // namespace

bool is_worse(severity one, severity other) {
  const auto rank = [](severity s) {
    switch (s) {
      case v1::CheckView::CRITICAL:
        return 3;
      case v1::CheckView::WARNING:
        return 2;
      case v1::CheckView::UNKNOWN:
        return 1;
      default:
        return 0;
    }
  };
  return rank(one) > rank(other);
}

result<process_check> check_process(snapshot_source& source, const check_limits& limits, std::optional<double> growth) {
  return checker(source, limits).run(growth);
}

}  // namespace tasks::cli
