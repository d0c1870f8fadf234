#include "surveys/vitals.hpp"

#include <fmt/format.h>

namespace tasks::cli {

std::vector<std::string> findings_of(const v1::Vitals& vitals) {
  std::vector<std::string> findings;
  if (vitals.deadlock_hint()) {
    findings.push_back(fmt::format(
        "deadlock: all {} tasks are blocked on channels and nothing is pending that could wake them", vitals.tasks()));
  }
  if (vitals.lost() != 0) {
    findings.push_back(fmt::format("{} tasks are in no count: the registry found no memory for them", vitals.lost()));
  }
  return findings;
}

}  // namespace tasks::cli
