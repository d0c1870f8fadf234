#pragma once

/// What of a suspended frame nobody will read before it is written anew, though something may lie there that led
/// somewhere once:
///
///   body, suspend point ──> some way leads there that has not come to a member ──┐
///                       ──> nor does destroying the frame there ─────────────────┴──> its owners are not there
///   promise             ──> room for a result or an executor, and whether it holds one
///   types of members    ──> executors, and the room in them; padding
///
/// Two reasons are asked for. Where a way leads to the suspend point that has not made a variable, it is not in its
/// scope. And what is alive is destroyed with its frame, by destructors that have to look at it (type_parts); but
/// compilers forget what was made of an aggregate before a co_await among its initializers. Both are found out by
/// body_machine, on all ways that there are: where one is not known to its end, all members count as alive. So do those
/// that have no such class. Of g++ alone, which gives each variable a place of its own; clang has several share one.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "coroutines/program.hpp"
#include "symbols/modules.hpp"
#include "symbols/type_parts.hpp"

namespace tasks::cli {

/// Offsets are from the frame's begin.
struct unread_members {
  struct optional_part {
    type_part at;
    std::uint64_t is_there = 0;  ///< a bool
  };
  std::vector<type_part> dead;           ///< nothing is there
  std::vector<optional_part> optional;   ///< nothing is there unless that says so
  std::vector<executor_part> executors;  ///< dead or alive
  std::vector<padded_word> padded;       ///< between members, and within those
  /// Members that lie where no word does, in which something may be at any byte: g++ forgets alignas of variables.
  std::vector<type_part> unaligned;
};

class unread_member_finder {
 public:
  /// Both must outlive it.
  unread_member_finder(coroutine_program& program, modules& code) : program_(program), code_(code) {}

  /// Worked out once for each body and index. `layout`: its own, and known.
  [[nodiscard]] const unread_members& at(const coroutine_body& body, const frame_layout& layout, std::uint64_t index);
  /// What does not depend on the suspend point.
  [[nodiscard]] const unread_members& always(const coroutine_body& body) { return members_of(body).always; }

 private:
  /// A member that has parts.
  struct member {
    type_part at;
    std::vector<type_part> owners;
    /// Suspend points that can be come to without it; nothing: nobody has asked.
    std::optional<std::set<std::uint64_t>> untouched_at;
  };
  struct body_members {
    std::vector<member> members;
    unread_members always;  ///< but for `dead`
  };

  [[nodiscard]] body_members& members_of(const coroutine_body& body);

  coroutine_program& program_;
  modules& code_;
  std::map<std::uint64_t, body_members> bodies_;                                 ///< by their begin
  std::map<std::pair<std::uint64_t, std::uint64_t>, unread_members> unread_at_;  ///< by that and the index
};

}  // namespace tasks::cli
