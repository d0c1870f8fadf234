#include "leak_table.hpp"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <atomic>
#include <map>
#include <stdexcept>
#include <thread>

namespace tasks::testing {
namespace {

/// "worker" of "lab::worker(std::shared_ptr<pool>)".
std::string bare(const std::string& function) {
  const auto name = function.substr(0, function.find('('));
  const auto colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

leak_row look_while_it_leaks(const leak_case& which) {
  leak_program target(which);
  leak_row row{which, target.said(), 0, {}, 0, 0, 0, 0};
  std::atomic<bool> done = false;
  std::thread looking([&] {
    std::tie(row.seen, row.exit_code) =
        leaks({"-p", target.process().pid_text(), "--interval", "2", "--min-age", "0", "--all"});
    done = true;
  });
  while (!done) target.again();
  looking.join();
  return row;
}

}  // namespace

std::pair<v1::LeaksView, int> leaks(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {tasks_executable(), "leaks", "--json"});
  const auto seen = run(arguments);
  v1::LeaksView view;
  const auto status = google::protobuf::util::JsonStringToMessage(seen.out, &view);
  if (!status.ok()) throw std::runtime_error("tasks leaks says: " + seen.err + seen.out + status.ToString());
  return {view, seen.end.code};
}

leak_row look_at(const leak_case& which) {
  leak_row row;
  bool grows = false;
  {
    leak_program target(which);
    row = {which, target.said(), 0, {}, 0, 0, 0, 0};
    grows = row.said.verdict == "growing";
    if (!grows) {
      if (row.said.verdict == "stalled") wait_until_shown({"vitals", "-p", target.process().pid_text()}, "stalled: ");
      std::tie(row.seen, row.exit_code) = leaks({"-p", target.process().pid_text(), "--min-age", "0", "--all"});
    }
  }
  if (grows) row = look_while_it_leaks(which);
  std::map<std::string, int> found, flagged;
  for (const auto& each : row.seen.leaks()) {
    const int count = static_cast<int>(each.count());
    const auto function = each.frames().empty() ? "" : bare(each.frames(0).function());
    found[function] += count;
    if (each.verdict() != v1::LeakView::OLD) flagged[function] += count;
    if (each.verdict() == v1::LeakView::PROVEN) row.proven += count - static_cast<int>(each.likely());
    if (each.verdict() == v1::LeakView::GROWING) ++row.growing;
  }
  for (const auto& [function, count] : row.said.where) {
    // What grows has grown on.
    if (grows ? found[function] >= count : found[function] == count) row.found += count;
    if (grows ? flagged[function] >= count : flagged[function] == count) row.flagged += count;
  }
  return row;
}

std::string table_of(const std::vector<leak_row>& rows) {
  std::string text =
      "| program | kind | leaked | found | flagged | proven | fixed: proven | fixed: exit code |\n"
      "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  std::map<std::string, const leak_row*> fixed;
  for (const auto& row : rows)
    if (row.which.form == "fixed") fixed[row.which.program] = &row;
  for (const auto& row : rows) {
    if (row.which.form == "fixed") continue;
    const bool leaking = row.which.form == "leaking";
    const auto name = row.which.program + (leaking ? "" : " " + row.which.form);
    const leak_row& good = leaking ? *fixed.at(row.which.program) : row;
    const auto number = [&](int n) { return leaking ? std::to_string(n) : std::string(); };
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", name, leaking ? row.said.kind : "healthy",
                        number(row.said.leaked), number(row.found), number(row.flagged), number(row.proven),
                        good.proven, good.exit_code);
  }
  return text;
}

}  // namespace tasks::testing
