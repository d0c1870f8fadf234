#include "top/history.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace tasks::cli {

void history::add(double value) {
  values_.push_back(value);
  if (values_.size() > most) values_.pop_front();
}

std::string history::line(std::size_t width) const {
  constexpr std::array<std::string_view, 8> blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const auto shown = std::min(width, values_.size());
  const auto begin = values_.end() - static_cast<std::ptrdiff_t>(shown);
  const double highest = shown == 0 ? 0 : *std::max_element(begin, values_.end());
  std::string drawn(width - shown, ' ');
  for (auto at = begin; at != values_.end(); ++at) {
    const double part = highest > 0 ? std::max(*at, 0.0) / highest : 0;
    drawn += blocks[static_cast<std::size_t>(std::lround(part * (blocks.size() - 1)))];
  }
  return drawn;
}

}  // namespace tasks::cli
