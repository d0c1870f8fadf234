#include <algorithm>

#include "commands/command.hpp"
#include "commands/open_target.hpp"
#include "surveys/doctor.hpp"
#include "target/roots.hpp"
#include "views/doctor.hpp"
#include "views/json.hpp"

/// `tasks doctor`: why can I not see it?

namespace tasks::cli {
namespace {

struct doctor_request : view_options, patience {
  std::string target;
};

option_of<doctor_request> target_of_doctor(std::string_view names) {
  return {{names, names.starts_with('-') ? "PID" : "", "the target; without one, what holds for all processes"},
          [](doctor_request& to, const std::string& typed) -> result<void> {
            if (!to.target.empty()) return usage_error(typed, "a second target", "one at a time");
            to.target = typed;
            return {};
          }};
}

result<surveyed_health> look_at(const doctor_request& asked) {
  if (asked.target.empty()) return examine_machine(asked.timeout);
  const auto pid = find_process(asked.target);
  if (!pid) return pid.why();
  return examine(*pid, asked.timeout);
}

/// 1 where no task can be seen, as of every command whose target cannot be read.
result<int> run_doctor(const doctor_request& asked, output& out) {
  const auto found = look_at(asked);
  if (!found) return found.why();
  if (asked.json) {
    v1::DoctorView view;
    fill_view(*found, view);
    print_document(out, view);
  } else {
    render_health(out.text(), *found, {.style = out.style()});
  }
  const auto& all = found->checkups;
  return std::any_of(all.begin(), all.end(), [](const checkup& each) { return each.how == checkup::state::bad; }) ? 1
                                                                                                                  : 0;
}

}  // namespace

command doctor_command() {
  return make_command<doctor_request>(
      "doctor", "why tasks, or parts of what is known of them, cannot be seen, and what mends it",
      {target_of_doctor("PID")}, {target_of_doctor("-p,--pid"), json_option(), timeout_option()}, run_doctor);
}

}  // namespace tasks::cli
