#include "support/golden.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

namespace tasks::testing {

std::string normalized(const std::string& text, const std::string& pid) {
  const auto parent = std::to_string(::getpid());
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // The list: columns are as wide as this machine's pids. A row has PID, marks, PPID, counts, UPTIME and PROGRAM.
    const std::regex row(" *" + pid + "([*!]*) +" + parent + " +(.*[^ ]) +[^ ]+ +(cli_.*)");
    if (std::smatch fields; std::regex_match(line, fields, row)) {
      line = "PID" + fields.str(1) + "  PPID  " + fields.str(2) + "  UPTIME  " + fields.str(3);
    }
    if (line.find("PID  ") != line.npos) line = std::regex_replace(line, std::regex("^ +| +(?=  )"), "");
    // A command that is suggested.
    if (const auto at = line.find("-p " + pid + " "); at != line.npos) line.replace(at + 3, pid.size(), "PID");
    out += line + "\n";
  }
  return out;
}

void expect_golden(std::string_view name, const std::string& text) {
  const auto path = std::string(TASKS_GOLDEN_DIRECTORY) + "/" + std::string(name);
  if (std::getenv("TASKS_UPDATE_GOLDEN")) {
    std::ofstream(path) << text;
    return;
  }
  std::ostringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

}  // namespace tasks::testing
