#include "commands/remote_sessions.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/shell_words.hpp"
#include "base/text.hpp"
#include "commands/open_target.hpp"
#include "commands/remote.hpp"
#include "linux/piped_child.hpp"

namespace tasks::cli {
namespace {

/// As a shell says it of a program that ^C has ended.
constexpr int by_interrupt = 128 + SIGINT;

/// One ssh.
class session {
 public:
  session(session_request asked, piped_child ssh) : asked_(std::move(asked)), ssh_(std::move(ssh)) {
    answer_.host = asked_.host;
    greeting_ = asked_.script.token + "\n";
    file_begin_ = "\n" + asked_.script.token + " ";
  }

  static result<session> start(session_request asked) {
    const auto words = ssh_words(asked.host, asked.command.empty() ? text_of(asked.script) : asked.command, false);
    auto ssh = piped_child::start(words, {.error = asked.names_host});
    if (!ssh) return ssh.why();
    return session(std::move(asked), *std::move(ssh));
  }

  void add_to(std::vector<pollfd>& waiting) const {
    if (ssh_.output) waiting.push_back({ssh_.output.get(), POLLIN, 0});
    if (ssh_.error) waiting.push_back({ssh_.error.get(), POLLIN, 0});
    if (ssh_.input && sent_ < asked_.input.size()) waiting.push_back({ssh_.input.get(), POLLOUT, 0});
  }

  /// Takes and gives what is possible.
  void go_on() {
    send();
    receive(ssh_.output, [this](std::string_view bytes) { hear(bytes); });
    receive(ssh_.error, [this](std::string_view bytes) { hear_error(bytes); });
    if (!ended_ && ssh_.status()) {
      // A process that it has left behind, which shares its connection, may keep the pipes open.
      ended_ = true;
      receive(ssh_.output, [this](std::string_view bytes) { hear(bytes); });
      receive(ssh_.error, [this](std::string_view bytes) { hear_error(bytes); });
    }
  }

  [[nodiscard]] bool has_ended() const noexcept { return ended_; }

  void interrupt(bool again) {
    interrupted_ = true;
    ssh_.input.reset();
    if (again || !greeted_) ssh_.send_signal(SIGTERM);
  }

  host_answer finish() {
    if (!line_.empty()) tell(std::exchange(line_, {}));
    const int status = *ssh_.status();
    answer_.code = WIFEXITED(status) ? WEXITSTATUS(status) : no_answer;
    if (!asked_.command.empty()) return std::move(answer_);
    take_file();
    if (greeted_ && answer_.code == no_answer)
      give_up("the connection was lost: this may not be all");
    else if (!greeted_ && answer_.code == no_answer)
      give_up("ssh does not reach it, or is refused");
    else if (!greeted_ && answer_.code != cannot_run_there && answer_.code != not_there)
      give_up(fmt::format("its shell ended before it ran tasks (exit code {})", answer_.code));
    return std::move(answer_);
  }

 private:
  void send() {
    while (ssh_.input && sent_ < asked_.input.size()) {
      const auto n = ::write(ssh_.input.get(), asked_.input.data() + sent_, asked_.input.size() - sent_);
      if (n > 0) {
        sent_ += static_cast<std::size_t>(n);
      } else if (n < 0 && errno != EINTR) {
        if (errno != EAGAIN) ssh_.input.reset();
        return;
      }
    }
  }

