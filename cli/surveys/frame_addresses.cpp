#include "surveys/frame_addresses.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {

frame_addresses::frame_addresses(target& from, const v1::StacksRequest& query) {
  if (!from.roots()) {
    const auto& why = from.roots().why();
    missing_ = message({why.code, why.subject, "no addresses of frames: " + why.fact, why.next_step});
    return;
  }
  detail::task_filter filter;
  filter.ids.assign(query.ids().begin(), query.ids().end());
  std::ranges::sort(filter.ids);
  registry_reader registries(from.bytes(), *from.roots());
  static_cast<void>(registries.walk(filter, 0, [this](const target_task& each) {
    const auto depth = std::min<std::size_t>(each.depth, each.frames.size());
    tasks_.push_back({each.id, each.version(), frames_.size(), depth});
    frames_.insert(frames_.end(), each.frames.begin(), each.frames.begin() + static_cast<std::ptrdiff_t>(depth));
  }));
  std::ranges::sort(tasks_, {}, &frames_of_task::id);
}

std::uint64_t frame_addresses::of(const v1::Task& task, std::size_t number) const {
  const auto known = std::ranges::lower_bound(tasks_, task.id(), {}, &frames_of_task::id);
  if (known == tasks_.end() || known->id != task.id() || known->version != task.version() || number >= known->depth)
    return 0;
  return frames_[known->first + known->depth - 1 - number];
}

}  // namespace tasks::cli
