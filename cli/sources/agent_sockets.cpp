#include "sources/agent_sockets.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "linux/fields.hpp"
#include "linux/proc.hpp"
#include "socket_names.hpp"

namespace tasks::cli {

std::vector<listening_socket> listening_sockets(pid_t pid) {
  const auto path = pid ? fmt::format("/proc/{}/net/unix", pid) : std::string("/proc/net/unix");
  const auto text = read_file(path.c_str());
  std::vector<listening_socket> sockets;
  if (!text) return sockets;
  // Num RefCount Protocol Flags Type St Inode Path; bit 16 of Flags: listens.
  each_line(*text, [&](std::string_view line) {
    const auto slash = line.find('/');
    if (slash == line.npos) return;
    const auto socket_path = line.substr(slash);
    for (int i = 0; i < 3; ++i) next_field(line);
    std::uint64_t flags = 0, inode = 0;
    if (!parse_number(next_field(line), flags, 16) || !(flags & 0x10000)) return;
    for (int i = 0; i < 2; ++i) next_field(line);
    if (parse_number(next_field(line), inode)) sockets.push_back({std::string(socket_path), inode});
  });
  return sockets;
}

std::optional<agent_name> agent_named_by(std::string_view socket_path) {
  const auto name = base_name(socket_path);
  if (name.size() + 1 >= socket_path.size()) return std::nullopt;
  const auto folder = socket_path.substr(0, socket_path.size() - name.size() - 1);
  if (const auto directory = base_name(folder); directory != "tasks") {
    unsigned uid = 0;
    if (!directory.starts_with("tasks-") || !parse_number(directory.substr(6), uid)) return std::nullopt;
  }
  auto said = detail::parse_socket_name(name);
  if (!said) return std::nullopt;
  agent_name found{said->pid, {}};
  if (!said->as_bound) {
    found.paths.emplace_back(socket_path);
    return found;
  }
  said->as_bound = false;
  found.paths.push_back(fmt::format("{}/{}", folder, detail::text_of(*said)));
  said->instance.reset();
  found.paths.push_back(fmt::format("{}/{}", folder, detail::text_of(*said)));
  return found;
}

}  // namespace tasks::cli
