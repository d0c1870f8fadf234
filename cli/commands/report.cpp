#include <errno.h>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <iterator>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "commands/command.hpp"
#include "linux/proc.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,    {"-o,--output", "FILE", "where to write it; standard output without", &arguments::output_file},
    json_option,   timeout_option,
    direct_option, core_option,
    exe_option,
};

struct section {
  const char* name;  ///< in JSON
  const char* title;
  const command& what;
  bool group;
};
const section sections[] = {
    {"vitals", "tasks vitals --details", vitals_command, false},
    {"leaks", "tasks leaks", leaks_command, false},
    {"channels", "tasks channels", channels_command, false},
    {"threads", "tasks threads", threads_command, false},
    {"groups", "tasks stack --group", stack_command, true},
    {"tree", "tasks tree", tree_command, false},
    {"stacks", "tasks stack", stack_command, false},
};

std::string time_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

arguments arguments_of(const section& s, const arguments& asked) {
  auto args = asked;
  args.group = s.group;
  args.details = true;
  return args;
}

/// One view after another; a view that fails leaves its error in its place. How many succeeded.
int write_text(const arguments& args, const std::string& subject, output& out, std::optional<error>& first) {
  int good = 0;
  fmt::format_to(std::back_inserter(out.text()), "report of {}, {}\n", subject, time_now());
  for (const auto& s : sections) {
    fmt::format_to(std::back_inserter(out.text()), "\n== {}\n\n", s.title);
    const auto done = s.what.run(arguments_of(s, args), out);
    if (done) {
      ++good;
      continue;
    }
    if (!first) first = done.why();
    fmt::format_to(std::back_inserter(out.text()), "{}\n", message(done.why()));
  }
  return good;
}

/// {"schemaVersion":1, …, "vitals":{…}, …, "errors":[]}: each view as its own command prints it, or null.
int write_json(const arguments& args, const std::string& subject, output& out, std::optional<error>& first) {
  json_writer json(out.text());
  json.begin_object();
  json.key("schemaVersion");
  json.number(schema_version);
  json.key("subject");
  json.string(subject);
  json.key("takenAt");
  json.string(time_now());
  std::vector<std::string> errors;
  for (const auto& s : sections) {
    json.on_a_line();
    json.key(s.name);
    const auto before = out.size();
    const auto done = s.what.run(arguments_of(s, args), out);
    out.size() == before ? json.null() : json.foreign_value();
    if (done) continue;
    if (!first) first = done.why();
    errors.push_back(message(done.why()));
  }
  json.on_a_line();
  json.key("errors");
  json.begin_array();
  for (const auto& each : errors) json.string(each);
  json.end_array();
  json.end_object();
  out.text().push_back('\n');
  return static_cast<int>(std::size(sections) - errors.size());
}

result<int> write_to(const arguments& args, output& out) {
  const auto subject = args.core ? "core " + *args.core : args.target;
  std::optional<error> first;
  const int good = (args.json ? write_json : write_text)(args, subject, out, first);
  if (good == 0 && first) return *std::move(first);
  return 0;
}

result<int> run(const arguments& args, output& out) {
  if (!args.output_file) return write_to(args, out);
  // Under another name until it is whole: an earlier report is not lost to one that fails.
  const auto& name = *args.output_file;
  const auto unfinished = name + ".part";
  const unique_fd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return error{error_code::usage, "--output " + name, ::strerror(errno), ""};
  output to_file(file.get());
  auto done = write_to(args, to_file);
  if (const auto written = to_file.finish(); !written && done) done = written.why();
  if (done && std::rename(unfinished.c_str(), name.c_str()) != 0) {
    done = error{error_code::system, "--output " + name, ::strerror(errno), ""};
  }
  if (!done) ::unlink(unfinished.c_str());
  return done;
}

}  // namespace

const command report_command = {"report", "every view in one file: the first thing to save before a restart", "PID",
                                options, run};

}  // namespace tasks::cli
