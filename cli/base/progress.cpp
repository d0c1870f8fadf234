#include "base/progress.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "base/quantities.hpp"

namespace tasks::cli {
namespace {

struct note {
  const char *what = "", *counted = "";
  std::uint64_t total = 0;
};

struct shared_state {
  std::mutex note_mutex;  ///< held for no longer than a copy takes
  note doing;
  /// Added to by whoever works, read by who shows it: relaxed, no other memory is read by what it says.
  std::atomic<std::uint64_t> done{0};

  std::mutex line_mutex;  ///< of `line`, and all that it writes
  progress_line* line = nullptr;
};

shared_state& shared() {
  static shared_state state;
  return state;
}

/// Can it go to the begin of a line, and erase it?
bool erases_lines(int terminal) {
  const char* name = std::getenv("TERM");
  return ::isatty(terminal) == 1 && name != nullptr && *name != 0 && std::string_view(name) != "dumb";
}

/// Columns; 0: not known.
std::size_t width_of(int terminal) {
  winsize size{};
  return ::ioctl(terminal, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// Signals are the command's.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

busy_with::busy_with(const char* what, const char* counted, std::uint64_t total) {
  auto& state = shared();
  const std::lock_guard lock(state.note_mutex);
  before_ = {state.doing.what, state.doing.counted, state.doing.total,
             state.done.exchange(0, std::memory_order_relaxed)};
  state.doing = {what, counted, total};
}

busy_with::~busy_with() {
  auto& state = shared();
  const std::lock_guard lock(state.note_mutex);
  state.doing = {before_.what, before_.counted, before_.total};
  state.done.store(before_.done, std::memory_order_relaxed);
}

void busy_with::advance(std::uint64_t more) noexcept { shared().done.fetch_add(more, std::memory_order_relaxed); }

std::string progress_words(std::chrono::seconds since) {
  note doing;
  std::uint64_t done = 0;
  {
    auto& state = shared();
    const std::lock_guard lock(state.note_mutex);
    doing = state.doing;
    done = state.done.load(std::memory_order_relaxed);
  }
  std::string words = "looking";
  if (*doing.what != 0) words += fmt::format(": {}", doing.what);
  // What is counted goes on meanwhile: there may be more of it than there were.
  if (*doing.counted != 0 && doing.total != 0 && done <= doing.total)
    words += fmt::format(" {} of {} {}", in_thousands(done), in_thousands(doing.total), doing.counted);
  else if (*doing.counted != 0)
    words += fmt::format(" {} {}", in_thousands(done), doing.counted);
  return words + fmt::format(", {} s", since.count());
}

progress_line::progress_line() : progress_line(STDERR_FILENO, first_shown) {}

progress_line::progress_line(int terminal, std::chrono::milliseconds first) {
  if (!erases_lines(terminal)) return;
  auto& state = shared();
  {
    const std::lock_guard lock(state.line_mutex);
    if (state.line != nullptr) return;
    // Flags belong to a description, which others may have, too: so it is opened anew.
    const auto path = fmt::format("/proc/self/fd/{}", terminal);
    terminal_ = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (terminal_ < 0) return;
    state.line = this;
  }
  thread_ = std::thread([this, first] { show(first); });
}

progress_line::~progress_line() { finish(); }

bool progress_line::end() {
  progress_line* line = nullptr;
  {
    auto& state = shared();
    const std::lock_guard lock(state.line_mutex);
    line = state.line;
  }
  return line == nullptr || line->finish();
}

progress_line::pause::pause() : lock_(shared().line_mutex) {
  if (auto* line = shared().line; line != nullptr) line->erase();
}

void progress_line::show(std::chrono::milliseconds first) {
  block_signals();
  std::unique_lock lock(shared().line_mutex);
  for (auto next = since_ + first; !wakes_.wait_until(lock, next, [this] { return ends_; });) {
    draw();
    next = clock::now() + shown_every;
  }
}

void progress_line::draw() {
  // Who was put into the background has no terminal.
  if (const auto group = ::tcgetpgrp(terminal_); group != -1 && group != ::getpgrp()) return;
  auto words = progress_words(std::chrono::duration_cast<std::chrono::seconds>(clock::now() - since_));
  if (const auto width = width_of(terminal_); width != 0) words.resize(std::min(words.size(), width - 1));
  if (words != shown_ && write("\r" + words + "\033[K") != 0) shown_ = std::move(words);
}

void progress_line::erase() {
  if (shown_.empty()) return;
  constexpr int patience_ms = 100;
  pollfd ready{terminal_, POLLOUT, 0};
  ::poll(&ready, 1, patience_ms);
  if (write(eraser) == eraser.size()) shown_.clear();
}

bool progress_line::finish() {
  auto& state = shared();
  {
    const std::lock_guard lock(state.line_mutex);
    if (terminal_ < 0) return true;
    ends_ = true;
  }
  wakes_.notify_all();
  thread_.join();
  const std::lock_guard lock(state.line_mutex);
  erase();
  ::close(terminal_);
  terminal_ = -1;
  state.line = nullptr;
  return shown_.empty();
}

std::size_t progress_line::write(std::string_view text) const {
  const auto taken = ::write(terminal_, text.data(), text.size());
  return taken < 0 ? 0 : static_cast<std::size_t>(taken);
}

}  // namespace tasks::cli
