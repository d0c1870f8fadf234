#pragma once

/// JSON, as RFC 8259 has it. Everything that --json prints is written here.
///
///   json_writer json(text);
///   json.begin_object();
///   json.key("tasks"); json.begin_array();      {"tasks":[
///   json.on_a_line(); json.message(task);       {"id":1, …},
///   json.end_array(); json.end_object();        ]}

#include <fmt/format.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace tasks::cli {

/// Writes values one after another, and the commas between them. What it is asked for has to make a document: a key
/// before each value of an object, and an end to each beginning.
class json_writer {
 public:
  explicit json_writer(fmt::memory_buffer& out) : out_(out) {}

  void begin_object();
  void end_object() { end('}'); }
  void begin_array();
  void end_array() { end(']'); }
  void key(std::string_view name);
  /// The next value begins on a line of its own.
  void on_a_line() { on_a_line_ = true; }

  /// Bytes that are no UTF-8 become U+FFFD; what a terminal obeys, or does not show, is escaped.
  void string(std::string_view text);
  void number(std::uint64_t value);
  void boolean(bool value);
  void null();
  void message(const google::protobuf::Message& message);
  /// A value that somebody else appends now, as print_json() would.
  void foreign_value() { begin_value(); }
  /// Of an object that is a message: its fields before `name`, or those after it, in the order of the message's type.
  void fields_before(const google::protobuf::Message& message, std::string_view name);
  void fields_after(const google::protobuf::Message& message, std::string_view name);

 private:
  void begin_value();
  void end(char bracket);

  fmt::memory_buffer& out_;
  std::vector<bool> is_empty_;  ///< of each object and array that has begun
  bool after_key_ = false;
  bool on_a_line_ = false;
};

/// The greatest number that every reader of JSON has exactly (RFC 8259, section 6).
inline constexpr std::uint64_t greatest_number = (std::uint64_t{1} << 53) - 1;

/// Appends a message in protobuf's JSON mapping, in one line, with every field: zeros and empty lists printed, what has
/// presence and is absent as null. 64-bit integers up to `greatest_number` are numbers, those above strings: what
/// compares numbers may do so, and nothing is rounded. Bytes that are no UTF-8 become U+FFFD; characters that are not
/// is_printable() are escaped.
///
/// protobuf's own JsonStringToMessage() reads it. Its MessageToJsonString() is ten times slower (22 µs a task), makes
/// every 64-bit integer a string, and "<" "\u003c", which nobody can search a stack for. A test holds the two against
/// each other. Knows the field types that view.proto uses.
void print_json(fmt::memory_buffer& out, const google::protobuf::Message& message);

}  // namespace tasks::cli
