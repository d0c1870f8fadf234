#include "views/stack.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "surveys/timing.hpp"
#include "views/frames.hpp"

namespace tasks::cli {

namespace {

std::string words_of(const v1::Wait& wait) {
  if (wait.object() == 0) return {};
  const auto kind = wait.kind();
  const bool is_channel = kind == v1::Wait::CHANNEL_SEND || kind == v1::Wait::CHANNEL_RECEIVE;
  return fmt::format("{} {:#x}", is_channel ? "channel" : kind == v1::Wait::TIMER ? "timer" : "object", wait.object());
}

/// Without the port, which is another for each connection: "127.0.0.1", "[::1]"; a path, "fd 9".
std::string peer_words(const endpoint* fd) {
  if (fd == nullptr || fd->peer.empty()) return {};
  const auto& peer = fd->peer;
  const bool has_port = fd->name == "tcp" || fd->name == "udp";
  return "peer " + (has_port ? peer.substr(0, peer.rfind(':')) : peer);
}

std::string label_words(const v1::Task& task, const std::string& key) {
  const auto known = task.labels().find(key);
  return known == task.labels().end() ? std::string() : key + "=" + known->second;
}

std::string_view nothing_known(group_by by) {
  switch (by) {
    case group_by::spawn_site:
      return "spawned where it is not known";
    case group_by::object:
      return "on no object that is known";
    case group_by::peer:
      return "no peer that is known";
    default:
      return "without this label";
  }
}

/// What names its function and spawn site.
v1::Group group_of(const v1::EndedTasks& ended) {
  v1::Group group;
  group.set_count(ended.count());
  if (ended.location() != 0) group.add_frames(ended.location());
  group.set_spawn_path(ended.spawn_path());
  return group;
}

std::string missing_native(const std::string& why) { return "no native stacks of running tasks: " + why; }

}  // namespace

void render_timing(fmt::memory_buffer& out, const v1::Timing& timing, std::uint64_t over_ns) {
  fmt::format_to(std::back_inserter(out), FMT_STRING("{}\n"), timing_words(timing, over_ns));
}

void render_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& meaning, bool first,
                 const render_context& context) {
  if (!first) out.push_back('\n');
  if (context.style.color) append(out, bold);
  fmt::format_to(std::back_inserter(out), FMT_STRING("task {}"), task.id());
  append_annotations(out, task);
  append(out, " [");
  append(out, describe_state(task, meaning, context));
  append(out, "]:");
  if (context.style.color) append(out, plain);
  out.push_back('\n');
  if (context.timed_for_ns != 0) render_timing(out, task.timing(), context.timed_for_ns);
  render_frames(out, meaning, context.style);
  if (task.truncated()) append(out, "… deeper frames were not recorded\n");
  const auto site = spawn_words(meaning);
  if (task.parent() == 0 && site.empty()) return;
  append(out, "spawned");
  if (task.parent() != 0) fmt::format_to(std::back_inserter(out), FMT_STRING(" by task {}"), task.parent());
  append(out, site);
  out.push_back('\n');
}

void render_group(fmt::memory_buffer& out, const v1::Group& group, const resolved& meaning, bool first,
                  const render_context& context, std::string_view growth, std::span<const v1::Task> named) {
  if (!first) out.push_back('\n');
  if (context.style.color) append(out, bold);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{} {} [{}]{}:", group.count(), group.count() == 1 ? "task" : "tasks",
                 describe_state(group, meaning, context), growth);
  if (context.style.color) append(out, plain);
  out.push_back('\n');
  if (context.timed_for_ns != 0) render_timing(out, group.timing(), context.timed_for_ns);
  render_frames(out, meaning, context.style);
  render_spawn_site(out, meaning);
  if (group.ids().empty()) return;
  append(out, ids_words(group, named) + ": " + why_line(group.ids(0), context) + "\n");
}

