/// What a release has promised is still there: golden/stable_*.txt, a line for each promise. More may come. Before a
/// release TASKS_UPDATE_GOLDEN=1 writes down what came.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "commands/command.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/recording.pb.h"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

using lines = std::set<std::string>;

constexpr auto what_to_do =
    "Users rely on these. Where they are to go all the same: a line in CHANGELOG.md, and TASKS_UPDATE_GOLDEN=1.";

/// Of golden/NAME those lines that are not in `now`.
lines gone(const std::string& name, const lines& now) {
  const auto path = std::string(TASKS_GOLDEN_DIRECTORY) + "/" + name;
  if (std::getenv("TASKS_UPDATE_GOLDEN")) {
    std::ofstream out(path);
    for (const auto& line : now) out << line << '\n';
    return {};
  }
  lines missing;
  std::ifstream promised(path);
  EXPECT_TRUE(promised.good()) << path;
  for (std::string line; std::getline(promised, line);) {
    if (!now.contains(line)) missing.insert(line);
  }
  return missing;
}

/// "stack --limit VALUE", "stack --all", "stack --watch [VALUE]": each of an option's names.
lines options_now() {
  lines now;
  for (const auto& c : commands()) {
    now.insert(std::string(c.name));
    for (const auto& o : c.options) {
      const std::string value = o.value.empty() ? "" : o.value.starts_with('[') ? " [VALUE]" : " VALUE";
      const std::string names(o.names);
      for (std::size_t at = 0; at < names.size();) {
        const auto end = std::min(names.find(',', at), names.size());
        now.insert(std::string(c.name) + " " + names.substr(at, end - at) + value + (o.repeats ? " ..." : ""));
        at = end + 1;
      }
    }
  }
  return now;
}

std::string type_of(const FieldDescriptor& field) {
  std::string type = field.is_repeated() ? "repeated " : field.has_presence() ? "optional " : "";
  if (field.message_type()) return type + std::string(field.message_type()->full_name());
  if (field.enum_type()) return type + std::string(field.enum_type()->full_name());
  return type + field.type_name();
}

void add(const EnumDescriptor& words, lines& to) {
  for (int i = 0; i < words.value_count(); ++i) {
    to.insert(std::string(words.full_name()) + " " + std::string(words.value(i)->name()) + " = " +
              std::to_string(words.value(i)->number()));
  }
}

void add(const Descriptor& message, lines& to) {
  for (int i = 0; i < message.field_count(); ++i) {
    const auto& field = *message.field(i);
    to.insert(std::string(message.full_name()) + " " + std::string(field.name()) + " = " +
              std::to_string(field.number()) + ": " + type_of(field));
  }
  for (int i = 0; i < message.nested_type_count(); ++i) add(*message.nested_type(i), to);
  for (int i = 0; i < message.enum_type_count(); ++i) add(*message.enum_type(i), to);
}

lines fields_now(const FileDescriptor& file) {
  lines now;
  for (int i = 0; i < file.message_type_count(); ++i) add(*file.message_type(i), now);
  for (int i = 0; i < file.enum_type_count(); ++i) add(*file.enum_type(i), now);
  return now;
}

TEST(Stable, NoCommandAndNoOptionGoesOrTakesAnotherValue) {
  EXPECT_THAT(gone("stable_options.txt", options_now()), testing::IsEmpty()) << what_to_do;
}

TEST(Stable, NoFieldOfTheJsonGoesOrHasAnotherTypeOrNumber) {
  EXPECT_THAT(gone("stable_json.txt", fields_now(*v1::ListView::descriptor()->file())), testing::IsEmpty())
      << what_to_do;
}

TEST(Stable, NoFieldOfTheProtocolGoesOrHasAnotherTypeOrNumber) {
  EXPECT_THAT(gone("stable_protocol.txt", fields_now(*v1::Hello::descriptor()->file())), testing::IsEmpty())
      << what_to_do;
}

TEST(Stable, NoFieldOfRecordingsGoesOrHasAnotherTypeOrNumber) {
  EXPECT_THAT(gone("stable_recordings.txt", fields_now(*v1::RecordingHead::descriptor()->file())), testing::IsEmpty())
      << what_to_do;
}

}  // namespace
}  // namespace tasks::cli