  template <class Take>
  static void receive(detail::descriptor& from, Take take) {
    std::array<char, 65536> buffer;
    while (from) {
      const auto n = ::read(from.get(), buffer.data(), buffer.size());
      if (n > 0) {
        take(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
      } else if (n == 0) {
        from.reset();
      } else if (errno != EINTR) {
        if (errno != EAGAIN) from.reset();
        return;
      }
    }
  }

  void hear(std::string_view bytes) {
    if (!greeted_) {
      heard_ += bytes;
      const auto at = heard_.find(greeting_);
      if (at == heard_.npos) {
        if (heard_.size() > greeting_.size()) heard_.erase(0, heard_.size() - greeting_.size());
        return;
      }
      greeted_ = true;
      const auto rest = std::exchange(heard_, {}).substr(at + greeting_.size());
      return hear(rest);
    }
    if (asked_.to == nullptr) {
      answer_.text += bytes;
      return;
    }
    append(asked_.to->text(), bytes);
    if (asked_.to->flush()) return;
    // Nobody reads it any more, and so tasks there need not go on.
    ssh_.output.reset();
    interrupt(true);
  }

  void hear_error(std::string_view bytes) {
    line_ += bytes;
    for (auto end = line_.find('\n'); end != line_.npos; end = line_.find('\n')) {
      tell(line_.substr(0, end));
      line_.erase(0, end + 1);
    }
  }

  /// A line that names the host already need not name it twice.
  void tell(std::string line) {
    if (line.ends_with('\r')) line.pop_back();
    const auto ours = fmt::format("tasks: {}: ", asked_.host);
    tell_on_standard_error(line.starts_with(ours) ? line : fmt::format("{}: {}", asked_.host, line));
    answer_.said.push_back(std::move(line));
  }

  void give_up(std::string_view why) {
    answer_.code = interrupted_ ? by_interrupt : no_answer;
    if (interrupted_) return;
    answer_.why = fmt::format("tasks: {}: {}", asked_.host, why);
    tell_on_standard_error(answer_.why);
    if (asked_.names_host) answer_.said.push_back(answer_.why);
  }

  /// "\n TOKEN FOLDER SIZE \n BYTES", at the end of its text.
  void take_file() {
    if (!asked_.script.file || asked_.to != nullptr) return;
    const auto at = answer_.text.find(file_begin_);
    if (at == std::string::npos) return;
    auto rest = std::string_view(answer_.text).substr(at + file_begin_.size());
    const auto line = rest.substr(0, rest.find('\n'));
    const auto blank = line.rfind(' ');
    std::size_t size = 0;
    if (line.size() == rest.size() || blank == line.npos) return cut_text(at);
    const auto digits = line.substr(blank + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    rest.remove_prefix(line.size() + 1);
    if (failure != std::errc() || end != digits.data() + digits.size() || rest.size() != size) return cut_text(at);
    answer_.folder = line.substr(0, blank);
    answer_.file = std::string(rest);
    cut_text(at);
  }

  void cut_text(std::size_t at) { answer_.text.resize(at); }

  session_request asked_;
  piped_child ssh_;
  host_answer answer_;
  std::string greeting_, file_begin_;
  std::string heard_;  ///< before the greeting
  std::string line_;   ///< of standard error, without its end
  std::size_t sent_ = 0;
  bool greeted_ = false, ended_ = false, interrupted_ = false;
};

/// While it lives, signals that would end us, and the ends of children, are read from a descriptor; writing to who does
/// not read fails instead of ending us.
class signal_reader {
 public:
  signal_reader() {
    sigset_t held;
    ::sigemptyset(&held);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&held, each);
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
    fd_ = detail::descriptor(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &pipe_before_);
  }
  signal_reader(const signal_reader&) = delete;
  signal_reader& operator=(const signal_reader&) = delete;
  ~signal_reader() {
    ::sigaction(SIGPIPE, &pipe_before_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// How many have come that would have ended us.
  [[nodiscard]] unsigned ends() const {
    unsigned count = 0;
    signalfd_siginfo what;
    while (::read(fd_.get(), &what, sizeof what) == static_cast<ssize_t>(sizeof what))
      count += what.ssi_signo != SIGCHLD ? 1 : 0;
    return count;
  }

 private:
  detail::descriptor fd_;
  sigset_t before_{};
  struct sigaction pipe_before_ {};
};

}  // namespace

std::vector<std::string> ssh_words(const std::string& host, const std::string& script, bool terminal) {
  const char* chosen = std::getenv("TASKS_SSH");
  std::vector<std::string> words{"ssh"};
  if (chosen != nullptr && *chosen != 0) words = {"sh", "-c", fmt::format("exec {} \"$@\"", chosen), "sh"};
  for (auto word : {std::string(terminal ? "-t" : "-T"), host, for_any_shell(script)}) words.push_back(std::move(word));
  return words;
}

std::string new_token() {
  std::array<unsigned char, 16> random{};
  while (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
  }
  std::string token = "tasks-";
  for (const auto byte : random) token += fmt::format("{:02x}", byte);
  return token;
}

result<std::vector<host_answer>> run_sessions(std::vector<session_request> asked) {
  const signal_reader signals;
  std::vector<session> sessions;
  sessions.reserve(asked.size());
  for (auto& each : asked) {
    auto started = session::start(std::move(each));
    if (!started) return started.why();
    sessions.push_back(*std::move(started));
  }
  const auto is_going_on = [](const session& each) { return !each.has_ended(); };
  unsigned ends = 0;
  while (std::any_of(sessions.begin(), sessions.end(), is_going_on)) {
    std::vector<pollfd> waiting{{signals.fd(), POLLIN, 0}};
    for (const auto& each : sessions)
      if (!each.has_ended()) each.add_to(waiting);
    ::poll(waiting.data(), waiting.size(), -1);
    const auto more = signals.ends();
    ends += more;
    for (auto& each : sessions) {
      if (each.has_ended()) continue;
      each.go_on();
      if (more != 0 && !each.has_ended()) each.interrupt(ends > 1);
    }
  }
  std::vector<host_answer> answers;
  for (auto& each : sessions) answers.push_back(each.finish());
  return answers;
}

}  // namespace tasks::cli
