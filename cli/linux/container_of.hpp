#pragma once

/// Which container a process is in, by what the kernel says of its control groups: nobody is asked, and no runtime
/// needs to be there.
///
///   /proc/PID/cgroup   0::/kubepods.slice/…-pod8d3f_….slice/cri-containerd-3f2a….scope ──> containerd, 3f2a…, pod
///   8d3f-…

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace tasks::cli {

struct container {
  std::string runtime;  ///< "docker", "podman", "containerd", "cri-o", "lxc", "systemd-nspawn"; empty: not known
  std::string id;       ///< 64 hexadecimal digits; of lxc and systemd-nspawn its name; empty: only its pod is known
  std::string pod;      ///< UID of the Kubernetes pod, with hyphens; empty: none
  bool operator==(const container&) const = default;
};

/// Of the text of a /proc/PID/cgroup (cgroups(7)), version 1 or 2. Of containers within one another the innermost.
/// Nothing: it is in none, or is its runtime's own process, or the reader is in the same one, whose control groups a
/// cgroup namespace calls "/".
[[nodiscard]] std::optional<container> container_in(std::string_view cgroups);
[[nodiscard]] std::optional<container> container_of(pid_t pid);

/// What a user may call it: its id, or the first digits of that, twelve or more. With the scheme that Kubernetes puts
/// before it ("containerd://3f2a…"), too.
[[nodiscard]] bool is_called(const container& its, std::string_view word);
/// Could this be what is_called() takes for the id of some container, rather than a name? "3f2a1b4c5d6e".
[[nodiscard]] bool is_container_id(std::string_view word);

/// The first twelve digits of an id, as runtimes print it; names whole.
[[nodiscard]] std::string short_id(const container& its);

}  // namespace tasks::cli
