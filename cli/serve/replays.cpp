#include "serve/replays.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "serve/answers.hpp"

namespace tasks::cli {
namespace {

constexpr std::string_view recording = "the recording";

/// On a disk, so that it takes no memory; without a name where the file system can, else it loses it at once.
descriptor open_file_without_name() {
  const auto folder = folder_of_passing_files();
  descriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
  if (file) return file;
  auto path = folder + "/tasks-replay-XXXXXX";
  file = descriptor(::mkostemp(path.data(), O_CLOEXEC));
  if (file) ::unlink(path.c_str());
  return file;
}

bool write_whole(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// 128 bits that nobody guesses. Empty: the kernel has none.
std::string random_name() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  std::string name;
  for (const auto each : bytes) name += fmt::format("{:02x}", each);
  return name;
}

http_answer refused(int status, std::string_view code, std::string fact, std::string next_step) {
  return error_answer(status, code, {error_code::usage, std::string(recording), std::move(fact), std::move(next_step)});
}

}  // namespace

void kept_replays::keep(std::string id, std::shared_ptr<kept_look> look, time now) {
  while (kept_.size() >= most)
    kept_.erase(std::min_element(kept_.begin(), kept_.end(),
                                 [](const auto& a, const auto& b) { return a.second.asked < b.second.asked; }));
  kept_[std::move(id)] = {std::move(look), now};
}

std::shared_ptr<kept_look> kept_replays::find(const std::string& id, time now) {
  const auto found = kept_.find(id);
  if (found == kept_.end()) return nullptr;
  found->second.asked = now;
  return found->second.look;
}

void kept_replays::forget_old(time now) {
  std::erase_if(kept_, [now](const auto& each) { return now - each.second.asked > kept_for; });
}

/// One of those that are received at once, as long as it lives.
class replays::receiving {
 public:
  explicit receiving(replays& of) : of_(of) {
    const std::lock_guard hold(of_.mutex_);
    is_one_ = of_.received_ < most_received;
    if (is_one_) ++of_.received_;
  }
  receiving(const receiving&) = delete;
  receiving& operator=(const receiving&) = delete;
  ~receiving() {
    const std::lock_guard hold(of_.mutex_);
    if (is_one_) --of_.received_;
  }
  explicit operator bool() const noexcept { return is_one_; }

 private:
  replays& of_;
  bool is_one_ = false;
};

http_answer replays::bring(const http_request& request) {
  if (!request.body_bytes)
    return refused(411, "usage", "the request does not say how long it is", "Content-Length: BYTES");
  if (*request.body_bytes > most_bytes)
    return refused(413, "too-large",
                   fmt::format("it has {} bytes, and {} are the most", *request.body_bytes, most_bytes),
                   "tasks VIEW --from FILE reads larger ones");
  const receiving one(*this);
  if (one) return receive(request);
  auto busy = refused(503, "busy", fmt::format("{} others are being received", most_received), "try again later");
  busy.headers.emplace_back("Retry-After", "5");
  return busy;
}

http_answer replays::receive(const http_request& request) {
  descriptor file = open_file_without_name();
  if (!file)
    return refused(507, "system", fmt::format("there is no place for it: {}", ::strerror(errno)),
                   "TMPDIR says where it is kept");
  int failed_with = 0;
  const bool is_whole = request.receive_body([&](std::string_view piece) {
    if (write_whole(file.get(), piece)) return true;
    failed_with = errno;
    return false;
  });
  if (failed_with != 0)
    return refused(507, "system", fmt::format("there is no room for it: {}", ::strerror(failed_with)),
                   "TMPDIR says where it is kept");
  if (!is_whole) return refused(400, "usage", "it has not come whole", "");
  // Who reads it has no business to write it.
  return check_and_keep(descriptor(::open(fmt::format("/proc/self/fd/{}", file.get()).c_str(), O_RDONLY | O_CLOEXEC)),
                        request);
}

http_answer replays::check_and_keep(descriptor file, const http_request& request) {
  const auto id = random_name();
  if (!file || id.empty()) return refused(507, "system", ::strerror(errno), "");
  auto look = std::make_shared<kept_look>();
  look->file = std::move(file);
  look->at = clock::now();
  look->is_brought = true;
  const auto listed = views_.view(*look, {"list", "--json"}, request.is_wanted);
  if (!listed) return error_answer(400, code_name(listed.why().code), listed.why());
  const auto& told = (*listed)->told;
  if (std::find(told.begin(), told.end(), "no snapshots") != told.end())
    return refused(400, "usage", "there is no snapshot in it" + (told.size() > 1 ? ": " + told.back() : ""),
                   "was it copied as a whole?");
  {
    const std::lock_guard hold(mutex_);
    kept_.keep(id, std::move(look), clock::now());
  }
  auto made = text_answer(201, json_type, fmt::format("{{\"replay\":\"{}\"}}\n", id));
  made.headers.emplace_back("Location", "/api/v1/processes?replay=" + id);
  return made;
}

result<std::shared_ptr<kept_look>> replays::find(const std::string& id) {
  const std::lock_guard hold(mutex_);
  auto found = kept_.find(id, clock::now());
  if (!found)
    return error{error_code::no_such_process, std::string(recording), "it is not here, or not any more",
                 fmt::format("bring it again: {} are kept, each for an hour after somebody has asked for it",
                             kept_replays::most)};
  return found;
}

void replays::forget_old() {
  const std::lock_guard hold(mutex_);
  kept_.forget_old(clock::now());
}

}  // namespace tasks::cli
