#pragma once

/// What the messages that --json prints have in common, and how a long one is printed.

#include <google/protobuf/message.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/output.hpp"
#include "proof/proof.hpp"
#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// tasks.v1.*View.schema_version
inline constexpr std::uint32_t schema_version = 2;

/// A view of a target, with what every document begins with.
template <class View>
[[nodiscard]] View new_view(pid_t pid) {
  View view;
  view.set_schema_version(schema_version);
  view.set_pid(static_cast<std::uint32_t>(pid));
  return view;
}

[[nodiscard]] constexpr double seconds(std::uint64_t ms) { return static_cast<double>(ms) / 1000; }

void fill_view(const shown_frame& frame, v1::FrameView& view);
/// How long it has been so, in milliseconds; nothing: not known.
[[nodiscard]] std::optional<std::uint64_t> age_of(const v1::Task& task);
/// Of the oldest.
[[nodiscard]] std::optional<std::uint64_t> age_of(const v1::Group& group);
/// Where that is not known, for how long looks have shown it so, in milliseconds; nothing: likewise.
[[nodiscard]] std::optional<std::uint64_t> seen_for(const v1::Task& task);
[[nodiscard]] std::optional<std::uint64_t> seen_for(const v1::Group& group);
/// `ms`: how long it has lasted; nothing: not known.
/// `fd`: what its descriptor is, or null.
void fill_view(const v1::Wait& wait, std::optional<std::uint64_t> ms, const endpoint* fd, v1::WaitView& view);
void fill_view(const due_task& due, v1::DueView& view);
/// But for the frame, which is the task's.
void fill_view(const busy_task& busy, v1::BusyView& view);
void fill_view(const lookup& one, v1::LookupView& view);
void fill_view(const wait_cycle& cycle, google::protobuf::RepeatedPtrField<v1::CycleStepView>& steps);
/// What tasks say of themselves.
void fill_view(std::span<const v1::Task> named, google::protobuf::RepeatedPtrField<v1::NamedTaskView>& views);
/// Measured over so many nanoseconds; 0: not at all.
void fill_view(const v1::Timing& timing, std::uint64_t over_ns, v1::TimingView& view);
void fill_view(const v1::Task& task, const resolved& meaning, v1::TaskView& view);
void fill_view(const v1::Group& group, const resolved& meaning, v1::GroupView& view);

/// One JSON document whose array `field` is printed element by element, so that its length costs no memory.
///
///   json_stream(out, header, "tasks")   {"schemaVersion":2,"pid":7,"tasks":[
///   element(message) …                  {"id":1, …},
///   end(whole)                          ],"groups":[],"shown":2, … }
class json_stream {
 public:
  /// `header` is the document's message, with all fields before the array set.
  json_stream(output& out, const google::protobuf::Message& header, std::string field);
  void element(const google::protobuf::Message& message);
  /// For elements that are no messages as a whole.
  [[nodiscard]] json_writer& writer() noexcept { return json_; }
  /// `whole` is the document's message, with all fields after the array set.
  void end(const google::protobuf::Message& whole);

 private:
  output& out_;
  std::string field_;
  json_writer json_;
};

/// A document that another `tasks` has printed; fields that this one does not know are left out. False: it is none.
[[nodiscard]] bool read_document(std::string_view text, google::protobuf::Message& to);

/// A document that is one message.
void print_document(output& out, const google::protobuf::Message& message);

}  // namespace tasks::cli
