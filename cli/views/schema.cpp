#include "views/schema.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <memory>

#include "base/json.hpp"
#include "tasks/v1/view_descriptors.hpp"

namespace tasks::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

/// view.proto with its comments, which the compiled-in descriptors lack.
const google::protobuf::FileDescriptor& view_file() {
  static const auto pool = [] {
    auto all = std::make_unique<google::protobuf::DescriptorPool>();
    google::protobuf::FileDescriptorSet files;
    files.ParseFromArray(view_descriptors, sizeof view_descriptors);
    for (const auto& file : files.file()) all->BuildFile(file);
    return all;
  }();
  return *pool->FindFileByName("tasks/v1/view.proto");
}

/// A document is what says which version of the schema it has.
bool is_document(const Descriptor& message) { return message.FindFieldByName("schema_version") != nullptr; }

/// "list" of ListView.
std::string document_name(const Descriptor& message) {
  auto name = message.name().substr(0, message.name().rfind("View"));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return name;
}

std::vector<const Descriptor*> documents() {
  std::vector<const Descriptor*> all;
  for (int i = 0; i < view_file().message_type_count(); ++i)
    if (const auto* message = view_file().message_type(i); is_document(*message)) all.push_back(message);
  return all;
}

bool is_of_hosts(const Descriptor& document) { return document.name() == "HostsView"; }
bool is_any(const Descriptor& message) { return message.name() == "AnyView"; }

/// What stands before, or behind, it in view.proto, in one line.
template <class Described>
std::string comment_of(const Described& of) {
  google::protobuf::SourceLocation at;
  if (!of.GetSourceLocation(&at)) return {};
  std::string text;
  bool gap = false;
  for (const char c : at.leading_comments + at.trailing_comments) {
    const bool space = c == ' ' || c == '\n';
    if (!space && gap && !text.empty()) text += ' ';
    if (!space) text += c;
    gap = space;
  }
  return text;
}

/// "Task.State" of tasks.v1.Task.State.
template <class Named>
std::string definition_name(const Named& of) {
  return of.full_name().substr(of.file()->package().size() + 1);
}

class schema_writer {
 public:
  explicit schema_writer(fmt::memory_buffer& out) : json_(out) {}

  void write(const std::vector<const Descriptor*>& roots) {
    json_.begin_object();
    text("$schema", "https://json-schema.org/draft/2020-12/schema");
    if (roots.size() == 1) {
      text("title", fmt::format("tasks {} --json", document_name(*roots.front())));
      refer(definition_name(*roots.front()));
    } else {
      text("title", "tasks COMMAND --json");
      json_.key("anyOf");
      json_.begin_array();
      for (const auto* root : roots) {
        json_.begin_object();
        refer(definition_name(*root));
        json_.end_object();
      }
      json_.end_array();
    }
    text("description", "What is said to be absent is null. A later version may add properties.");
    for (const auto* root : roots) collect(*root);
    json_.key("$defs");
    json_.begin_object();
    for (const auto* message : messages_) define(*message);
    for (const auto* values : enums_) define(*values);
    define_number();
    json_.end_object();
    json_.end_object();
  }

 private:
  void text(std::string_view key, std::string_view value) {
    json_.key(key);
    json_.string(value);
  }
  void describe(const std::string& words) {
    if (!words.empty()) text("description", words);
  }
  void refer(const std::string& definition) { text("$ref", "#/$defs/" + definition); }
  void begin_definition(const std::string& name) {
    json_.on_a_line();
    json_.key(name);
    json_.begin_object();
  }

  /// What a document consists of, each once.
  void collect(const Descriptor& message) {
    if (std::find(messages_.begin(), messages_.end(), &message) != messages_.end()) return;
    messages_.push_back(&message);
    if (is_any(message))
      for (const auto* document : documents())
        if (!is_of_hosts(*document)) collect(*document);
    for (int i = 0; i < message.field_count(); ++i) {
      const auto& field = *message.field(i);
      const auto* values = field.enum_type();
      if (values != nullptr && std::find(enums_.begin(), enums_.end(), values) == enums_.end())
        enums_.push_back(values);
      if (field.message_type() != nullptr && !field.is_map()) collect(*field.message_type());
    }
  }

