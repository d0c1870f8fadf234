#include "support/leak_case.hpp"

#include <ostream>
#include <sstream>

namespace tasks::testing {

std::ostream& operator<<(std::ostream& out, const leak_case& shown) { return out << shown.name(); }

const std::vector<leak_case>& leak_cases() {
  static const std::vector<leak_case> cases = [] {
    std::vector<leak_case> found;
    std::istringstream list(TASKS_LEAK_PROGRAMS);
    for (std::string item; std::getline(list, item, ',');) {
      const auto space = item.find(' ');
      found.push_back({item.substr(0, space), item.substr(space + 1)});
    }
    return found;
  }();
  return cases;
}

leak_program::leak_program(const leak_case& started)
    : process_(program::unready{}, {program_path(started.program), started.form}) {
  read_claims();
}

void leak_program::again() {
  process_.write("\n");
  read_claims();
}

void leak_program::read_claims() {
  said_ = {};
  for (;;) {
    std::istringstream line(process_.read_line());
    std::string word;
    line >> word;
    if (word == "ready") return;
    if (word == "kind:") line >> said_.kind;
    if (word == "verdict:") line >> said_.verdict;
    if (word == "leaked:") line >> said_.leaked;
    if (word == "tasks:") line >> said_.tasks;
    if (word == "where:") {
      int count = 0;
      line >> count >> word;
      said_.where[word] = count;
    }
  }
}

}  // namespace tasks::testing
