#include "export/formats.hpp"

#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <pprof/profile.pb.h>

#include <algorithm>
#include <unordered_map>

#include "base/json.hpp"
#include "base/text.hpp"
#include "export/go_profile.hpp"

namespace tasks::cli {
namespace {

/// Semicolons separate functions, and a line ends a stack.
std::string folded_name(std::string name) {
  std::replace(name.begin(), name.end(), ';', ':');
  std::replace(name.begin(), name.end(), '\n', ' ');
  return name;
}

std::string label_of(const profiled_stack& stack, std::string_view key) {
  for (const auto& [name, value] : stack.labels)
    if (name == key) return value;
  return {};
}

/// Writes texts once, and numbers them.
class string_table {
 public:
  explicit string_table(pprof::Profile& to) : to_(to) { static_cast<void>(number("")); }
  [[nodiscard]] std::int64_t number(const std::string& text) {
    const auto [known, is_new] = numbers_.try_emplace(text, to_.string_table_size());
    if (is_new) to_.add_string_table(text);
    return known->second;
  }

 private:
  pprof::Profile& to_;
  std::unordered_map<std::string, std::int64_t> numbers_;
};

void add_type(string_table& texts, const std::string& type, const std::string& unit, pprof::ValueType& to) {
  to.set_type(texts.number(type));
  to.set_unit(texts.number(unit));
}

pprof::Profile as_pprof(const stack_profile& profile, const profile_title& title) {
  pprof::Profile made;
  string_table texts(made);
  const auto& values = title.values;
  add_type(texts, values.count, "count", *made.add_sample_type());
  add_type(texts, values.amount, values.unit, *made.add_sample_type());
  if (values.shows_amount)
    add_type(texts, values.amount, values.unit, *made.mutable_period_type());
  else
    add_type(texts, values.count, "count", *made.mutable_period_type());
  made.set_period(values.period);
  made.set_default_sample_type(texts.number(values.shows_amount ? values.amount : values.count));
  made.set_time_nanos(title.taken_at_ns);
  made.set_duration_nanos(values.duration_ns);
  for (const auto& remark : values.remarks) made.add_comment(texts.number(remark));
  auto& mapping = *made.add_mapping();
  mapping.set_id(1);
  mapping.set_filename(texts.number(title.executable.empty() ? title.subject : title.executable));
  mapping.set_has_functions(true);
  mapping.set_has_filenames(true);
  mapping.set_has_line_numbers(true);
  mapping.set_has_inline_frames(true);
  std::unordered_map<std::string, std::uint64_t> functions;
  for (const auto& place : profile.places()) {
    const auto [known, is_new] = functions.try_emplace(place.function + '\0' + place.file, functions.size() + 1);
    if (is_new) {
      auto& function = *made.add_function();
      function.set_id(known->second);
      function.set_name(texts.number(place.function));
      function.set_system_name(texts.number(place.function));
      function.set_filename(texts.number(place.file));
    }
    auto& location = *made.add_location();
    location.set_id(static_cast<std::uint64_t>(made.location_size()));
    location.set_mapping_id(1);
    auto& line = *location.add_line();
    line.set_function_id(known->second);
    line.set_line(place.line);
  }
  for (const auto& stack : profile.stacks()) {
    auto& sample = *made.add_sample();
    for (const auto place : stack.places) sample.add_location_id(place + 1);
    sample.add_value(static_cast<std::int64_t>(stack.count));
    sample.add_value(static_cast<std::int64_t>(stack.amount));
    for (const auto& [key, value] : stack.labels) {
      auto& label = *sample.add_label();
      label.set_key(texts.number(key));
      label.set_str(texts.number(value));
    }
  }
  return made;
}

}  // namespace

std::vector<std::string> stack_format_words() { return {"pprof", "folded", "speedscope"}; }

std::vector<std::string> task_format_words() {
  auto words = stack_format_words();
  words.insert(words.end(), {"goroutines", "goroutine-counts"});
  return words;
}

std::optional<profile_format> parse_task_format(std::string_view word) {
  if (word == "goroutines") return profile_format::goroutines;
  if (word == "goroutine-counts") return profile_format::goroutine_counts;
  return parse_stack_format(word);
}

std::optional<profile_format> parse_stack_format(std::string_view word) {
  if (word == "pprof") return profile_format::pprof;
  if (word == "folded") return profile_format::folded;
  if (word == "speedscope") return profile_format::speedscope;
  return std::nullopt;
}

profile_values values_of_time(const char* what, std::chrono::nanoseconds period) {
  return {.count = "samples",
          .amount = what,
          .unit = "nanoseconds",
          .shows_amount = true,
          .period = static_cast<std::int64_t>(period.count())};
}

void write_folded(fmt::memory_buffer& out, const stack_profile& profile, const profile_values& values) {
  for (const auto& stack : profile.stacks()) {
    const auto value = values.shows_amount ? stack.amount / 1000 : stack.count;
    if (value == 0) continue;
    const auto wait = label_of(stack, "wait");
    const auto& state = wait.empty() ? label_of(stack, "state") : wait;
    const bool shows_state = values.shows_state && !state.empty();
    for (auto at = stack.places.rbegin(); at != stack.places.rend(); ++at)
      append(out,
             folded_name(profile.places()[*at].function) + (shows_state || at + 1 != stack.places.rend() ? ";" : ""));
    if (shows_state) fmt::format_to(std::back_inserter(out), "[{}]", state);
    fmt::format_to(std::back_inserter(out), " {}\n", value);
  }
}

void write_speedscope(fmt::memory_buffer& out, const stack_profile& profile, const profile_title& title) {
  json_writer json(out);
  const auto text = [&](const char* name, std::string_view value) {
    json.key(name);
    json.string(value);
  };
  json.begin_object();
  text("$schema", "https://www.speedscope.app/file-format-schema.json");
  text("exporter", "tasks");
  text("name", title.subject);
  json.key("shared");
  json.begin_object();
  json.key("frames");
  json.begin_array();
  for (const auto& place : profile.places()) {
    json.on_a_line();
    json.begin_object();
    text("name", place.function);
    if (!place.file.empty()) {
      text("file", place.file);
      json.key("line");
      json.number(place.line);
    }
    json.end_object();
  }
  json.end_array();
  json.end_object();
  std::uint64_t all = 0;
  const bool amount = title.values.shows_amount;
  for (const auto& stack : profile.stacks()) all += amount ? stack.amount : stack.count;
  json.key("profiles");
  json.begin_array();
  json.begin_object();
  text("type", "sampled");
  text("name", (amount ? title.values.amount + " time of " : title.values.count + " of ") + title.subject);
  text("unit", amount ? title.values.unit : "none");
  json.key("startValue");
  json.number(0);
  json.key("endValue");
  json.number(all);
  json.key("samples");
  json.begin_array();
  for (const auto& stack : profile.stacks()) {
    json.on_a_line();
    json.begin_array();
    for (auto at = stack.places.rbegin(); at != stack.places.rend(); ++at) json.number(*at);
    json.end_array();
  }
  json.end_array();
  json.key("weights");
  json.begin_array();
  for (const auto& stack : profile.stacks()) json.number(amount ? stack.amount : stack.count);
  json.end_array();
  json.end_object();
  json.end_array();
  json.end_object();
  out.push_back('\n');
}

void write_pprof(fmt::memory_buffer& out, const stack_profile& profile, const profile_title& title) {
  const auto made = as_pprof(profile, title);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream to(&bytes);
    google::protobuf::io::GzipOutputStream compressed(&to);
    made.SerializeToZeroCopyStream(&compressed);
  }
  append(out, bytes);
}

void write_stacks(fmt::memory_buffer& out, profile_format format, const stack_profile& profile,
                  const profile_title& title) {
  switch (format) {
    case profile_format::pprof:
      write_pprof(out, profile, title);
      break;
    case profile_format::speedscope:
      write_speedscope(out, profile, title);
      break;
    case profile_format::goroutine_counts:
      write_goroutine_counts(out, profile);
      break;
    case profile_format::folded:
    case profile_format::goroutines:
    case profile_format::perfetto:
      write_folded(out, profile, title.values);
      break;
  }
}

}  // namespace tasks::cli
