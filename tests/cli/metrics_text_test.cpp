// /metrics: what is known of processes, as Prometheus reads it, and what is installed for it and for Grafana.

#include "serve/metrics_text.hpp"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/prometheus.hpp"

namespace tasks::testing {
namespace {

using cli::metrics_format;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::IsSupersetOf;
using ::testing::Not;

cli::glance_group group_of(const std::string& function, v1::Wait::Kind kind, std::uint64_t count) {
  cli::glance_group made;
  made.state = v1::Task::BLOCKED;
  made.kind = kind;
  made.what = "a wait";
  made.count = count;
  made.oldest_ms = 90'500;
  made.function = "lab::run()";
  made.inner_function = function;
  made.inner_file = "/src/lab.cpp";
  made.inner_line = 86;
  return made;
}

cli::process_metrics lab() {
  cli::process_metrics made;
  made.pid = 4131;
  made.name = "lab";
  made.executable = "/usr/bin/lab";
  made.started_at = 1764515000.25;
  made.told_by = cli::process_metrics::teller::agent;
  made.counts.set_os_threads(3);
  made.counts.set_workers(2);
  made.counts.set_cpus(2);
  made.counts.set_rss_bytes(12'900'000);
  made.counters.cpu_ms = 4210;
  made.groups = {group_of("lab::ask(int)", v1::Wait::CHANNEL_SEND, 4),
                 group_of("lab::serve()", v1::Wait::SOCKET_READ, 9)};
  made.groups.push_back(group_of("lab::crunch()", v1::Wait::KIND_UNSPECIFIED, 1));
  made.groups.back().state = v1::Task::RUNNING;
  made.counters.spawned = 20;
  made.counters.ended = 6;
  made.counters.failed = 1;
  made.resumes = 1234;
  made.leaks = cli::leak_metrics{{{"proven", 4}, {"old", 0}}, 61.5};
  return made;
}

cli::process_metrics nobodys() {
  cli::process_metrics made;
  made.pid = 77;
  made.name = "old";
  made.reason = "no-hook";
  made.counts.set_os_threads(1);
  return made;
}

cli::host_metrics host_of(std::vector<cli::process_metrics> processes) {
  cli::host_metrics made;
  made.processes = std::move(processes);
  made.look_seconds = 0.0125;
  made.looks = 3;
  made.errors["silent"] = 2;
  return made;
}

std::string text_of(const cli::host_metrics& host, metrics_format format = metrics_format::prometheus,
                    std::size_t top = 20) {
  fmt::memory_buffer out;
  cli::write_metrics(out, host, {format, top});
  return fmt::to_string(out);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream from(text);
  for (std::string line; std::getline(from, line);) lines.push_back(line);
  return lines;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return text.str();
}

/// What precedes the value.
std::vector<std::string> series_of(const std::string& text) {
  std::vector<std::string> series;
  for (const auto& line : lines_of(text))
    if (!line.starts_with('#')) series.push_back(line.substr(0, line.rfind(' ')));
  return series;
}

/// Labels of each metric.
using shapes = std::map<std::string, std::set<std::string>>;

std::set<std::string> labels_in(const std::string& selector) {
  std::set<std::string> labels;
  static const std::regex one(R"re(([a-z_]+)\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*")re");
  for (std::sregex_iterator each(selector.begin(), selector.end(), one), end; each != end; ++each)
    labels.insert((*each)[1]);
  return labels;
}

shapes printed_shapes() {
  shapes printed;
  for (const auto& series : series_of(text_of(host_of({lab(), nobodys()})))) {
    const auto brace = series.find('{');
    printed[series.substr(0, brace)].merge(brace == series.npos ? std::set<std::string>() : labels_in(series));
  }
  return printed;
}

TEST(MetricsText, TellsEachProcessInLinesOfItsOwn) {
  const auto lines = lines_of(text_of(host_of({lab(), nobodys()})));
  EXPECT_THAT(lines,
              IsSupersetOf({
                  R"_(tasks_up{pid="4131",process="lab"} 1)_",
                  R"_(tasks_up{pid="77",process="old"} 0)_",
                  R"_(tasks_process_info{pid="77",process="old",executable="",source="nobody",reason="no-hook"} 1)_",
                  R"_(tasks_process_start_time_seconds{pid="4131",process="lab"} 1764515000.25)_",
                  R"_(tasks_process_cpu_seconds_total{pid="4131",process="lab"} 4.21)_",
                  R"_(tasks_tasks{pid="4131",process="lab",state="blocked"} 13)_",
                  R"_(tasks_tasks{pid="4131",process="lab",state="ready"} 0)_",
                  R"_(tasks_tasks{pid="4131",process="lab",state="running"} 1)_",
                  R"_(tasks_blocked{pid="4131",process="lab",wait="channel-send"} 4)_",
                  R"_(tasks_oldest_wait_seconds{pid="4131",process="lab",wait="socket-read"} 90.5)_",
                  R"_(tasks_spawned_total{pid="4131",process="lab"} 20)_",
                  R"_(tasks_resumes_total{pid="4131",process="lab"} 1234)_",
                  R"_(tasks_leaks{pid="4131",process="lab",verdict="proven"} 4)_",
                  R"_(tasks_leaks_age_seconds{pid="4131",process="lab"} 61.5)_",
                  R"_(tasks_os_threads{pid="77",process="old"} 1)_",
                  R"_(tasks_scrape_errors_total{reason="silent"} 2)_",
                  R"_(tasks_scrape_errors_total{reason="denied"} 0)_",
                  R"_(tasks_scrape_duration_seconds 0.0125)_",
              }));
  EXPECT_THAT(lines, Contains(R"_(tasks_stack_tasks{pid="4131",process="lab",function="lab::ask(int)",file="lab.cpp",)_"
                              R"_(line="86",wait="channel-send",entry="lab::run()"} 4)_"));
}

TEST(MetricsText, OfAProcessThatNobodyCountedNoTasksAreTold) {
  const auto text = text_of(host_of({nobodys()}));
  EXPECT_THAT(text, Not(HasSubstr("tasks_tasks{")));
  EXPECT_THAT(text, Not(HasSubstr("tasks_spawned_total{")));
  EXPECT_THAT(text, Not(HasSubstr("tasks_stack_tasks{")));
}

TEST(MetricsText, StacksBeyondTheLargestAreOne) {
  auto process = lab();
  process.groups.clear();
  for (std::uint64_t i = 1; i <= 30; ++i)
    process.groups.push_back(group_of("f" + std::to_string(i) + "()", v1::Wait::TIMER, i));
  const auto text = text_of(host_of({process}), metrics_format::prometheus, 3);
  std::vector<std::string> stacks;
  for (const auto& line : lines_of(text))
    if (line.starts_with("tasks_stack_tasks{")) stacks.push_back(line);
  ASSERT_EQ(stacks.size(), 4U);
  EXPECT_THAT(stacks[0], HasSubstr(R"_(function="f30()")_"));
  EXPECT_EQ(stacks[3],
            R"_(tasks_stack_tasks{pid="4131",process="lab",function="other",file="",line="",wait="",entry=""} 378)_");
}

TEST(MetricsText, NoSeriesIsToldTwice) {
  auto process = lab();
  process.groups.push_back(process.groups.front());
  // What reads alike once it is cut.
  process.groups.push_back(group_of(std::string(500, 'x') + "1", v1::Wait::TIMER, 2));
  process.groups.push_back(group_of(std::string(500, 'x') + "2", v1::Wait::TIMER, 3));
  auto series = series_of(text_of(host_of({process})));
  std::sort(series.begin(), series.end());
  EXPECT_EQ(std::adjacent_find(series.begin(), series.end()), series.end());
  EXPECT_THAT(text_of(host_of({process})), HasSubstr(R"_(wait="timer",entry="lab::run()"} 5)_"));
}

TEST(MetricsText, ForeignTextIsEscapedBoundedAndUtf8) {
  auto process = lab();
  process.name = "a\"b\\c\nd\x01\xff";
  process.groups = {group_of("f<\"x\\\">()", v1::Wait::TIMER, 1)};
  std::string longest;
  while (longest.size() < 1000) longest += "ä";
  process.groups.push_back(group_of(longest, v1::Wait::TIMER, 2));
  const auto text = text_of(host_of({process}));
  EXPECT_THAT(text, HasSubstr(R"_(process="a\"b\\c?d??")_"));
  EXPECT_THAT(text, HasSubstr(R"_(function="f<\"x\\\">()")_"));
  std::smatch cut;
  ASSERT_TRUE(std::regex_search(text, cut, std::regex("function=\"((?:ä)+…)\"")));
  EXPECT_LE(cut[1].length(), 200);
  EXPECT_GE(cut[1].length(), 198);
}

TEST(MetricsText, HasAHelpAndATypeBeforeTheSamplesOfEachMetric) {
  std::set<std::string> helped, typed;
  for (const auto& line : lines_of(text_of(host_of({lab(), nobodys()})))) {
    std::istringstream words(line);
    std::string mark, what, name;
    words >> mark >> what >> name;
    if (mark == "#") {
      EXPECT_TRUE((what == "HELP" ? helped : typed).insert(name).second) << line;
      continue;
    }
    const auto sample = line.substr(0, line.find_first_of("{ "));
    EXPECT_TRUE(helped.contains(sample) && typed.contains(sample)) << line;
  }
}

TEST(MetricsText, OfOpenMetricsNamesFamiliesUnitsAndItsEnd) {
  const auto text = text_of(host_of({lab()}), metrics_format::open_metrics);
  EXPECT_THAT(text, EndsWith("\n# EOF\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE tasks_spawned counter\n"));
  EXPECT_THAT(text, HasSubstr("\ntasks_spawned_total{"));
  EXPECT_THAT(text, HasSubstr("# TYPE tasks_process info\n"));
  EXPECT_THAT(text, HasSubstr("# UNIT tasks_process_cpu_seconds seconds\n"));
  EXPECT_THAT(text, HasSubstr("# UNIT tasks_process_resident_memory_bytes bytes\n"));
  std::smatch unit;
  for (auto at = text.cbegin(); std::regex_search(at, text.cend(), unit, std::regex("# UNIT (\\S+) (\\S+)\n"));
       at = unit.suffix().first)
    EXPECT_THAT(unit[1].str(), EndsWith("_" + unit[2].str()));
}

TEST(MetricsText, IsChosenByWhatIsAccepted) {
  const auto chosen = [](const char* accept) { return cli::format_accepted_by(accept); };
  EXPECT_EQ(chosen(""), metrics_format::prometheus);
  EXPECT_EQ(chosen("*/*"), metrics_format::prometheus);
  EXPECT_EQ(chosen("text/plain;version=0.0.4"), metrics_format::prometheus);
  // Prometheus 2.42, 3.0
  EXPECT_EQ(chosen("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                   "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            metrics_format::open_metrics);
  EXPECT_EQ(chosen("text/plain;q=0.5 , Application/OpenMetrics-Text ; version=1.0.0"), metrics_format::open_metrics);
  EXPECT_EQ(chosen("application/openmetrics-text;q=0, text/plain"), metrics_format::prometheus);
  EXPECT_EQ(chosen("application/openmetrics-text;q=0.01"), metrics_format::open_metrics);
  EXPECT_EQ(chosen(";,=;q"), metrics_format::prometheus);
}

bool has_promtool() { return !promtool_path().empty(); }
constexpr const char* no_promtool = "there is no promtool (Debian: prometheus)";

TEST(MetricsText, PromtoolFindsNothingWrong) {
  if (!has_promtool()) GTEST_SKIP() << no_promtool;
  const auto checked = run({promtool_path(), "check", "metrics"}, {}, text_of(host_of({lab(), nobodys()})));
  EXPECT_EQ(checked.end.code, 0) << checked.out << checked.err;
  EXPECT_EQ(checked.out + checked.err, "");
}

TEST(AlertRules, FireWhenTheyShould) {
  if (!has_promtool()) GTEST_SKIP() << no_promtool;
  const auto checked = run({promtool_path(), "check", "rules", TASKS_SERVE_SOURCE "/prometheus/alerts.yml"});
  EXPECT_EQ(checked.end.code, 0) << checked.out << checked.err;
  const auto tested = run({promtool_path(), "test", "rules", TASKS_SERVE_SOURCE "/prometheus/alerts_test.yml"});
  EXPECT_EQ(tested.end.code, 0) << tested.out << tested.err;
}

/// Names of ours in a text, without what an alert is called.
std::set<std::string> metrics_in(const std::string& text) {
  std::set<std::string> names;
  static const std::regex one("\\btasks_[a-z_]+\\b");
  for (std::sregex_iterator each(text.begin(), text.end(), one), end; each != end; ++each) names.insert(each->str());
  return names;
}

std::set<std::string> printed_names() {
  std::set<std::string> names;
  for (const auto& [name, labels] : printed_shapes()) names.insert(name);
  return names;
}

TEST(AlertRules, AreOfMetricsThatThereAre) {
  EXPECT_THAT(metrics_in(content_of(TASKS_SERVE_SOURCE "/prometheus/alerts.yml")), IsSubsetOf(printed_names()));
}

TEST(AlertRules, AreTestedWithSeriesAsTheyArePrinted) {
  const auto printed = printed_shapes();
  const auto text = content_of(TASKS_SERVE_SOURCE "/prometheus/alerts_test.yml");
  static const std::regex one("- series: '([a-z_]+)(\\{.*\\})'");
  std::size_t found = 0;
  for (std::sregex_iterator each(text.begin(), text.end(), one), end; each != end; ++each, ++found) {
    const auto known = printed.find((*each)[1]);
    ASSERT_NE(known, printed.end()) << (*each)[1];
    auto labels = known->second;
    labels.insert({"job", "instance"});  // Prometheus's own
    EXPECT_EQ(labels_in((*each)[2]), labels) << (*each)[0];
  }
  EXPECT_GT(found, 15U);
}

void each_string(const google::protobuf::Value& in, const std::string& name, std::vector<std::string>& found) {
  for (const auto& value : in.list_value().values()) each_string(value, name, found);
  for (const auto& [key, value] : in.struct_value().fields()) {
    if (key == name && value.has_string_value()) found.push_back(value.string_value());
    each_string(value, name, found);
  }
}

TEST(Dashboard, IsOfMetricsAndLabelsThatThereAre) {
  google::protobuf::Value dashboard;
  const auto read =
      google::protobuf::util::JsonStringToMessage(content_of(TASKS_SERVE_SOURCE "/grafana/tasks.json"), &dashboard);
  ASSERT_TRUE(read.ok()) << read.ToString();
  std::vector<std::string> queries;
  each_string(dashboard, "expr", queries);
  EXPECT_GT(queries.size(), 15U);
  each_string(dashboard, "query", queries);
  std::set<std::string> known = {"job", "instance"};
  for (auto [name, labels] : printed_shapes()) known.merge(labels);
  for (const auto& query : queries) {
    EXPECT_THAT(metrics_in(query), IsSubsetOf(printed_names())) << query;
    EXPECT_THAT(labels_in(query), IsSubsetOf(known)) << query;
  }
  std::vector<std::string> sources;
  each_string(dashboard, "uid", sources);
  for (const auto& source : sources)
    EXPECT_THAT((std::vector<std::string>{"${datasource}", "tasks"}), Contains(source));
}

TEST(Dashboard, AsksForEveryMetricThatIsOfTasks) {
  const auto shown = metrics_in(content_of(TASKS_SERVE_SOURCE "/grafana/tasks.json"));
  EXPECT_THAT(printed_names(), IsSubsetOf(shown));
}

}  // namespace
}  // namespace tasks::testing
