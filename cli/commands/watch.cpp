#include "commands/watch.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "commands/open_recording.hpp"
#include "commands/open_target.hpp"
#include "commands/written_page.hpp"
#include "views/repaint.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

/// One whose cursor cannot be moved gets pictures one after the other, as a file does.
bool moves_its_cursor(const output& out) {
  const char* term = std::getenv("TERM");
  return out.style().terminal && term != nullptr && *term != 0 && std::string_view(term) != "dumb";
}

std::size_t terminal_rows() {
  winsize size{};
  constexpr std::size_t usual = 24;
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 ? size.ws_row : usual;
}

std::string heading(std::chrono::milliseconds interval) {
  using namespace std::chrono;
  const auto now = duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
  return fmt::format("{}, every {:g}s", format_time(now), std::chrono::duration<double>(interval).count());
}

/// What a view says besides goes under it, where it is repainted.
result<std::string> picture_of(const std::function<result<int>(output&)>& print) {
  written_page page(style_of_stdout());
  told_lines besides;
  if (const auto shown = print(page.out()); !shown) return shown.why();
  auto text = page.read();
  if (!text) return text;
  for (const auto& line : besides.lines()) *text += line + "\n";
  return text;
}

result<int> repaint(std::chrono::milliseconds interval, const std::function<result<int>(output&)>& print, output& out) {
  repainter painter;
  for (;;) {
    const auto picture = picture_of(print);
    if (!picture) {
      append(out.text(), "\n");  // the last one stays
      return picture.why();
    }
    append(out.text(), painter.paint(heading(interval), *picture, terminal_rows()));
    if (!out.flush()) return 0;
    std::this_thread::sleep_for(interval);
  }
}

/// What a view says besides is said once, not with each picture.
result<int> print_one_after_the_other(std::chrono::milliseconds interval,
                                      const std::function<result<int>(output&)>& print, output& out) {
  std::set<std::string> told;
  for (bool first = true;; first = false) {
    if (!first) append(out.text(), "\n");
    std::vector<std::string> besides;
    const auto shown = [&] {
      const told_lines lines;
      auto its = print(out);
      besides = lines.lines();
      return its;
    }();
    for (auto& line : besides)
      if (told.insert(line).second) tell_on_standard_error(line);
    if (!shown) return shown.why();
    if (!out.flush()) return 0;
    std::this_thread::sleep_for(interval);
  }
}

}  // namespace

option_of<watch_options> watch_option() {
  return {{"--watch", "[SECONDS]", "print again and again, every second or so often; what changed is marked"},
          [](watch_options& to, const std::string& typed) -> result<void> {
            const auto interval =
                typed.empty() ? result<std::chrono::milliseconds>(1s) : read_duration("--watch", typed, 10ms);
            if (!interval) return interval.why();
            to.watch = *interval;
            return {};
          }};
}

result<int> print_again_and_again(std::chrono::milliseconds interval, const std::function<result<int>(output&)>& print,
                                  output& out) {
  return moves_its_cursor(out) ? repaint(interval, print, out) : print_one_after_the_other(interval, print, out);
}

}  // namespace tasks::cli
