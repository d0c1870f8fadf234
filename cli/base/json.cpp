#include "base/json.hpp"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <string_view>

namespace tasks::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void append(fmt::memory_buffer& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

/// Length of the UTF-8 sequence that `text` begins with; 0: it begins with none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80   ? 1
                             : byte(0) < 0xc2 ? 0
                             : byte(0) < 0xe0 ? 2
                             : byte(0) < 0xf0 ? 3
                             : byte(0) < 0xf5 ? 4
                                              : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond Unicode.
  if ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f)) return 0;
  if ((byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
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
    } else if (const auto length = sequence_length(text); length != 0) {
      append(out, text.substr(0, length));
      used = length;
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
  constexpr bool quoted = sizeof(Integer) == 8;
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

void print_map(fmt::memory_buffer& out, const Message& m, const Reflection& r, const FieldDescriptor* f) {
  out.push_back('{');
  for (int i = 0; i < r.FieldSize(m, f); ++i) {
    if (i != 0) out.push_back(',');
    const auto& entry = r.GetRepeatedMessage(m, f, i);
    print_value(out, entry, *entry.GetReflection(), f->message_type()->map_key(), -1);
    out.push_back(':');
    print_value(out, entry, *entry.GetReflection(), f->message_type()->map_value(), -1);
  }
  out.push_back('}');
}

}  // namespace

void print_json(fmt::memory_buffer& out, const Message& message) {
  const auto& descriptor = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  out.push_back('{');
  bool first = true;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const auto* field = descriptor.field(i);
    if (field->has_presence() && !reflection.HasField(message, field)) continue;
    if (!first) out.push_back(',');
    first = false;
    out.push_back('"');
    append(out, field->json_name());
    append(out, "\":");
    if (field->is_map()) {
      print_map(out, message, reflection, field);
    } else if (field->is_repeated()) {
      out.push_back('[');
      for (int k = 0; k < reflection.FieldSize(message, field); ++k) {
        if (k != 0) out.push_back(',');
        print_value(out, message, reflection, field, k);
      }
      out.push_back(']');
    } else {
      print_value(out, message, reflection, field, -1);
    }
  }
  out.push_back('}');
}

}  // namespace tasks::cli