  /// Whatever a command prints of one host.
  void define_any() {
    json_.key("anyOf");
    json_.begin_array();
    for (const auto* document : documents()) {
      if (is_of_hosts(*document)) continue;
      json_.begin_object();
      refer(definition_name(*document));
      json_.end_object();
    }
    json_.end_array();
    json_.end_object();
  }

  void define(const Descriptor& message) {
    begin_definition(definition_name(message));
    describe(comment_of(message));
    if (is_any(message)) return define_any();
    text("type", "object");
    json_.key("properties");
    json_.begin_object();
    for (int i = 0; i < message.field_count(); ++i) {
      json_.on_a_line();
      json_.key(message.field(i)->json_name());
      property(*message.field(i));
    }
    json_.end_object();
    json_.key("required");
    json_.begin_array();
    for (int i = 0; i < message.field_count(); ++i) json_.string(message.field(i)->json_name());
    json_.end_array();
    json_.end_object();
  }

  void define(const EnumDescriptor& values) {
    begin_definition(definition_name(values));
    std::string words = comment_of(values);
    for (int i = 0; i < values.value_count(); ++i) {
      const auto meaning = comment_of(*values.value(i));
      if (!meaning.empty())
        words += fmt::format("{}{}: {}", words.empty() ? "" : "; ", values.value(i)->name(), meaning);
    }
    describe(words);
    json_.key("anyOf");
    json_.begin_array();
    json_.begin_object();
    json_.key("enum");
    json_.begin_array();
    for (int i = 0; i < values.value_count(); ++i) json_.string(values.value(i)->name());
    json_.end_array();
    json_.end_object();
    json_.begin_object();
    text("type", "integer");
    text("description", "of a newer agent: this tasks has no name for it");
    json_.end_object();
    json_.end_array();
    json_.end_object();
  }

  void define_number() {
    begin_definition("uint64");
    json_.key("anyOf");
    json_.begin_array();
    json_.begin_object();
    text("type", "integer");
    json_.key("minimum");
    json_.number(0);
    json_.key("maximum");
    json_.number(greatest_number);
    json_.end_object();
    json_.begin_object();
    text("type", "string");
    text("pattern", "^[0-9]{16,20}$");
    text("description", "greater than most readers of JSON have exactly");
    json_.end_object();
    json_.end_array();
    json_.end_object();
  }

  void property(const FieldDescriptor& field) {
    json_.begin_object();
    describe(comment_of(field));
    if (field.is_map()) {
      text("type", "object");
      json_.key("additionalProperties");
      value(*field.message_type()->map_value());
    } else if (field.is_repeated()) {
      text("type", "array");
      json_.key("items");
      value(field);
    } else if (field.has_presence()) {
      json_.key("anyOf");
      json_.begin_array();
      value(field);
      json_.begin_object();
      text("type", "null");
      json_.end_object();
      json_.end_array();
    } else {
      type(field);
    }
    json_.end_object();
  }

  void value(const FieldDescriptor& field) {
    json_.begin_object();
    type(field);
    json_.end_object();
  }

  void type(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return refer(definition_name(*field.message_type()));
      case FieldDescriptor::CPPTYPE_ENUM:
        return refer(definition_name(*field.enum_type()));
      case FieldDescriptor::CPPTYPE_UINT64:
        return refer("uint64");
      case FieldDescriptor::CPPTYPE_STRING:
        return text("type", "string");
      case FieldDescriptor::CPPTYPE_BOOL:
        return text("type", "boolean");
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
        return text("type", "number");
      case FieldDescriptor::CPPTYPE_UINT32:
        text("type", "integer");
        json_.key("minimum");
        return json_.number(0);
      case FieldDescriptor::CPPTYPE_INT32:
      case FieldDescriptor::CPPTYPE_INT64:
        return text("type", "integer");
    }
  }

  json_writer json_;
  std::vector<const Descriptor*> messages_;
  std::vector<const EnumDescriptor*> enums_;
};

}  // namespace

std::vector<std::string> schema_names() {
  std::vector<std::string> names;
  for (const auto* document : documents()) names.push_back(document_name(*document));
  return names;
}

bool render_schema(fmt::memory_buffer& out, std::string_view name) {
  auto roots = documents();
  if (!name.empty()) {
    std::erase_if(roots, [name](const Descriptor* document) { return document_name(*document) != name; });
    if (roots.empty()) return false;
  }
  schema_writer(out).write(roots);
  out.push_back('\n');
  return true;
}

}  // namespace tasks::cli
