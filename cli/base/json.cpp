#include "base/json.hpp"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

/// A character of UTF-8, of two bytes and more, as the escapes of its one or two units of UTF-16.
void print_escaped(fmt::memory_buffer& out, std::string_view character) {
  auto code = static_cast<unsigned char>(character.front()) & (0x7fU >> character.size());
  for (const char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3fU);
  const auto to = std::back_inserter(out);
  if (code < 0x10000)
    fmt::format_to(to, "\\u{:04x}", code);
  else
    fmt::format_to(to, "\\u{:04x}\\u{:04x}", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ffU));
}

void print_string(fmt::memory_buffer& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const auto plain_end = std::find_if(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || static_cast<unsigned char>(c) >= 0x7f;
    });
    const auto plain = static_cast<std::size_t>(plain_end - text.begin());
    append(out, text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char c = text.front();
    std::size_t used = 1;
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else if (const auto length = detail::utf8_sequence(text); length != 0) {
      used = length;
      if (const auto character = text.substr(0, length); is_printable(character))
        append(out, character);
      else
        print_escaped(out, character);
    } else {
      append(out, "\xef\xbf\xbd");
    }
    text.remove_prefix(used);
  }
  out.push_back('"');
}

void print_double(fmt::memory_buffer& out, double value) {
  if (std::isnan(value)) return append(out, "\"NaN\"");
  if (std::isinf(value)) return append(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  fmt::format_to(std::back_inserter(out), "{}", value);
}

template <class Integer>
void print_integer(fmt::memory_buffer& out, Integer value) {
  const fmt::format_int text(value);
  const auto wide = static_cast<std::uint64_t>(value);
  const bool quoted = (std::is_signed_v<Integer> && value < 0 ? 0 - wide : wide) > greatest_number;
  if (quoted) out.push_back('"');
  out.append(text.data(), text.data() + text.size());
  if (quoted) out.push_back('"');
}

/// The value of a singular field, or element `index` of a repeated one.
void print_value(fmt::memory_buffer& out, const Message& m, const Reflection& r, const FieldDescriptor* f, int index) {
  const bool repeated = index >= 0;
  std::string scratch;
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return print_integer(out, repeated ? r.GetRepeatedInt32(m, f, index) : r.GetInt32(m, f));
    case FieldDescriptor::CPPTYPE_UINT32:
      return print_integer(out, repeated ? r.GetRepeatedUInt32(m, f, index) : r.GetUInt32(m, f));
    case FieldDescriptor::CPPTYPE_INT64:
      return print_integer(out, repeated ? r.GetRepeatedInt64(m, f, index) : r.GetInt64(m, f));
    case FieldDescriptor::CPPTYPE_UINT64:
      return print_integer(out, repeated ? r.GetRepeatedUInt64(m, f, index) : r.GetUInt64(m, f));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return print_double(out, repeated ? r.GetRepeatedDouble(m, f, index) : r.GetDouble(m, f));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return print_double(out, static_cast<double>(repeated ? r.GetRepeatedFloat(m, f, index) : r.GetFloat(m, f)));
    case FieldDescriptor::CPPTYPE_BOOL:
      return append(out, (repeated ? r.GetRepeatedBool(m, f, index) : r.GetBool(m, f)) ? "true" : "false");
    case FieldDescriptor::CPPTYPE_STRING:
      return print_string(
          out, repeated ? r.GetRepeatedStringReference(m, f, index, &scratch) : r.GetStringReference(m, f, &scratch));
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = repeated ? r.GetRepeatedEnumValue(m, f, index) : r.GetEnumValue(m, f);
      const auto* value = f->enum_type()->FindValueByNumber(number);
      return value ? print_string(out, value->name()) : print_integer(out, number);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return print_json(out, repeated ? r.GetRepeatedMessage(m, f, index) : r.GetMessage(m, f));
  }
}

