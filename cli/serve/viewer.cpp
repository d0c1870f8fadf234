#include "serve/viewer.hpp"

#include <utility>

namespace tasks::cli {

result<seen_view> viewer::view(const http_request& request, std::optional<pid_t> pid, look_depth depth,
                               std::vector<std::string> words) {
  std::shared_ptr<kept_look> of;
  if (const auto id = request.parameter("replay")) {
    auto brought = replays_.find(*id);
    if (!brought) return brought.why();
    of = *std::move(brought);
    if (pid) words.insert(words.end(), {"-p", std::to_string(*pid)});
    if (const auto at = request.parameter("at")) {
      if (at->find('\0') != at->npos) return error{error_code::usage, "at", "there is a zero byte in it", ""};
      words.push_back("--at=" + *at);
    }
  } else {
    if (!pid) return error{error_code::usage, "pid", "which process?", "?pid=PID"};
    auto look = looks_.look_at(*pid, depth);
    if (!look) return look.why();
    of = *std::move(look);
  }
  auto made = looks_.view(*of, words, request.is_wanted);
  if (!made) return made.why();
  return seen_view{std::move(of), *std::move(made)};
}

}  // namespace tasks::cli
