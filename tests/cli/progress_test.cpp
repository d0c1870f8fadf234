// The line that says what takes so long: on a terminal, and on none else.

#include "base/progress.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "support/program.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;

/// Both ends of a pseudoterminal.
class terminal {
 public:
  explicit terminal(unsigned short columns = 80) {
    ::setenv("TERM", "xterm", 1);
    winsize size{24, columns, 0, 0};
    if (::openpty(&screen_, &end_, nullptr, nullptr, &size) != 0) throw std::runtime_error("no terminal to be had");
  }
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;
  ~terminal() {
    ::close(screen_);
    ::close(end_);
  }

  [[nodiscard]] int end() const noexcept { return end_; }

  /// All that is there so far.
  const std::string& seen() {
    while (is_ready(0ms)) take();
    return seen_;
  }
  /// Waits for it.
  const std::string& seen_with(const std::string& text) {
    while (seen_.find(text) == seen_.npos) {
      if (!is_ready(tasks::testing::guard)) throw std::runtime_error("not shown: " + text);
      take();
    }
    return seen_;
  }

 private:
  [[nodiscard]] bool is_ready(std::chrono::milliseconds patience) const {
    pollfd ready{screen_, POLLIN, 0};
    return ::poll(&ready, 1, static_cast<int>(patience.count())) > 0;
  }
  void take() {
    std::array<char, 4096> bytes;
    const auto got = ::read(screen_, bytes.data(), bytes.size());
    if (got <= 0) throw std::runtime_error("the terminal is gone");
    seen_.append(bytes.data(), static_cast<std::size_t>(got));
  }

  int screen_ = -1, end_ = -1;
  std::string seen_;
};

constexpr const char* erased = "\r\033[K";

TEST(ProgressLine, SaysWhatIsDoneAndIsErased) {
  terminal on;
  {
    const progress_line line(on.end(), 0ms);
    const busy_with reading("read", "tasks", 1'000'000);
    busy_with::advance(412'000);
    on.seen_with("\rlooking: read 412,000 of 1,000,000 tasks, ");
  }
  EXPECT_THAT(on.seen(), EndsWith(erased));
}

TEST(ProgressLine, IsNotShownBeforeItsTime) {
  terminal on;
  { const progress_line line(on.end(), 24h); }
  EXPECT_EQ(on.seen(), "");
}

TEST(ProgressLine, IsGoneBeforeOutputAndStaysSo) {
  terminal on;
  const progress_line line(on.end(), 0ms);
  on.seen_with("looking");
  EXPECT_TRUE(progress_line::end());
  const auto before = on.seen();
  EXPECT_THAT(before, EndsWith(erased));
  progress_line::end();
  EXPECT_EQ(on.seen(), before);
}

TEST(ProgressLine, MakesRoomForWhatIsSaidMeanwhile) {
  terminal on;
  const progress_line line(on.end(), 0ms);
  on.seen_with("looking");
  std::string before;
  {
    const progress_line::pause without;
    before = on.seen();
    EXPECT_THAT(before, EndsWith(erased));
    ASSERT_EQ(::write(on.end(), "said\n", 5), 5);
  }
  on.seen_with("said\r\n\rlooking");
}

TEST(ProgressLine, FitsIntoItsTerminal) {
  terminal on(10);
  const progress_line line(on.end(), 0ms);
  const busy_with reading("who keeps tasks alive");
  on.seen_with("\rlooking: \033[K");
}

TEST(ProgressLine, KeepsNobodyWaitingWhereTheTerminalTakesNothing) {
  terminal on;
  {
    const progress_line line(on.end(), 0ms);
    on.seen_with("looking");
    ASSERT_EQ(::tcflow(on.end(), TCOOFF), 0);  // as Ctrl-S does
    EXPECT_FALSE(progress_line::end());
    EXPECT_TRUE(progress_line::end());
  }
  ASSERT_EQ(::tcflow(on.end(), TCOON), 0);
}

TEST(ProgressLine, KeepsNobodyWaitingWhereTheTerminalIsFull) {
  terminal on;
  const progress_line line(on.end(), 0ms);
  on.seen_with("looking");
  const int flags = ::fcntl(on.end(), F_GETFL);
  ASSERT_EQ(::fcntl(on.end(), F_SETFL, flags | O_NONBLOCK), 0);
  const std::string much(4096, 'x');
  while (::write(on.end(), much.data(), much.size()) > 0) {
  }
  ASSERT_EQ(::fcntl(on.end(), F_SETFL, flags), 0);
  progress_line::end();
}

TEST(ProgressLine, LeavesTheFlagsOfADescriptorThatOthersHave) {
  terminal on;
  const progress_line line(on.end(), 24h);
  EXPECT_EQ(::fcntl(on.end(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(ProgressLine, IsForTerminalsThatEraseLinesAlone) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  { const progress_line line(ends[1], 0ms); }
  ::close(ends[1]);
  char byte;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
  terminal on;
  ::setenv("TERM", "dumb", 1);
  { const progress_line line(on.end(), 0ms); }
  EXPECT_EQ(on.seen(), "");
}

TEST(Progress, IsInWords) {
  EXPECT_EQ(progress_words(3s), "looking, 3 s");
  const busy_with asking("who keeps tasks alive");
  EXPECT_EQ(progress_words(61s), "looking: who keeps tasks alive, 61 s");
  {
    const busy_with reading("read", "tasks");
    busy_with::advance(1234);
    EXPECT_EQ(progress_words(1s), "looking: read 1,234 tasks, 1 s");
  }
  EXPECT_EQ(progress_words(2s), "looking: who keeps tasks alive, 2 s");
  const busy_with reading("read", "records", 10);
  busy_with::advance(11);  // more have come
  EXPECT_EQ(progress_words(1s), "looking: read 11 records, 1 s");
}

}  // namespace
}  // namespace tasks::cli