/// By their keys: protobuf has them in another order in each process.
void print_map(fmt::memory_buffer& out, const Message& m, const Reflection& r, const FieldDescriptor* f) {
  std::vector<std::pair<std::string, const Message*>> entries;
  for (int i = 0; i < r.FieldSize(m, f); ++i) {
    const auto& entry = r.GetRepeatedMessage(m, f, i);
    fmt::memory_buffer key;
    print_value(key, entry, *entry.GetReflection(), f->message_type()->map_key(), -1);
    entries.emplace_back(fmt::to_string(key), &entry);
  }
  std::sort(entries.begin(), entries.end());
  out.push_back('{');
  bool first = true;
  for (const auto& [key, entry] : entries) {
    if (!first) out.push_back(',');
    first = false;
    append(out, key);
    out.push_back(':');
    print_value(out, *entry, *entry->GetReflection(), f->message_type()->map_value(), -1);
  }
  out.push_back('}');
}

void print_field(fmt::memory_buffer& out, const Message& m, const Reflection& r, const FieldDescriptor* f) {
  if (f->has_presence() && !r.HasField(m, f)) return append(out, "null");
  if (f->is_map()) return print_map(out, m, r, f);
  if (!f->is_repeated()) return print_value(out, m, r, f, -1);
  out.push_back('[');
  for (int i = 0; i < r.FieldSize(m, f); ++i) {
    if (i != 0) out.push_back(',');
    print_value(out, m, r, f, i);
  }
  out.push_back(']');
}

/// Calls `visit` with each field from index `first` to before `last`.
template <class Visit>
void for_each_field(const Message& message, int first, int last, Visit visit) {
  const auto& descriptor = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  for (int i = first; i < last; ++i) visit(reflection, descriptor.field(i));
}

int index_of(const Message& message, std::string_view name) {
  return message.GetDescriptor()->FindFieldByName(std::string(name))->index();
}

}  // namespace

void print_json(fmt::memory_buffer& out, const Message& message) {
  out.push_back('{');
  bool first = true;
  for_each_field(message, 0, message.GetDescriptor()->field_count(), [&](const Reflection& r, const auto* field) {
    if (!first) out.push_back(',');
    first = false;
    out.push_back('"');
    append(out, field->json_name());
    append(out, "\":");
    print_field(out, message, r, field);
  });
  out.push_back('}');
}

void json_writer::begin_value() {
  if (!after_key_ && !is_empty_.empty()) {
    if (!is_empty_.back()) out_.push_back(',');
    is_empty_.back() = false;
  }
  if (on_a_line_) out_.push_back('\n');
  after_key_ = on_a_line_ = false;
}

void json_writer::begin_object() {
  begin_value();
  out_.push_back('{');
  is_empty_.push_back(true);
}

void json_writer::begin_array() {
  begin_value();
  out_.push_back('[');
  is_empty_.push_back(true);
}

void json_writer::end(char bracket) {
  is_empty_.pop_back();
  out_.push_back(bracket);
}

void json_writer::key(std::string_view name) {
  begin_value();
  print_string(out_, name);
  out_.push_back(':');
  after_key_ = true;
}

void json_writer::string(std::string_view text) {
  begin_value();
  print_string(out_, text);
}

void json_writer::number(std::uint64_t value) {
  begin_value();
  print_integer(out_, value);
}

void json_writer::boolean(bool value) {
  begin_value();
  append(out_, value ? "true" : "false");
}

void json_writer::null() {
  begin_value();
  append(out_, "null");
}

void json_writer::message(const Message& message) {
  begin_value();
  print_json(out_, message);
}

void json_writer::fields_before(const Message& message, std::string_view name) {
  for_each_field(message, 0, index_of(message, name), [&](const Reflection& r, const auto* field) {
    key(field->json_name());
    begin_value();
    print_field(out_, message, r, field);
  });
}

void json_writer::fields_after(const Message& message, std::string_view name) {
  for_each_field(message, index_of(message, name) + 1, message.GetDescriptor()->field_count(),
                 [&](const Reflection& r, const auto* field) {
                   key(field->json_name());
                   begin_value();
                   print_field(out_, message, r, field);
                 });
}

}  // namespace tasks::cli
