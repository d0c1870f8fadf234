// Its macros are called `erase`, `move` and `timeout`.
#define NCURSES_NOMACROS
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/table.hpp"
#include "top/screen.hpp"
#include "top/terminal_type.hpp"

namespace tasks::cli {
namespace {

constexpr short yellow_pair = 1;
constexpr int escape_delay_ms = 25;  ///< a terminal sends a key's sequence at once; over a slow line it may be cut

/// All text is UTF-8, whatever the environment says.
void speak_utf8() {
  ::setlocale(LC_CTYPE, "");
  if (std::string_view(::nl_langinfo(CODESET)) != "UTF-8") ::setlocale(LC_CTYPE, "C.UTF-8");
}

error no_terminal(std::string fact, std::string next_step) {
  return {error_code::usage, "top", std::move(fact), std::move(next_step)};
}

/// Gives the terminal back when it ends.
struct taken_terminal {
  explicit taken_terminal(SCREEN* taken) : of(taken) {}
  taken_terminal(const taken_terminal&) = delete;
  taken_terminal& operator=(const taken_terminal&) = delete;
  ~taken_terminal() {
    ::endwin();
    ::delscreen(of);
  }
  SCREEN* of;
};

class curses_screen final : public screen {
 public:
  curses_screen(std::unique_ptr<taken_terminal> terminal, bool color) : terminal_(std::move(terminal)) {
    ::cbreak();
    ::noecho();
    ::nonl();
    ::keypad(::stdscr, true);
    ::nodelay(::stdscr, true);
    ::set_escdelay(escape_delay_ms);
    ::curs_set(0);
    if (!color || !::has_colors()) return;
    ::start_color();
    ::use_default_colors();
    has_color_ = ::init_pair(yellow_pair, COLOR_YELLOW, -1) == OK;
  }

  [[nodiscard]] screen_size size() const override {
    return {static_cast<std::size_t>(std::max(::getmaxy(::stdscr), 1)),
            static_cast<std::size_t>(std::max(::getmaxx(::stdscr), 1))};
  }

  void show(const drawing& what) override {
    const auto within = size();
    ::werase(::stdscr);
    for (std::size_t row = 0; row < std::min(within.rows, what.lines.size()); ++row) show_line(row, what.lines[row]);
    ::wrefresh(::stdscr);
  }

  std::optional<keystroke> read_key() override {
    const int pressed = ::wgetch(::stdscr);
    if (pressed == ERR) return std::nullopt;
    constexpr struct {
      int code;
      key which;
    } known[] = {
        {KEY_UP, key::up},         {KEY_DOWN, key::down},       {KEY_LEFT, key::left},     {KEY_RIGHT, key::right},
        {KEY_PPAGE, key::page_up}, {KEY_NPAGE, key::page_down}, {KEY_HOME, key::home},     {KEY_END, key::end},
        {KEY_ENTER, key::enter},   {KEY_BACKSPACE, key::erase}, {KEY_RESIZE, key::resize}, {'\r', key::enter},
        {'\n', key::enter},        {'\b', key::erase},          {0x7f, key::erase},        {0x1b, key::escape}};
    for (const auto& each : known)
      if (pressed == each.code) return keystroke{each.which};
    if (pressed >= ' ' && pressed < 0x7f) return keystroke{key::character, static_cast<char>(pressed)};
    return keystroke{};
  }

 private:
  void show_line(std::size_t row, const drawn_line& line) {
    auto left = size().columns;
    ::wmove(::stdscr, static_cast<int>(row), 0);
    for (const auto& part : line) {
      if (left == 0) return;
      const auto text = cut(part.text, left);
      left -= std::min(left, display_width(text));
      ::wattrset(::stdscr, static_cast<int>(attributes_of(part.as)));
      ::waddnstr(::stdscr, text.data(), static_cast<int>(text.size()));
    }
    ::wattrset(::stdscr, static_cast<int>(A_NORMAL));
  }

  [[nodiscard]] attr_t attributes_of(tone as) const {
    switch (as) {
      case tone::strong:
        return A_BOLD;
      case tone::faint:
        return A_DIM;
      case tone::chosen:
        return A_REVERSE;
      case tone::warning:
        return has_color_ ? static_cast<attr_t>(COLOR_PAIR(yellow_pair)) : A_BOLD;
      case tone::usual:
        break;
    }
    return A_NORMAL;
  }

  std::unique_ptr<taken_terminal> terminal_;
  bool has_color_ = false;
};

}  // namespace

result<std::unique_ptr<screen>> open_screen(bool color) {
  if (!::isatty(STDIN_FILENO) || !::isatty(STDOUT_FILENO))
    return no_terminal("standard input and output are no terminal", "tasks stack --group prints the same once");
  const char* term = std::getenv("TERM");
  if (term == nullptr || *term == 0) return no_terminal("TERM does not say which terminal this is", "");
  speak_utf8();
  const auto ability = ability_of(term);
  if (ability == terminal_ability::no_cursor)
    return no_terminal(std::string("terminal \"") + term + "\" cannot move its cursor",
                       "tasks stack --group prints the same once");
  SCREEN* taken = ability == terminal_ability::full ? ::newterm(nullptr, stdout, stdin) : nullptr;
  if (taken == nullptr) return no_terminal(std::string("terminal \"") + term + "\" is not known", "set TERM");
  auto terminal = std::make_unique<taken_terminal>(taken);
  return std::unique_ptr<screen>(std::make_unique<curses_screen>(std::move(terminal), color));
}

}  // namespace tasks::cli
