#include "top/loop.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "top/asker.hpp"

namespace tasks::cli {
namespace {

using steady = std::chrono::steady_clock;

/// While this lives, signals that would end the program are read from a descriptor.
class ending_signals {
 public:
  ending_signals() {
    ::sigemptyset(&ends_);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&ends_, each);
    ::pthread_sigmask(SIG_BLOCK, &ends_, &before_);
    fd_ = ::signalfd(-1, &ends_, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ending_signals(const ending_signals&) = delete;
  ending_signals& operator=(const ending_signals&) = delete;
  ~ending_signals() {
    ::close(fd_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  [[nodiscard]] int descriptor() const noexcept { return fd_; }
  /// 0: none has come.
  [[nodiscard]] int take() const {
    signalfd_siginfo told{};
    return ::read(fd_, &told, sizeof told) == static_cast<ssize_t>(sizeof told) ? static_cast<int>(told.ssi_signo) : 0;
  }

 private:
  sigset_t ends_{}, before_{};
  int fd_ = -1;
};

/// Until `then`, for poll(2); -1: for ever.
int milliseconds_until(std::optional<steady::time_point> then) {
  if (!then) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*then - steady::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// What goes on between a terminal, a model and a feed.
class conversation {
 public:
  conversation(const top_choices& chosen, feed& from, screen& on) : model_(chosen), asker_(from), on_(on) {}

  /// The signal that has ended it; 0: it was quit, or there is nothing to be seen.
  int run(const ending_signals& signals) {
    while (!model_.has_quit() && !model_.why_nothing()) {
      on_.show(model_.draw(on_.size()));
      ask();
      std::array<pollfd, 3> waited = {pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{signals.descriptor(), POLLIN, 0},
                                      pollfd{asker_.descriptor(), POLLIN, 0}};
      const auto next = asker_.is_idle() && model_.regular_question() ? std::optional(next_) : std::nullopt;
      ::poll(waited.data(), waited.size(), milliseconds_until(next));
      if (const int signal = signals.take()) return signal;
      if ((waited[0].revents & (POLLHUP | POLLERR)) != 0) return SIGHUP;
      while (const auto key = on_.read_key()) model_.press(*key);
      if (auto answer = asker_.take_answer()) {
        const bool is_look = !answer->to.is_of_page();
        model_.take(*std::move(answer));
        if (is_look) next_ = steady::now() + model_.interval();
      }
    }
    return 0;
  }

  [[nodiscard]] const std::optional<error>& why_nothing() const { return model_.why_nothing(); }

 private:
  void ask() {
    if (!asker_.is_idle()) return;
    auto question = model_.urgent_question();
    if (!question && steady::now() >= next_) question = model_.regular_question();
    if (question) asker_.ask(*std::move(question));
  }

  top_model model_;
  asker asker_;
  screen& on_;
  steady::time_point next_ = steady::now();  ///< when to look again
};

}  // namespace

result<int> run_top(const top_choices& chosen, feed& from, bool color) {
  int signal = 0;
  {
    const ending_signals signals;
    auto opened = open_screen(color);
    if (!opened) return opened.why();
    auto on = *std::move(opened);
    conversation talk(chosen, from, *on);
    signal = talk.run(signals);
    on.reset();  // at once: the question that is being asked may take a while
    if (const auto& why = talk.why_nothing()) return *why;
    if (signal == 0) return 0;
    // As it would have ended without this, once nobody blocks it any more.
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  return 0;
}

}  // namespace tasks::cli