void render_trailer(fmt::memory_buffer& out, const v1::Trailer& trailer, bool grouped) {
  const auto to = std::back_inserter(out);
  if (trailer.matched() == 0) {
    append(out, trailer.total() == 0 ? "no tasks\n"
                                     : fmt::format("none of {} matches\n", number_and_noun(trailer.total(), "task")));
  }
  if (trailer.shown() < trailer.matched()) {
    fmt::format_to(to, "\n{} of {} tasks shown", trailer.shown(), trailer.matched());
    if (grouped && trailer.groups_left_out() != 0)
      fmt::format_to(to, ", {} left out", number_and_noun(trailer.groups_left_out(), "group"));
    append(out, " (--limit)\n");
  }
  if (trailer.torn() != 0) {
    fmt::format_to(to, "\n{} changed too often to be read\n", number_and_noun(trailer.torn(), "task"));
  }
  if (trailer.registry_damaged())
    append(out, "\nits registry is damaged or cannot be read in part: these are tasks of the rest\n");
}

bool lack_places(const std::vector<v1::Chunk>& groups, const snapshot_source& source) {
  resolver names(source, {});
  resolved what;
  for (const auto& chunk : groups) {
    names.learn(chunk);
    for (const auto& group : chunk.groups()) {
      names.resolve(group, what);
      if (what.is_operation && what.awaited && what.awaited_at == nullptr) return true;
    }
  }
  return false;
}

stack_printer::stack_printer(output& out, const stack_style& style, const snapshot_source& source,
                             render_context context, running_stacks* native, std::vector<due_task> due,
                             std::vector<busy_task> busy)
    : out_(out),
      style_(style),
      names_(source, {.all_frames = style.all_frames}),
      groups_(names_, style.of_tasks, heading()),
      native_(native) {
  names_.set_due(std::move(due));
  names_.set_busy(std::move(busy));
  header_ = new_view<v1::StackView>(source.pid());
  if (style.json) json_.emplace(out, header_, style.group ? "groups" : "tasks");
  context_ = std::move(context);
}

bool stack_printer::part(const v1::Chunk& chunk) {
  names_.learn(chunk);
  ended_.insert(ended_.end(), chunk.ended().begin(), chunk.ended().end());
  if (style_.of_tasks) {
    groups_.add(chunk);
    for (const auto& task : chunk.tasks()) {
      if (names_.due_of(task) != nullptr) due_.push_back(task.id());
      if (names_.busy_of(task) != nullptr) busy_.push_back(task.id());
    }
    return true;
  }
  for (const auto& task : chunk.tasks()) {
    names_.resolve(task, what_);
    if (native_ && task.state() == v1::Task::RUNNING) add_native_frames(task);
    if (locals_)
      for (auto& f : what_.frames) f.locals = locals_->of(task.id(), f.number);
    if (addresses_)
      for (auto& f : what_.frames) f.address = addresses_->of(task, f.number);
    if (json_) {
      task_view_.Clear();
      fill_view(task, what_, task_view_);
      if (task.has_timing()) fill_view(task.timing(), context_.timed_for_ns, *task_view_.mutable_timing());
      json_->element(task_view_);
    } else {
      render_task(out_.text(), task, what_, first_, context_);
    }
    first_ = false;
    if (!out_.flush_if_large()) return false;
  }
  if (style_.group) groups_.add(chunk);
  return true;
}

alike_groups::heading_of stack_printer::heading() {
  switch (style_.by) {
    case group_by::stack:
      return nullptr;
    case group_by::label:
      return [this](const v1::Task& task) { return label_words(task, style_.label); };
    case group_by::object:
      return [](const v1::Task& task) { return words_of(task.wait()); };
    case group_by::peer:
      return [this](const v1::Task& task) {
        names_.resolve(task, what_);
        return peer_words(what_.fd);
      };
    case group_by::spawn_site:
      return [this](const v1::Task& task) {
        names_.resolve(task, what_);
        const auto words = spawn_words(what_);
        return words.empty() ? words : "spawned" + words;
      };
  }
  return nullptr;
}

