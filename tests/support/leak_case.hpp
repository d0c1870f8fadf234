#pragma once

/// The programs that know how many tasks they leak, and what they say of it; see tests/programs/leaks/program.hpp.
///
///   for (const leak_case& each : leak_cases()) {
///     leak_program target(each);
///     target.said().leaked …
///   }

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace tasks::testing {

/// A program and its argument: what it does with it is one case.
struct leak_case {
  std::string program;  ///< as for program_path()
  std::string form;     ///< `leaking`, `fixed`, or the name of a healthy look-alike
  [[nodiscard]] std::string name() const { return program + '_' + form; }
};
std::ostream& operator<<(std::ostream&, const leak_case&);

/// All of them, as CMake knows them.
[[nodiscard]] const std::vector<leak_case>& leak_cases();

struct leak_claims {
  std::string kind;     ///< of what is leaked: channel, lock, …
  std::string verdict;  ///< proven, growing, stalled, old; none where there is no leak
  int leaked = 0;
  int tasks = 0;                     ///< all that exist, leaked or not
  std::map<std::string, int> where;  ///< leaked tasks by their innermost function
};

/// One of them, running.
class leak_program {
 public:
  /// Starts it and reads what it says.
  explicit leak_program(const leak_case&);
  [[nodiscard]] const leak_claims& said() const noexcept { return said_; }
  [[nodiscard]] program& process() noexcept { return process_; }
  /// Has it do it once more, or wake its healthy tasks, and reads what it says now.
  void again();

 private:
  void read_claims();
  program process_;
  leak_claims said_;
};

}  // namespace tasks::testing
