#include "top/terminal_type.hpp"

// Its macros are called `columns`, `lines` and `tone`: nothing of ours may follow it.
#include <curses.h>
#include <term.h>
#include <unistd.h>

namespace tasks::cli {

terminal_ability ability_of(const char* term) {
  int found = 0;
  if (::setupterm(term, STDOUT_FILENO, &found) != OK) return terminal_ability::unknown;
  char moves[] = "cup";
  const bool can_move = ::tigetstr(moves) != nullptr;
  ::del_curterm(::set_curterm(nullptr));
  return can_move ? terminal_ability::full : terminal_ability::no_cursor;
}

}  // namespace tasks::cli