void stack_printer::print_heading(const alike_groups::heading& what) {
  if (std::exchange(last_heading_, &what) == &what) return;
  auto& to = out_.text();
  if (!first_) to.push_back('\n');
  fmt::memory_buffer text;
  append_foreign(text, what.text.empty() ? nothing_known(style_.by) : std::string_view(what.text));
  append_colored(to, bold,
                 fmt::format("== {}: {} {}", std::string_view(text.data(), text.size()), what.count,
                             what.count == 1 ? "task" : "tasks"),
                 context_.style);
  append(to, "\n\n");
  first_ = true;
}

/// A group that was made of tasks has the ids of all.
void stack_printer::resolve(v1::Group& group) {
  names_.resolve(group, what_);
  if (!style_.of_tasks) return;
  for (const auto id : group.ids()) {
    if (std::binary_search(busy_.begin(), busy_.end(), id)) {
      ++what_.busy_tasks;
      const auto* busy = names_.busy_of(id);
      if (!what_.busy || busy->per_second > what_.busy->per_second) what_.busy = busy;
    }
    if (!std::binary_search(due_.begin(), due_.end(), id)) continue;
    ++what_.due_tasks;
    if (!what_.due) what_.due = names_.due_of(id);
  }
  if (!style_.all_ids && group.ids_size() > most_ids) group.mutable_ids()->Truncate(most_ids);
}

std::string stack_printer::reads_as(const v1::Group& group, const alike_groups::heading& under) {
  names_.resolve(group, what_);
  auto text =
      fmt::format("{}\n{} {}\n", under.text, static_cast<int>(group.state()), static_cast<int>(group.wait().kind()));
  for (const auto& f : what_.frames) text += f.location->text;
  return text + spawn_words(what_);
}

counted_groups stack_printer::count_groups() {
  counted_groups counted;
  const auto groups = groups_.finish();
  for (std::size_t i = 0; i < groups.size(); ++i)
    counted.tasks[reads_as(groups[i], groups_.heading_of_group(i))] += groups[i].count();
  return counted;
}

std::vector<std::size_t> stack_printer::order_of(const std::vector<v1::Group>& groups) {
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (style_.earlier == nullptr) return order;
  std::unordered_map<const alike_groups::heading*, std::size_t> places;
  for (const auto i : order) {
    const auto& under = groups_.heading_of_group(i);
    places.try_emplace(&under, i);
    const auto before = style_.earlier->tasks.find(reads_as(groups[i], under));
    const auto then = before == style_.earlier->tasks.end() ? 0 : before->second;
    growth_.push_back(static_cast<std::int64_t>(groups[i].count()) - static_cast<std::int64_t>(then));
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(places[&groups_.heading_of_group(a)], -growth_[a]) <
           std::pair(places[&groups_.heading_of_group(b)], -growth_[b]);
  });
  return order;
}

void stack_printer::print_groups(v1::Trailer* trailer) {
  auto groups = groups_.finish(style_.order);
  std::sort(due_.begin(), due_.end());
  std::sort(busy_.begin(), busy_.end());
  auto order = order_of(groups);
  std::uint64_t left_out = 0, tasks_left_out = 0;
  if (style_.limit != 0 && order.size() > style_.limit) {
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(style_.limit);
    for (auto at = first; at != order.end(); ++at) tasks_left_out += groups[*at].count();
    left_out = static_cast<std::uint64_t>(order.end() - first);
    order.erase(first, order.end());
  }
  for (const auto i : order) {
    auto& group = groups[i];
    const auto& under = groups_.heading_of_group(i);
    resolve(group);
    if (!json_ && style_.by != group_by::stack) print_heading(under);
    if (json_) {
      group_view_.Clear();
      fill_view(group, what_, group_view_);
      if (group.has_timing()) fill_view(group.timing(), context_.timed_for_ns, *group_view_.mutable_timing());
      group_view_.set_under(under.text);
      if (!growth_.empty())
        if (const auto rate = growth_per_minute(growth_[i], style_.earlier->seconds))
          group_view_.set_growth_per_minute(*rate);
      json_->element(group_view_);
    } else {
      render_group(out_.text(), group, what_, first_, context_,
                   growth_.empty() ? "" : growth_words(growth_[i], style_.earlier->seconds));
    }
    first_ = false;
    if (!out_.flush_if_large()) return;
  }
  if (!trailer) return;
  trailer->set_groups_left_out(trailer->groups_left_out() + left_out);
  trailer->set_shown(trailer->shown() - std::min(trailer->shown(), tasks_left_out));
  trailer->set_complete(trailer->complete() && left_out == 0);
}

