#include "server/stale_names.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "socket_names.hpp"

namespace tasks::detail {
namespace {

/// What getdents64(2) fills in.
struct directory_entry {
  std::uint64_t file;
  std::int64_t next;
  unsigned short size;
  unsigned char type;
  char name[1];  // as many as there are, zero-terminated
};

void remove_if_stale(const std::string& directory, const char* name) {
  const auto said = parse_socket_name(name);
  // The process is asked for before its socket: a live agent need not answer each newcomer.
  if (!said || kill(said->pid, 0) == 0 || errno != ESRCH) return;
  const auto path = directory + name;
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) && probe(path) == occupant::dead) unlink(path.c_str());
}

}  // namespace

descriptor new_unix_socket() noexcept {
  return descriptor{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

bool fill(sockaddr_un& address, const std::string& path) noexcept {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  return true;
}

occupant probe(const std::string& path) noexcept {
  sockaddr_un address;
  const auto s = new_unix_socket();
  if (!s || !fill(address, path)) return occupant::another;
  if (calls::connect(s.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno == ECONNREFUSED || errno == ENOENT ? occupant::dead : occupant::another;
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(s.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return occupant::another;
  return who.pid == getpid() ? occupant::this_process : occupant::another;
}

// Not opendir(3), which allocates by malloc.
void remove_stale_names(const std::string& path) {
  const auto directory = path.substr(0, path.rfind('/') + 1);
  const descriptor names{calls::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!names) return;
  alignas(directory_entry) char some[2048];
  for (;;) {
    const auto got = syscall(SYS_getdents64, names.get(), some, sizeof some);
    if (got <= 0) return;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const directory_entry*>(some + at);
      remove_if_stale(directory, reinterpret_cast<const char*>(entry) + offsetof(directory_entry, name));
      at += entry->size;
    }
  }
}

}  // namespace tasks::detail
