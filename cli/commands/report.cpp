#include "commands/report.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/command_line.hpp"
#include "commands/gather.hpp"
#include "commands/show.hpp"
#include "linux/proc.hpp"
#include "sources/recording_file.hpp"
#include "surveys/look.hpp"
#include "surveys/recorder.hpp"
#include "target/roots.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

/// Exit code where a view is missing.
constexpr int incomplete = 1;

std::string format_utc(std::time_t at) {
  std::tm utc{};
  ::gmtime_r(&at, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

/// Whom a report is about; empty where it is not known.
struct identity {
  std::string subject;  ///< as the user named it: "4131", "core FILE"
  std::string taken_at = format_utc(std::time(nullptr));
  std::string program;  ///< path of its executable
  std::vector<std::string> command_line;
  std::string host, system;
};

identity identity_of(const report_request& asked, std::optional<pid_t> pid) {
  identity who;
  who.subject = asked.core ? "core " + *asked.core : asked.target;
  const auto machine = this_machine();
  who.host = machine.host;
  who.system = machine.system;
  if (!pid) return who;
  who.program = executable_of(*pid);
  who.command_line = command_line_of(*pid);
  return who;
}

/// As it was when that was recorded.
identity identity_of(const report_request& asked, const v1::RecordedFacts& then) {
  identity who;
  who.subject = !then.core().empty()   ? "core " + then.core()
                : asked.target.empty() ? std::to_string(then.process().pid())
                                       : asked.target;
  who.taken_at = format_utc(then.taken_at_ns() / 1'000'000'000);
  who.program = then.process().executable();
  who.command_line.assign(then.command_line().begin(), then.command_line().end());
  who.host = then.host();
  who.system = then.system();
  return who;
}

class reporter {
 public:
  reporter(const report_request& asked, identity who, evidence found, report_shape shape)
      : asked_(asked), who_(std::move(who)), found_(std::move(found)), shape_(std::move(shape)) {}

  /// Are all views there? Fails where no view succeeded.
  result<bool> write(output& out) {
    const auto good = asked_.json ? write_json(out) : write_text(out);
    if (good == 0 && first_) return *std::move(first_);
    return !first_;
  }

 private:
  struct section {
    const char* name;  ///< in JSON
    const char* title;
    std::function<result<void>(output&)> show;
  };

  /// A command's own choices, with those of the report.
  template <class Request>
  [[nodiscard]] Request request() const {
    Request made;
    static_cast<target_options&>(made) = asked_;
    return made;
  }

  [[nodiscard]] result<void> with_source(const std::function<result<void>(snapshot_source&)>& show) const {
    if (found_.source) return show(*found_.source);
    return *found_.why_no_tasks;
  }

  [[nodiscard]] std::vector<section> sections() const {
    const auto of_source = [this](auto show) {
      return [this, show](output& out) {
        return with_source([&](snapshot_source& source) -> result<void> { return show(source, out); });
      };
    };
    return {
        {"vitals", "tasks vitals --details", of_source([this](snapshot_source& source, output& out) {
           auto asked = request<vitals_request>();
           asked.details = true;
           asked.due = &found_.due;
           asked.busy = &found_.busy;
           return show_vitals(source, asked, out);
         })},
        {"leaks", "tasks leaks", of_source([this](snapshot_source& source, output& out) -> result<void> {
           auto asked = request<leaks_request>();
           asked.due = &found_.due.due;
           asked.proof = found_.proof ? &*found_.proof : nullptr;
           asked.prove = !found_.no_proof;
           const auto wrong = show_leaks(source, asked, out);
           if (!wrong) return wrong.why();
           return {};
         })},
        {"channels", "tasks channels", of_source([this](snapshot_source& source, output& out) {
           auto asked = request<channels_request>();
           asked.proof = found_.proof ? &*found_.proof : nullptr;
           asked.prove = !found_.no_proof;
           return show_channels(source, asked, out);
         })},
        {"threads", "tasks threads",
         [this](output& out) -> result<void> {
           const auto why_no_tasks = found_.why_no_tasks ? in_words(*found_.why_no_tasks) : "";
           auto asked = request<threads_request>();
           asked.native = !found_.no_stacks;
           asked.busy = &found_.busy;
           return show_threads(found_.from(), found_.source.get(), why_no_tasks, asked, out);
         }},
        {"groups", "tasks stack --group", of_source([this](snapshot_source& source, output& out) {
           auto asked = request<stack_request>();
           asked.group = true;
           asked.due = &found_.due.due;
           asked.busy = &found_.busy;
           return show_stack(source, asked, out);
         })},
        {"tree", "tasks tree", of_source([this](snapshot_source& source, output& out) {
           auto asked = request<tree_request>();
           asked.due = &found_.due.due;
           asked.busy = &found_.busy;
           return show_tree(source, asked, out);
         })},
        {"stacks", "tasks stack", of_source([this](snapshot_source& source, output& out) {
           auto asked = request<stack_request>();
           asked.due = &found_.due.due;
           asked.busy = &found_.busy;
           asked.native = !found_.no_stacks;
           return show_stack(source, asked, out);
         })},
    };
  }

  [[nodiscard]] bool is_shown(std::string_view view) const {
    return shape_.all || view == "groups" || view == "threads" || (view == "leaks" && shape_.leaks);
  }

  [[nodiscard]] bool is_of_core() const {
    const auto* then = found_.source ? found_.source->recorded() : nullptr;
    return then != nullptr && !then->core().empty();
  }

  /// "one moment: it was stopped once, for 3.1 ms"
  [[nodiscard]] std::string moment_words() const {
    if (!found_.is_one_moment) return "not one moment, but one view after the other: " + found_.doubt;
    if (asked_.core || is_of_core()) return "one moment";
    if (found_.proof && *found_.proof && !(*found_.proof)->unread.empty())
      return "one moment, which is known in part: " + (*found_.proof)->unread;
    if (found_.stopped_ms == 0) return "one moment: no thread was stopped";
    return fmt::format("one moment: it was stopped once, for {:.1f} ms", found_.stopped_ms);
  }

  void write_head(fmt::memory_buffer& out) const {
    const auto to = std::back_inserter(out);
    const auto line = [&](std::string_view name, std::string_view value) {
      if (value.empty()) return;
      fmt::format_to(to, "{:<9}", name);
      append_foreign(out, value);
      out.push_back('\n');
    };
    fmt::format_to(to, "report of {}, {}\n\n", who_.subject, who_.taken_at);
    line("program", who_.program);
    line("command", fmt::format("{}", fmt::join(who_.command_line, " ")));
    line("host", fmt::format("{}, {}", who_.host, who_.system));
    line("tasks", program_version);
    line("why", shape_.why);
    line("shows", moment_words());
  }

  /// One view after another; a view that fails leaves its error in its place. How many succeeded.
  std::size_t write_text(output& out) {
    std::size_t good = 0;
    write_head(out.text());
    for (const auto& each : sections()) {
      if (!is_shown(each.name)) continue;
      fmt::format_to(std::back_inserter(out.text()), "\n== {}\n\n", each.title);
      const auto done = each.show(out);
      if (done) {
        ++good;
        continue;
      }
      const auto why = message(done.why());
      const bool is_said = first_ && message(*first_) == why;
      if (!first_) first_ = done.why();
      fmt::format_to(std::back_inserter(out.text()), "{}\n", is_said ? "as above" : why);
    }
    return good;
  }

  /// A v1::ReportView, {"schemaVersion":2, …, "vitals":{…}, …, "errors":[]}: each view as its own command prints it, or
  /// null.
  std::size_t write_json(output& out) {
    json_writer json(out.text());
    const auto text = [&](const char* name, std::string_view value) {
      json.key(name);
      json.string(value);
    };
    const auto list = [&](const char* name, const std::vector<std::string>& values) {
      json.key(name);
      json.begin_array();
      for (const auto& each : values) json.string(each);
      json.end_array();
    };
    json.begin_object();
    json.key("schemaVersion");
    json.number(schema_version);
    text("subject", who_.subject);
    text("takenAt", who_.taken_at);
    text("program", who_.program);
    list("commandLine", who_.command_line);
    text("host", who_.host);
    text("system", who_.system);
    text("version", program_version);
    text("shows", moment_words());
    std::size_t good = 0;
    std::vector<std::string> errors;
    for (const auto& each : sections()) {
      json.on_a_line();
      json.key(each.name);
      const auto before = out.size();
      const auto done = each.show(out);
      out.size() == before ? json.null() : json.foreign_value();
      if (done) {
        ++good;
        continue;
      }
      if (!first_) first_ = done.why();
      auto why = message(done.why());
      if (std::find(errors.begin(), errors.end(), why) == errors.end()) errors.push_back(std::move(why));
    }
    json.on_a_line();
    list("errors", errors);
    json.end_object();
    out.text().push_back('\n');
    return good;
  }

  const report_request& asked_;
  identity who_;
  evidence found_;
  report_shape shape_;
  std::optional<error> first_;
};

result<std::optional<pid_t>> find_pid(const report_request& asked) {
  if (asked.core || asked.from || asked.target.empty()) return std::optional<pid_t>();
  const auto found = find_process(asked.target);
  if (!found) return found.why();
  return std::optional(*found);
}

result<bool> write_to(const report_request& asked, output& out) {
  const auto pid = find_pid(asked);
  if (!pid) return pid.why();
  auto who = identity_of(asked, *pid);
  auto found = gather(asked, *pid);
  if (!found) return found.why();
  const auto* then = found->source ? found->source->recorded() : nullptr;
  if (then != nullptr) who = identity_of(asked, *then);
  return reporter(asked, std::move(who), *std::move(found), {}).write(out);
}

result<int> record_report(const report_request& asked, const std::string& file) {
  if (asked.from) return usage_error("--output " + file, "it is recorded already", "copy it, or name a text");
  if (asked.json) return usage_error("--json", "a recording is no text", "leave it out");
  const auto pid = find_pid(asked);
  if (!pid) return pid.why();
  auto found = gather(asked, *pid, tell_on_standard_error, true);
  if (!found) return found.why();
  const auto kept = record_evidence(asked, *std::move(found), file);
  if (!kept) return kept.why();
  return 0;
}

result<int> run_report(const report_request& asked, output& out) {
  const progress_line line;
  if (!asked.output_file) {
    const auto is_whole = write_to(asked, out);
    if (!is_whole) return is_whole.why();
    return *is_whole ? 0 : incomplete;
  }
  // Under another name until it is whole: an earlier report is not lost to one that fails.
  const auto& name = *asked.output_file;
  if (names_recording(name)) return record_report(asked, name);
  const auto unfinished = name + ".part";
  const descriptor file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return error{error_code::usage, "--output " + name, ::strerror(errno), ""};
  output to_file(file.get());
  auto done = write_to(asked, to_file);
  if (const auto written = to_file.finish(); !written && done) done = written.why();
  if (done && std::rename(unfinished.c_str(), name.c_str()) != 0) {
    done = error{error_code::system, "--output " + name, ::strerror(errno), ""};
  }
  if (done) return *done ? 0 : incomplete;
  ::unlink(unfinished.c_str());
  return done.why();
}

}  // namespace

bool names_recording(const std::string& file) { return file.ends_with(".tasks"); }

result<bool> write_report(const report_request& asked, std::optional<pid_t> pid, evidence found,
                          const report_shape& shape, output& out) {
  auto who = identity_of(asked, pid);
  return reporter(asked, std::move(who), std::move(found), shape).write(out);
}

result<void> record_evidence(const target_options& asked, evidence found, const std::string& file) {
  if (!found.source) return *found.why_no_tasks;
  auto looks = found.looks();
  looks.core = asked.core.value_or("");
  looks.operations = looks.memory = !is_crowd(*found.source);
  if (!looks.memory) {  // of a million tasks that is a lot
    found.memory.reset();
    looks.memory_seen = nullptr;
  }
  auto taken = recorder().take(*found.source, looks);
  if (!taken) return taken.why();
  const auto unfinished = file + ".part";
  ::unlink(unfinished.c_str());
  auto writer = recording_writer::open(unfinished);
  if (!writer) return writer.why();
  auto written = writer->append(std::move(taken->head), std::move(taken->parts));
  if (written && std::rename(unfinished.c_str(), file.c_str()) != 0)
    written = error{error_code::system, "--output " + file, ::strerror(errno), ""};
  if (written) return {};
  ::unlink(unfinished.c_str());
  return written.why();
}

command report_command() {
  return make_command<report_request>(
      "report",
      "every view of one moment in one file: the first thing to save before a restart; exit code 1 when a view is "
      "missing",
      {pid_word()},
      with_target<report_request>({text(
          "-o,--output", "FILE",
          "where to write it; standard output without. NAME.tasks: as a recording, of which --from shows every view",
          &report_request::output_file)}),
      run_report);
}

}  // namespace tasks::cli
