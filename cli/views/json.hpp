#pragma once

/// The messages that --json prints, from what was read.

#include <string>

#include "base/output.hpp"
#include "surveys/leak_groups.hpp"
#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// tasks.v1.*View.schema_version
inline constexpr std::uint32_t schema_version = 1;

void fill_view(const v1::Task& task, const resolved& what, v1::TaskView& view);
void fill_view(const v1::Group& group, const resolved& what, v1::GroupView& view);
void fill_view(const leak& what_leaks, const resolved& what, v1::LeakView& view);
void fill_view(const proof_result& proof, v1::LeaksView& view);
void fill_view(const v1::Vitals& vitals, v1::VitalsView& view);

/// One JSON document whose array `field` is printed element by element, so that its length costs no memory.
///
///   json_stream(out, header, "tasks")   {"schemaVersion":1,"pid":7,"tasks":[
///   element(message) …                  {"id":"1", …},
///   end(whole)                          ],"groups":[],"shown":"2", … }
class json_stream {
 public:
  /// `header` is the document's message with an empty array and all fields before it set.
  json_stream(output& out, const google::protobuf::Message& header, std::string field);
  void element(const google::protobuf::Message& message);
  /// `whole` is the document's message with an empty array and all other fields set.
  void end(const google::protobuf::Message& whole);

 private:
  output& out_;
  std::string empty_array_;  ///< "tasks":[]
  bool first_ = true;
};

}  // namespace tasks::cli
