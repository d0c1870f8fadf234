#include "views/json.hpp"

#include <fmt/format.h>

#include <string_view>

#include "base/json.hpp"
#include "views/render.hpp"
#include "views/threads.hpp"

namespace tasks::cli {
namespace {

double seconds(std::uint64_t ms) { return static_cast<double>(ms) / 1000; }

void append(fmt::memory_buffer& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

void fill_frame(const frame& f, bool not_instrumented, v1::FrameView& view) {
  view.set_function(f.function);
  view.set_file(f.file);
  view.set_line(f.line);
  view.set_not_instrumented(not_instrumented);
}

void fill_wait(const v1::Wait& wait, std::uint64_t ms, const resolved& what, v1::WaitView& view) {
  view.set_kind(wait.kind());
  if (wait.object() != 0) view.set_object(fmt::format("{:#x}", wait.object()));
  if (wait.has_fd()) view.set_fd(wait.fd());
  if (wait.has_capacity()) view.set_capacity(wait.capacity());
  view.set_seconds(seconds(ms));
  if (wait.has_expires_in_ms()) view.set_expires_in_seconds(static_cast<double>(wait.expires_in_ms()) / 1000);
  if (what.fd) view.set_peer(what.fd->peer);
}

}  // namespace

void fill_view(const v1::Task& task, const resolved& what, v1::TaskView& view) {
  view.set_id(task.id());
  view.set_parent_id(task.parent());
  view.set_name(task.name());
  *view.mutable_labels() = task.labels();
  view.set_state(task.state());
  if (task.has_wait()) fill_wait(task.wait(), task.age_ms(), what, *view.mutable_wait());
  for (const auto& f : what.frames) fill_frame(*f.what, f.not_instrumented, *view.add_frames());
  for (const auto& f : what.native) fill_view(f, *view.add_native_frames());
  if (what.spawned_at) fill_frame(*what.spawned_at, false, *view.mutable_spawned_at());
  view.set_resumes(task.resumes());
  view.set_thread(task.thread());
  view.set_age_seconds(seconds(task.age_ms()));
  view.set_awaited(task.awaited());
  view.set_truncated(task.truncated());
}

void fill_view(const v1::Group& group, const resolved& what, v1::GroupView& view) {
  view.set_count(group.count());
  view.set_state(group.state());
  if (group.has_wait()) fill_wait(group.wait(), group.oldest_ms(), what, *view.mutable_wait());
  for (const auto& f : what.frames) fill_frame(*f.what, f.not_instrumented, *view.add_frames());
  view.set_oldest_seconds(seconds(group.oldest_ms()));
  *view.mutable_ids() = group.ids();
  if (what.spawned_at) fill_frame(*what.spawned_at, false, *view.mutable_spawned_at());
}

void fill_view(const leak& what_leaks, const resolved& what, v1::LeakView& view) {
  const auto& group = what_leaks.group;
  view.set_verdict(what_leaks.verdict);
  view.set_count(group.count());
  if (group.has_wait()) fill_wait(group.wait(), group.oldest_ms(), what, *view.mutable_wait());
  for (const auto& f : what.frames) fill_frame(*f.what, f.not_instrumented, *view.add_frames());
  for (const auto& f : what.native) fill_view(f, *view.add_native_frames());
  if (what.spawned_at) fill_frame(*what.spawned_at, false, *view.mutable_spawned_at());
  view.set_oldest_seconds(seconds(group.oldest_ms()));
  view.set_evidence(what_leaks.evidence);
  view.set_hint(what_leaks.hint);
  *view.mutable_task_ids() = group.ids();
  view.set_frame_bytes(what_leaks.frame_bytes);
}

void fill_view(const proof_result& proof, v1::LeaksView& view) {
  view.set_tasks(proof.tasks);
  view.set_checked(proof.proven + proof.held + proof.unchecked);
  view.set_proven(proof.proven);
  view.set_held(proof.held);
  view.set_unchecked(proof.unchecked);
  view.set_stopped_seconds(proof.stopped_ms / 1000);
  view.set_total_seconds(proof.total_ms / 1000);
}

void fill_view(const v1::Vitals& vitals, v1::VitalsView& view) {
  view.set_schema_version(schema_version);
  view.set_tasks(vitals.tasks());
  view.set_running(vitals.running());
  view.set_blocked(vitals.blocked());
  view.set_ready(vitals.ready());
  view.set_os_threads(vitals.os_threads());
  view.set_workers(vitals.workers());
  view.set_cpus(vitals.cpus());
  view.set_blocked_on_channels(vitals.blocked_on_channels());
  view.set_cpus_in_affinity_mask(vitals.cpus_in_affinity_mask());
  view.set_cpu_quota(static_cast<double>(vitals.cpu_quota_millis()) / 1000);
  view.set_rss_bytes(vitals.rss_bytes());
  view.set_cpu_seconds(seconds(vitals.cpu_time_ms()));
  view.set_uptime_seconds(seconds(vitals.uptime_ms()));
  view.set_deadlock_hint(vitals.deadlock_hint());
  view.set_tick_resolution_seconds(seconds(vitals.tick_resolution_ms()));
  view.set_lost_tasks(vitals.lost());
}

json_stream::json_stream(output& out, const google::protobuf::Message& header, std::string field)
    : out_(out), empty_array_("\"" + std::move(field) + "\":[]") {
  fmt::memory_buffer json;
  print_json(json, header);
  const std::string_view text(json.data(), json.size());
  append(out_.text(), text.substr(0, text.find(empty_array_) + empty_array_.size() - 1));
}

void json_stream::element(const google::protobuf::Message& message) {
  append(out_.text(), first_ ? "\n" : ",\n");
  print_json(out_.text(), message);
  first_ = false;
}

void json_stream::end(const google::protobuf::Message& whole) {
  fmt::memory_buffer json;
  print_json(json, whole);
  const std::string_view text(json.data(), json.size());
  append(out_.text(), text.substr(text.find(empty_array_) + empty_array_.size() - 1));
  append(out_.text(), "\n");
}

}  // namespace tasks::cli
