#include "support/lab_script.hpp"

#include <utility>

namespace tasks::testing {
namespace {

v1::Task& add_task(v1::Chunk& chunk, std::uint64_t id, std::uint64_t parent, v1::Task::State state,
                   std::uint64_t age_ms, std::initializer_list<std::uint32_t> frames) {
  auto& task = *chunk.add_tasks();
  task.set_id(id);
  task.set_parent(parent);
  task.set_state(state);
  task.set_age_ms(age_ms);
  for (const auto frame : frames) task.add_frames(frame);
  return task;
}

}  // namespace

v1::Location make_location(std::uint32_t id, std::string function, std::string file, std::uint32_t line) {
  v1::Location location;
  location.set_id(id);
  location.set_function(std::move(function));
  location.set_file(std::move(file));
  location.set_line(line);
  return location;
}

fake_agent::script small_script() {
  fake_agent::script s;
  s.vitals.set_tasks(2);
  s.vitals.set_running(1);
  s.vitals.set_blocked(1);
  s.vitals.set_os_threads(3);
  s.vitals.set_workers(1);
  s.vitals.set_cpus(4);
  s.vitals.set_tick_resolution_ms(1000);
  s.trailer.set_complete(true);
  return s;
}

fake_agent::script lab_script() {
  fake_agent::script s;
  s.vitals.set_tasks(14);
  s.vitals.set_running(1);
  s.vitals.set_blocked(12);
  s.vitals.set_ready(1);
  s.vitals.set_os_threads(9);
  s.vitals.set_workers(4);
  s.vitals.set_cpus(4);
  s.vitals.set_cpus_in_affinity_mask(8);
  s.vitals.set_cpu_quota_millis(3500);
  s.vitals.set_rss_bytes(12'900'000);
  s.vitals.set_cpu_time_ms(4210);
  s.vitals.set_uptime_ms(11'545'000);
  s.vitals.set_blocked_on_channels(11);
  s.vitals.set_tick_resolution_ms(1000);

  v1::Chunk locations;
  *locations.add_locations() =
      make_location(1, "void inner(inner(chan&)::_Z5innerR4chan.Frame*)", "/src/lab/pool.cpp", 10);
  *locations.add_locations() = make_location(
      2, "void worker(worker(std::shared_ptr<chan>)::_Z6workerSt10shared_ptrI4chanE.Frame*)", "/src/lab/pool.cpp", 31);
  *locations.add_locations() =
      make_location(3, "awaitable<void> query(std::shared_ptr<chan>)", "/src/lab/query.cpp", 17);
  *locations.add_locations() =
      make_location(4,
                    "static return_type asio::async_result<asio::use_awaitable_t<>, void ()>::initiate(Initiation) "
                    "[CompletionToken = asio::use_awaitable_t<>, Initiation = int]",
                    "/usr/include/asio/impl/use_awaitable.hpp", 189);
  *locations.add_locations() = make_location(5, "awaitable<void> main_loop()", "/src/lab/server.cpp", 88);
  *locations.add_locations() = make_location(6, "awaitable<void> session(tcp::socket)", "/src/lab/server.cpp", 41);
  *locations.add_locations() =
      make_location(7, "auto main()::(anonymous class)::operator()() const", "/src/lab/main.cpp", 9);

  auto channels = locations;
  auto& receivers = *channels.add_groups();
  receivers.set_count(10);
  receivers.set_state(v1::Task::BLOCKED);
  receivers.mutable_wait()->set_kind(v1::Wait::CHANNEL_RECEIVE);
  receivers.mutable_wait()->set_capacity(0);
  for (const auto frame : {4u, 1u, 2u}) receivers.add_frames(frame);
  receivers.set_oldest_ms(192'345);
  for (const auto id : {7u, 8u, 9u}) receivers.add_ids(id);
  auto& senders = *channels.add_groups();
  senders.set_count(1);
  senders.set_state(v1::Task::BLOCKED);
  senders.mutable_wait()->set_kind(v1::Wait::CHANNEL_SEND);
  senders.add_frames(4);
  senders.add_frames(3);
  senders.set_oldest_ms(12'999);
  senders.add_ids(17);
  s.channel_groups = {channels};
  s.groups = {channels};

  s.stacks = {locations};
  v1::Chunk tasks;
  auto& root = add_task(tasks, 1, 0, v1::Task::BLOCKED, 11'545'000, {5});
  root.mutable_wait()->set_kind(v1::Wait::TASKS);
  auto& reader = add_task(tasks, 4, 1, v1::Task::BLOCKED, 12'400, {4, 6});
  reader.mutable_wait()->set_kind(v1::Wait::SOCKET_READ);
  reader.mutable_wait()->set_fd(4000);
  reader.set_awaited(true);
  reader.set_name("conn 42");
  (*reader.mutable_labels())["user"] = "ann";
  auto& timer = add_task(tasks, 5, 4, v1::Task::BLOCKED, 300, {4, 7});
  timer.mutable_wait()->set_kind(v1::Wait::TIMER);
  timer.mutable_wait()->set_expires_in_ms(48'000);
  timer.set_awaited(true);
  auto& worker = add_task(tasks, 7, 1, v1::Task::BLOCKED, 192'345, {4, 1, 2});
  worker.mutable_wait()->set_kind(v1::Wait::CHANNEL_RECEIVE);
  worker.mutable_wait()->set_object(0x7f1234567890);
  worker.mutable_wait()->set_capacity(16);
  worker.set_resumes(5);
  add_task(tasks, 18, 99, v1::Task::RUNNING, 2000, {2}).set_thread(77);
  add_task(tasks, 19, 18, v1::Task::READY, 0, {});
  s.stacks.push_back(tasks);
  s.trailer.set_shown(6);
  s.trailer.set_matched(6);
  s.trailer.set_total(6);
  s.trailer.set_complete(true);
  s.trailer.set_tick_resolution_ms(1000);
  return s;
}

}  // namespace tasks::testing