/// Those of one function and spawn site are one, wherever they last awaited.
std::vector<v1::EndedTasks> stack_printer::ended_alike() {
  std::vector<v1::EndedTasks> all;
  std::map<std::pair<std::string, std::string>, std::size_t> known;
  for (const auto& each : ended_) {
    names_.resolve(group_of(each), what_);
    const std::string function = what_.frames.empty() ? "" : what_.frames.back().location->function;
    const auto [at, is_new] = known.try_emplace({function, spawn_words(what_)}, all.size());
    if (is_new) {
      all.push_back(each);
      continue;
    }
    all[at->second].set_count(all[at->second].count() + each.count());
    add_timing(*all[at->second].mutable_timing(), each.timing());
  }
  std::sort(all.begin(), all.end(),
            [](const v1::EndedTasks& a, const v1::EndedTasks& b) { return busy_ns(a.timing()) > busy_ns(b.timing()); });
  return all;
}

void stack_printer::print_ended() {
  std::uint64_t shown = 0;
  for (const auto& each : ended_alike()) {
    if (style_.limit != 0 && shown++ == style_.limit) return;
    names_.resolve(group_of(each), what_);
    if (json_) {
      auto& view = *header_.add_ended();
      view.set_count(each.count());
      if (!what_.frames.empty()) fill_view(what_.frames.back(), *view.mutable_function());
      if (what_.spawned_at) fill_view(shown_frame{what_.spawned_at, false}, *view.mutable_spawned_at());
      fill_view(each.timing(), context_.timed_for_ns, *view.mutable_timing());
      continue;
    }
    auto& to = out_.text();
    if (!std::exchange(first_, false)) to.push_back('\n');
    append_colored(to, bold,
                   fmt::format("{} {} [ended meanwhile]:", each.count(), each.count() == 1 ? "task" : "tasks"),
                   context_.style);
    to.push_back('\n');
    render_timing(to, each.timing(), context_.timed_for_ns);
    render_frames(to, what_, context_.style);
    render_spawn_site(to, what_);
    if (!out_.flush_if_large()) return;
  }
}

void stack_printer::end(v1::Trailer* trailer) {
  if (style_.group) print_groups(trailer);
  if (trailer) print_ended();
  if (json_) {
    if (trailer) {
      header_.set_shown(trailer->shown());
      header_.set_total(trailer->total());
      header_.set_complete(trailer->complete());
      if (context_.timed_for_ns != 0) header_.set_timed_seconds(static_cast<double>(context_.timed_for_ns) / 1e9);
    }
    if (native_ && native_->failure()) header_.add_notes(missing_native(*native_->failure()));
    if (note_) header_.add_notes(*note_);
    json_->end(header_);
  } else if (trailer) {
    render_trailer(out_.text(), *trailer, style_.group);
    if (native_ && native_->failure()) {
      fmt::format_to(std::back_inserter(out_.text()), "\n! {}\n", missing_native(*native_->failure()));
    }
    if (note_) append(out_.text(), "! " + *note_ + "\n");
  }
}

void stack_printer::add_native_frames(const v1::Task& task) {
  const auto& stack = native_->stack_of(as_running(task));
  what_.native = shown_frames(frames_of_task(stack), style_.all_frames);
}

}  // namespace tasks::cli
