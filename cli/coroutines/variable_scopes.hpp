#pragma once

/// Which of a frame's members are alive at a suspend point:
///
///   member ──name──> variable in a block that contains the place ──location──> at the member's offset
///   every way through the body to the suspend point ──> has it stored there, or taken its address?
///
/// Parameters always are. What is not certain is left out: a variable's bytes before it begins are of another time.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coroutines/program.hpp"

namespace tasks::cli {

struct shown_variable {
  std::string name;  ///< as the program has it
  std::string type;  ///< dwarf::type_words()
  const frame_variable* of = nullptr;
  bool is_parameter = false;
  std::uint64_t order = 0;  ///< of declaration, among parameters and among variables
};

class variable_scopes {
 public:
  /// Must outlive it, and so must the layouts that it is asked about.
  explicit variable_scopes(coroutine_program& program) : program_(program) {}

  /// Parameters first, each in the order of declaration. Worked out once for each body and index.
  [[nodiscard]] const std::vector<shown_variable>& at(const coroutine_body& body, const frame_layout& layout,
                                                      std::uint64_t index);

 private:
  void find(const coroutine_body& body, const frame_layout& layout, std::uint64_t index,
            std::vector<shown_variable>& found);
  [[nodiscard]] bool may_be_unborn(const coroutine_body& body, const frame_layout& layout,
                                   const frame_variable& variable, std::uint64_t index);

  coroutine_program& program_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<shown_variable>> known_;  ///< by body's begin, index
  /// By body's begin and offset: suspend points that can be come to without the variable there.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::set<std::uint64_t>> unborn_at_;
};

}  // namespace tasks::cli
