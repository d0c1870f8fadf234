#include "server/socket_directory.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "server/stale_names.hpp"
#include "socket_names.hpp"

namespace tasks::detail {
namespace {

using layout::agent_status;

constexpr int backlog = 256;

std::string directory_path() {
  if (const char* chosen = secure_getenv("TASKS_DIR"); chosen != nullptr && *chosen != 0) return chosen;
  if (const char* runtime = secure_getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime != 0)
    return std::string(runtime) + "/tasks";
  return "/tmp/tasks-" + std::to_string(geteuid());
}

/// Makes the directory if need be. `starting`: it is safe to use; else why not, with errno.
agent_status check_directory(const std::string& path) noexcept {
  errno = 0;
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return agent_status::no_directory;
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return agent_status::no_directory;
  errno = 0;
  if (S_ISLNK(info.st_mode)) return agent_status::unsafe_directory;
  if (!S_ISDIR(info.st_mode)) {
    errno = ENOTDIR;
    return agent_status::no_directory;
  }
  return info.st_uid == geteuid() && (info.st_mode & 0077) == 0 ? agent_status::starting
                                                                : agent_status::unsafe_directory;
}

struct named {
  agent_status status;
  std::string path;
};
/// Gives the listening socket at `unnamed` its name.
named give_name(const std::string& directory, const std::string& unnamed, std::uint64_t instance) {
  const auto plain = directory + "/" + text_of({getpid(), std::nullopt});
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (link(unnamed.c_str(), plain.c_str()) == 0) return {agent_status::starting, plain};
    if (errno != EEXIST) return {agent_status::no_socket, {}};
    const auto who = probe(plain);
    if (who == occupant::this_process) return {agent_status::served_elsewhere, {}};
    if (who == occupant::another) break;
    unlink(plain.c_str());
  }
  // A process of another pid namespace has the same number.
  auto longer = directory + "/" + text_of({getpid(), instance});
  if (link(unnamed.c_str(), longer.c_str()) == 0) return {agent_status::starting, std::move(longer)};
  return {agent_status::no_socket, {}};
}

}  // namespace

listener open_listener(std::uint64_t instance) {
  listener result{agent_status::starting, 0, {}, {}, 0, 0};
  const auto fail = [&result](agent_status why, int error) -> listener&& {
    result.status = why;
    result.error = error;
    result.socket.reset();
    return std::move(result);
  };
  const auto directory = directory_path();
  if (const auto s = check_directory(directory); s != agent_status::starting) return fail(s, errno);

  const auto unnamed = directory + "/" + text_of({getpid(), instance, true});
  sockaddr_un address;
  if (!fill(address, unnamed)) return fail(agent_status::no_socket, ENAMETOOLONG);
  result.socket = new_unix_socket();
  // Linux gives the name the mode of the socket: it is never open to others, whatever the umask.
  if (!result.socket || fchmod(result.socket.get(), 0600) != 0 ||
      bind(result.socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(agent_status::no_socket, errno);
  struct stat info {};
  if (chmod(unnamed.c_str(), 0600) != 0 || lstat(unnamed.c_str(), &info) != 0 ||
      listen(result.socket.get(), backlog) != 0) {
    const int error = errno;
    unlink(unnamed.c_str());
    return fail(agent_status::no_socket, error);
  }
  auto name = give_name(directory, unnamed, instance);
  const int error = errno;
  unlink(unnamed.c_str());
  if (name.status != agent_status::starting)
    return fail(name.status, name.status == agent_status::no_socket ? error : 0);
  result.path = std::move(name.path);
  result.device = info.st_dev;
  result.file = info.st_ino;
  return result;
}

void remove_name(const listener& open) noexcept {
  struct stat info {};
  if (lstat(open.path.c_str(), &info) == 0 && info.st_dev == open.device && info.st_ino == open.file)
    unlink(open.path.c_str());
}

}  // namespace tasks::detail
