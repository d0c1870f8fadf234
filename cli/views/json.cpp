#include "views/json.hpp"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <utility>

#include "base/text.hpp"
#include "surveys/timing.hpp"
#include "views/frames.hpp"

namespace tasks::cli {
namespace {

void fill_frames(const resolved& meaning, google::protobuf::RepeatedPtrField<v1::FrameView>& views) {
  for (const auto& f : meaning.frames) fill_view(f, *views.Add());
  if (!meaning.awaited_at || views.empty()) return;
  views.rbegin()->set_file(meaning.awaited_at->file);
  views.rbegin()->set_line(meaning.awaited_at->line);
}

}  // namespace

void fill_view(const shown_frame& frame, v1::FrameView& view) {
  view.set_function(frame.location->function);
  view.set_file(frame.location->file);
  view.set_line(frame.location->line);
  view.set_not_instrumented(frame.not_instrumented);
  if (frame.address != 0) view.set_address(fmt::format("{:#x}", frame.address));
  for (const auto& each : frame.locals) {
    auto& local = *view.add_locals();
    local.set_name(each.name);
    local.set_type(each.type);
    if (each.value) local.set_value(*each.value);
    if (frame.address != 0) local.set_address(fmt::format("{:#x}", each.address));
  }
}

std::optional<std::uint64_t> age_of(const v1::Task& task) {
  return task.age_unknown() ? std::nullopt : std::optional(task.age_ms());
}

std::optional<std::uint64_t> age_of(const v1::Group& group) {
  return group.age_unknown() ? std::nullopt : std::optional(group.oldest_ms());
}

std::optional<std::uint64_t> seen_for(const v1::Task& task) {
  return task.age_unknown() && task.age_ms() != 0 ? std::optional(task.age_ms()) : std::nullopt;
}

std::optional<std::uint64_t> seen_for(const v1::Group& group) {
  return group.age_unknown() && group.oldest_ms() != 0 ? std::optional(group.oldest_ms()) : std::nullopt;
}

void fill_view(const v1::Wait& wait, std::optional<std::uint64_t> ms, const endpoint* fd, v1::WaitView& view) {
  view.set_kind(wait.kind());
  if (wait.object() != 0) view.set_object(fmt::format("{:#x}", wait.object()));
  if (wait.has_fd()) view.set_fd(wait.fd());
  if (wait.has_capacity()) view.set_capacity(wait.capacity());
  if (ms) view.set_seconds(seconds(*ms));
  if (wait.has_expires_in_ms()) view.set_expires_in_seconds(static_cast<double>(wait.expires_in_ms()) / 1000);
  if (wait.kind() == v1::Wait::TIMER && (wait.never_expires() || wait.has_expires_in_ms()))
    view.set_never_expires(wait.never_expires());
  view.set_has_timeout(wait.has_timeout());
  if (wait.has_times_out_in_ms()) view.set_times_out_in_seconds(static_cast<double>(wait.times_out_in_ms()) / 1000);
  if (!fd) return;
  view.set_peer(fd->peer);
  view.set_local_address(fd->local);
  view.set_fd_kind(fd->name);
  view.set_shut_down(fd->shut_down);
  if (fd->waiting && !fd->listens) view.set_unread_bytes(fd->waiting->receive);
}

void fill_view(const due_task& due, v1::DueView& view) {
  view.set_task_id(due.id);
  if (due.for_ms != 0) view.set_seconds(seconds(due.for_ms));
  view.set_over(due.over);
  view.set_reason(due.reason);
  if (due.behind != 0) view.set_behind_task_id(due.behind);
  if (due.available != 0) view.set_available(due.available);
  if (due.worker != 0) view.set_worker_tid(due.worker);
  if (due.missed_for_ms != 0) view.set_missed_for_seconds(seconds(due.missed_for_ms));
}

void fill_view(const busy_task& busy, v1::BusyView& view) {
  view.set_task_id(busy.id);
  view.set_resumptions_per_second(busy.per_second);
  view.set_looks(busy.looks);
  for (const auto& by : busy.by) {
    auto& to = *view.add_resumed_by();
    to.set_thread(by.thread);
    to.set_looks(by.anew);
    to.set_looks_that_it_ran(by.ran);
  }
}

void fill_view(const lookup& one, v1::LookupView& view) {
  view.set_host(one.host);
  view.set_service(one.service);
  view.set_of_address(one.of_address);
  if (one.task != 0) view.set_task_id(one.task);
  if (one.task != 0) view.set_seconds(seconds(one.age_ms));
  if (one.tid != 0) view.set_tid(one.tid);
  if (one.before) view.set_before(*one.before);
}

void fill_view(const wait_cycle& cycle, google::protobuf::RepeatedPtrField<v1::CycleStepView>& steps) {
  for (const auto& step : cycle) {
    auto& to = *steps.Add();
    to.set_task_id(step.task);
    if (step.object != 0) to.set_object(fmt::format("{:#x}", step.object));
  }
}

void fill_view(const v1::Timing& timing, std::uint64_t over_ns, v1::TimingView& view) {
  const auto seconds_of = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  const auto fill = [&](const v1::Durations& from, v1::DurationsView& to) {
    to.set_count(from.count());
    to.set_total_seconds(seconds_of(from.total_ns()));
    to.set_longest_seconds(seconds_of(from.longest_ns()));
    if (from.count() == 0) return;
    to.set_p50_seconds(seconds_of(quantile_ns(from, 0.5)));
    to.set_p99_seconds(seconds_of(quantile_ns(from, 0.99)));
    for (int i = 0; i < from.histogram_size(); ++i) {
      if (from.histogram(i) == 0) continue;
      auto& bucket = *to.add_buckets();
      const auto limit = bucket_limit_ns(static_cast<std::size_t>(i));
      if (limit != 0) bucket.set_below_seconds(seconds_of(limit));
      bucket.set_count(from.histogram(i));
    }
  };
  fill(timing.runs(), *view.mutable_runs());
  fill(timing.delays(), *view.mutable_delays());
  view.set_running_seconds(seconds_of(timing.running_ns()));
  if (over_ns != 0) view.set_busy(static_cast<double>(busy_ns(timing)) / static_cast<double>(over_ns));
}

void fill_view(const v1::Task& task, const resolved& meaning, v1::TaskView& view) {
  view.set_id(task.id());
  view.set_parent_id(task.parent());
  view.set_name(task.name());
  *view.mutable_labels() = task.labels();
  view.set_state(task.state());
  if (task.has_wait()) fill_view(task.wait(), age_of(task), meaning.fd, *view.mutable_wait());
  if (task.wait().kind() == v1::Wait::OTHER && meaning.operation != nullptr)
    view.mutable_wait()->set_operation(*meaning.operation);
  if (task.wait().kind() == v1::Wait::TIMER) {
    auto& timer = *view.mutable_wait();
    const auto when = expiry_of(task.wait(), meaning);
    if (when == expiry::never) timer.set_never_expires(true);
    if (when == expiry::unknown) timer.clear_never_expires();
    if (when != expiry::known) timer.clear_expires_in_seconds();
    if (when == expiry::unknown && meaning.clock != nullptr) timer.set_clock(*meaning.clock);
  }
  for (int i = 0; i < task.also_size(); ++i)
    fill_view(task.also(i), age_of(task), meaning.also[static_cast<std::size_t>(i)], *view.add_also());
  view.set_members(task.members());
  view.set_ended_members(task.ended_members());
  fill_frames(meaning, *view.mutable_frames());
  for (const auto& f : meaning.native) fill_view(f, *view.add_native_frames());
  if (meaning.spawned_at) fill_view(shown_frame{meaning.spawned_at, false}, *view.mutable_spawned_at());
  if (meaning.spawned_after) fill_view(shown_frame{meaning.spawned_after, false}, *view.mutable_spawned_after());
  if (!task.age_unknown()) view.set_resumes(task.resumes());
  view.set_thread(task.thread());
  if (const auto age = age_of(task)) view.set_age_seconds(seconds(*age));
  if (const auto seen = seen_for(task)) view.set_seen_seconds(seconds(*seen));
  view.set_awaited(meaning.awaited);
  view.set_truncated(task.truncated());
  view.set_ran_before_fork(task.ran_before_fork());
  if (meaning.due) fill_view(*meaning.due, *view.mutable_due());
  if (meaning.looked_up) fill_view(*meaning.looked_up, *view.mutable_lookup());
  if (!meaning.busy) return;
  fill_view(*meaning.busy, *view.mutable_busy());
  view.clear_wait();
  view.clear_also();
}

void fill_view(std::span<const v1::Task> named, google::protobuf::RepeatedPtrField<v1::NamedTaskView>& views) {
  for (const auto& each : named) {
    auto& view = *views.Add();
    view.set_id(each.id());
    view.set_name(each.name());
    *view.mutable_labels() = each.labels();
  }
}

void fill_view(const v1::Group& group, const resolved& meaning, v1::GroupView& view) {
  view.set_count(group.count());
  view.set_state(group.state());
  if (group.has_wait()) fill_view(group.wait(), age_of(group), nullptr, *view.mutable_wait());
  if (group.wait().kind() == v1::Wait::OTHER && meaning.operation != nullptr)
    view.mutable_wait()->set_operation(*meaning.operation);
  fill_frames(meaning, *view.mutable_frames());
  if (const auto age = age_of(group)) view.set_oldest_seconds(seconds(*age));
  if (const auto seen = seen_for(group)) view.set_seen_seconds(seconds(*seen));
  if (meaning.due) {
    view.set_due_tasks(group.count() == 1 ? 1 : meaning.due_tasks);
    fill_view(*meaning.due, *view.mutable_due());
  }
  view.set_busy_tasks(meaning.busy_tasks);
  if (meaning.busy && meaning.busy_tasks == group.count()) view.clear_wait();
  *view.mutable_ids() = group.ids();
  if (meaning.spawned_at) fill_view(shown_frame{meaning.spawned_at, false}, *view.mutable_spawned_at());
  if (meaning.spawned_after) fill_view(shown_frame{meaning.spawned_after, false}, *view.mutable_spawned_after());
}

json_stream::json_stream(output& out, const google::protobuf::Message& header, std::string field)
    : out_(out), field_(std::move(field)), json_(out.text()) {
  json_.begin_object();
  json_.fields_before(header, field_);
  json_.key(header.GetDescriptor()->FindFieldByName(field_)->json_name());
  json_.begin_array();
}

void json_stream::element(const google::protobuf::Message& message) {
  json_.on_a_line();
  json_.message(message);
}

void json_stream::end(const google::protobuf::Message& whole) {
  json_.end_array();
  json_.fields_after(whole, field_);
  json_.end_object();
  append(out_.text(), "\n");
}

bool read_document(std::string_view text, google::protobuf::Message& to) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  return google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &to, options).ok();
}

void print_document(output& out, const google::protobuf::Message& message) {
  print_json(out.text(), message);
  out.text().push_back('\n');
}

}  // namespace tasks::cli
