#pragma once

namespace tasks::cli {

enum class terminal_ability {
  unknown,    ///< not in the terminal database
  no_cursor,  ///< its cursor cannot be moved to any place of the screen
  full,
};

/// What the terminal database, terminfo(5), knows of `term`. Is asked before newterm(), which forgets what it allocated
/// for a terminal that is not known.
terminal_ability ability_of(const char* term);

}  // namespace tasks::cli
