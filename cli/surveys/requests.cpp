#include "surveys/requests.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace tasks::cli {
namespace {

bool awaits_tasks(const v1::Task& task) {
  return task.state() == v1::Task::BLOCKED && task.wait().kind() == v1::Wait::TASKS;
}

/// Tasks of one value, of which one is kept, encoded: there may be as many values as tasks.
class gathered {
 public:
  void add(const v1::Task& task) {
    ++of_.tasks;
    if (task.state() == v1::Task::RUNNING) ++of_.running;
    if (task.state() == v1::Task::READY) ++of_.ready;
    if (!task.age_unknown())
      of_.oldest_ms = std::max(of_.oldest_ms.value_or(0), task.age_ms());
    else if (task.age_ms() != 0)
      of_.seen_ms = std::max(of_.seen_ms.value_or(0), task.age_ms());
    // An older task has a lower id.
    const rank its{!awaits_tasks(task), task.age_ms(), ~task.id()};
    if (of_.tasks != 1 && its <= best_) return;
    best_ = its;
    bytes_ = task.SerializeAsString();
  }

  [[nodiscard]] std::uint64_t age_ms() const { return of_.oldest_ms.value_or(of_.seen_ms.value_or(0)); }

  [[nodiscard]] surveyed_request take(const std::string& value) && {
    of_.value = value;
    of_.task.ParseFromString(bytes_);
    return std::move(of_);
  }

 private:
  using rank = std::tuple<bool, std::uint64_t, std::uint64_t>;
  surveyed_request of_;
  rank best_;
  std::string bytes_;
};

using by_value = std::unordered_map<std::string, gathered>;

/// The oldest first, at most `limit`.
std::vector<by_value::iterator> in_order(by_value& all, std::uint64_t limit) {
  std::vector<by_value::iterator> order;
  for (auto at = all.begin(); at != all.end(); ++at) order.push_back(at);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    const auto age = a->second.age_ms(), other = b->second.age_ms();
    return age != other ? age > other : a->first < b->first;
  });
  if (limit != 0 && order.size() > limit) order.resize(limit);
  return order;
}

/// Fills in all but the key. A source may send tasks that do not have it.
result<void> gather(snapshot_source& source, resolver& names, std::uint64_t limit, request_survey& to) {
  v1::StacksRequest query;
  query.add_labels()->set_key(to.key);
  by_value all;
  auto read = source.stacks(query, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    for (const auto& task : chunk.tasks()) {
      const auto label = task.labels().find(to.key);
      if (label == task.labels().end()) continue;
      ++to.labelled;
      all[label->second].add(task);
    }
    return true;
  });
  if (!read) return read.why();
  to.trailer = *std::move(read);
  const auto order = in_order(all, limit);
  to.left_out = all.size() - order.size();
  to.requests.reserve(order.size());  // meanings point into tasks
  for (const auto& each : order) {
    auto& made = to.requests.emplace_back(std::move(each->second).take(each->first));
    names.resolve(made.task, made.meaning);
  }
  return {};
}

result<void> count_keys(snapshot_source& source, request_survey& to) {
  const auto read = source.stacks({}, [&](const v1::Chunk& chunk) {
    for (const auto& task : chunk.tasks())
      for (const auto& [key, value] : task.labels()) ++to.other_keys[key];
    return true;
  });
  return read ? result<void>() : read.why();
}

}  // namespace

result<request_survey> survey_requests(snapshot_source& source, resolver& names, const std::optional<std::string>& key,
                                       std::uint64_t limit) {
  request_survey survey;
  survey.key = key.value_or(usual_request_label);
  if (const auto read = gather(source, names, limit, survey); !read) return read.why();
  if (survey.labelled != 0) return survey;
  if (const auto read = count_keys(source, survey); !read) return read.why();
  if (key) return survey;
  const auto most = std::max_element(survey.other_keys.begin(), survey.other_keys.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == survey.other_keys.end()) {
    survey.key.clear();
    return survey;
  }
  request_survey other;
  other.key = most->first;
  if (const auto read = gather(source, names, limit, other); !read) return read.why();
  return other;
}

}  // namespace tasks::cli
