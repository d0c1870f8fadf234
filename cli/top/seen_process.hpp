#pragma once

/// What was seen of one process so far: totals with their rates, and how its groups grow.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "top/feed.hpp"
#include "top/history.hpp"

namespace tasks::cli {

class seen_process {
 public:
  struct total {
    std::string_view name;
    std::string value;
    std::string rate;      ///< empty: not known
    const history* drawn;  ///< never null
  };

  /// What was seen before is forgotten where the glimpse says so, or is not later.
  void add(glimpse seen);
  void forget() { *this = {}; }
  /// Null: nothing yet.
  [[nodiscard]] const glimpse* last() const noexcept { return last_ ? &*last_ : nullptr; }
  [[nodiscard]] std::vector<total> totals() const;
  /// Tasks a minute, over the last one. Nothing: it was looked at once.
  [[nodiscard]] std::optional<double> growth_of(const glance_group& group) const;
  /// How often its tasks are resumed, a second. Nothing: not known.
  [[nodiscard]] std::optional<double> resumes_of(const glance_group& group) const;
  [[nodiscard]] std::string line_of(const glance_group& group, std::size_t width) const;

 private:
  struct seen_group {
    history counts;
    unsigned absent = 0;  ///< looks since it was there
  };
  void add_groups();

  std::optional<glimpse> last_;
  double seconds_ = 0;  ///< between the last two; 0: there was one
  v1::Vitals before_;
  std::deque<double> times_;  ///< of the looks
  std::unordered_map<group_key, seen_group> groups_;
  history tasks_, blocked_, ready_, running_, spawned_, ended_, cpu_, memory_;
};

/// "+1.5/s"; what is hardly anything is "0/s".
[[nodiscard]] std::string rate_words(double per_second, std::string_view unit = "/s");

}  // namespace tasks::cli
