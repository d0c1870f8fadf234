#include "surveys/recorded_operations.hpp"

#include <algorithm>

#include "surveys/recorded_facts.hpp"

namespace tasks::cli {
namespace {

using operation_message = v1::RecordedOperations::Operation;
using context_message = v1::RecordedOperations::Context;

void fill(const surveyed_operation& from, operation_message& to) {
  to.set_address(from.is.address);
  to.set_queue(static_cast<std::uint32_t>(from.is.in));
  to.set_context(from.is.context);
  to.set_object(from.is.object);
  if (from.is.fd) {
    to.set_fd(*from.is.fd);
    *to.mutable_leads_to() = to_message(*from.is.fd, from.fd);
  }
  if (from.is.expiry) to.set_expiry_ns(*from.is.expiry);
  to.set_system_clock(from.is.is_system_clock);
  to.mutable_signals()->Assign(from.is.signals.begin(), from.is.signals.end());
  to.set_looks_up(from.is.name);
  to.set_sends(from.is.sends);
  to.set_kind(from.kind);
  to.set_handler(from.handler);
  if (from.place) {
    to.set_file(from.place->file);
    to.set_line(from.place->line);
  }
  to.set_of_task(from.of_task);
  to.set_stackful(from.stackful);
}

surveyed_operation operation_of(const operation_message& from) {
  using queue = queued_operation::queue;
  surveyed_operation to;
  to.is.address = from.address();
  to.is.in = static_cast<queue>(std::min(from.queue(), static_cast<std::uint32_t>(queue::scheduler)));
  to.is.context = from.context();
  to.is.object = from.object();
  if (from.has_fd()) {
    to.is.fd = from.fd();
    to.fd = from_message(from.leads_to());
  }
  if (from.has_expiry_ns()) to.is.expiry = from.expiry_ns();
  to.is.is_system_clock = from.system_clock();
  to.is.signals.assign(from.signals().begin(), from.signals().end());
  to.is.name = from.looks_up();
  to.is.sends = from.sends();
  to.kind = from.kind();
  to.handler = from.handler();
  if (from.has_line()) to.place = source_line{from.file(), from.line()};
  to.of_task = from.of_task();
  to.stackful = from.stackful();
  return to;
}

void fill(const surveyed_context& from, context_message& to) {
  to.set_address(from.is.address);
  to.set_type(from.type);
  to.set_operations(from.operations);
  to.set_has_tasks(from.has_tasks);
  if (!from.is.state) return;
  to.set_work(from.is.state->work);
  to.set_stopped(from.is.state->stopped);
}

surveyed_context context_of(const context_message& from) {
  surveyed_context to;
  to.is.address = from.address();
  to.type = from.type();
  to.operations = from.operations();
  to.has_tasks = from.has_tasks();
  if (!from.has_work()) return to;
  auto& state = to.is.state.emplace();
  state.work = from.work();
  state.stopped = from.stopped();
  return to;
}

}  // namespace

v1::RecordedOperations to_message(const operation_survey& from) {
  v1::RecordedOperations to;
  for (const auto& each : from.operations) fill(each, *to.add_operations());
  for (const auto& each : from.contexts) fill(each, *to.add_contexts());
  to.set_callbacks(from.callbacks);
  to.set_of_tasks(from.of_tasks);
  to.set_has_coroutines(from.has_coroutines);
  if (from.monotonic_ns) to.set_monotonic_ns(*from.monotonic_ns);
  if (from.wall_ns) to.set_wall_ns(*from.wall_ns);
  for (const auto& note : from.notes) to.add_notes(note);
  to.set_stopped_ms(from.stopped_ms);
  return to;
}

operation_survey from_message(const v1::RecordedOperations& from) {
  operation_survey to;
  for (const auto& each : from.contexts()) to.contexts.push_back(context_of(each));
  for (const auto& each : from.operations())
    if (each.context() < to.contexts.size()) to.operations.push_back(operation_of(each));
  to.callbacks = from.callbacks();
  to.of_tasks = from.of_tasks();
  to.has_coroutines = from.has_coroutines();
  if (from.has_monotonic_ns()) to.monotonic_ns = from.monotonic_ns();
  if (from.has_wall_ns()) to.wall_ns = from.wall_ns();
  to.notes.assign(from.notes().begin(), from.notes().end());
  to.stopped_ms = from.stopped_ms();
  return to;
}

}  // namespace tasks::cli
