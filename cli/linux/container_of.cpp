#include "linux/container_of.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t whole_id = 64, shortest_id = 12;

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == text.npos; }
bool is_whole_id(std::string_view text) { return text.size() == whole_id && is_hex(text); }

bool drop_begin(std::string_view& text, std::string_view begin) {
  if (!text.starts_with(begin)) return false;
  text.remove_prefix(begin.size());
  return true;
}

void drop_end(std::string_view& text, std::string_view end) {
  if (text.ends_with(end)) text.remove_suffix(end.size());
}

/// As systemd escapes names of units: "\x2d" is a hyphen (systemd.unit(5)).
std::string unescaped(std::string_view name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto digits = name.substr(i, 4);
    unsigned value = 0;
    if (digits.size() == 4 && digits.starts_with("\\x") && is_hex(digits.substr(2))) {
      for (const char c : digits.substr(2))
        value = value * 16 + static_cast<unsigned>(c >= 'a' ? c - 'a' + 10 : c - '0');
      i += 3;
    }
    text += value != 0 ? static_cast<char>(value) : name[i];
  }
  return text;
}

/// "8d3f1c2a-…" of "kubepods-burstable-pod8d3f1c2a_….slice" (the systemd driver of cgroups) or "pod8d3f1c2a-…"
/// (cgroupfs); empty: it is no pod's. Static pods have UIDs of 32 digits without hyphens.
std::string pod_in(std::string_view part) {
  drop_end(part, ".slice");
  const auto at = part.rfind("pod");
  if (at == part.npos) return {};
  const bool is_slice = at != 0 && part[at - 1] == '-' && part.find("kubepods") != part.npos;
  if (at != 0 && !is_slice) return {};
  std::string uid(part.substr(at + 3));
  std::replace(uid.begin(), uid.end(), '_', '-');
  constexpr std::size_t uuid = 36, digits = 32;
  const bool is_one =
      (uid.size() == uuid || uid.size() == digits) && uid.find_first_not_of("0123456789abcdef-") == uid.npos;
  return is_one ? uid : std::string();
}

struct scope_prefix {
  std::string_view begin, runtime;
};
/// Of scopes, as "docker-ID.scope"; libpod-payload is what crun makes of a split one.
constexpr std::array<scope_prefix, 9> prefixes = {{{"docker-", "docker"},
                                                   {"libpod-payload-", "podman"},
                                                   {"libpod-", "podman"},
                                                   {"cri-containerd-", "containerd"},
                                                   {"cri-containerd:", "containerd"},
                                                   {"containerd-", "containerd"},
                                                   {"nerdctl-", "containerd"},
                                                   {"crio-", "cri-o"},
                                                   {"", ""}}};

/// A container by one part of a path, or nothing; `before`: the part that stands before it.
std::optional<container> container_at(std::string_view part, std::string_view before) {
  // "kubepods-…-podUID.slice:cri-containerd:ID", of a runc that was not told of systemd.
  if (const auto at = part.find(":cri-containerd:"); at != part.npos) part.remove_prefix(at + 1);
  auto name = part;
  drop_end(name, ".scope");
  for (const auto& each : prefixes) {
    auto id = name;
    if (!drop_begin(id, each.begin) || !is_whole_id(id)) continue;
    auto runtime = each.runtime;
    if (runtime.empty() && before == "docker") runtime = "docker";
    return container{std::string(runtime), std::string(id), {}};
  }
  name = part;
  if (drop_begin(name, "lxc.payload.") || before == "lxc" || before == "lxc.payload") {
    if (!name.empty()) return container{"lxc", std::string(name), {}};
  }
  name = part;
  if (drop_begin(name, "systemd-nspawn@")) {
    drop_end(name, ".service");
    return container{"systemd-nspawn", unescaped(name), {}};
  }
  if (name.ends_with(".scope") && drop_begin(name, "machine-")) {
    drop_end(name, ".scope");
    const auto machine = unescaped(name);
    // libvirt's names say what they are of; a virtual machine is no container.
    if (!machine.starts_with("qemu-") && !machine.starts_with("lxc-")) return container{"systemd-nspawn", machine, {}};
  }
  return std::nullopt;
}

std::optional<container> container_at_path(std::string_view path) {
  std::optional<container> found;
  std::string pod;
  std::string_view before;
  while (!path.empty()) {
    const auto end = static_cast<std::size_t>(std::find(path.begin(), path.end(), '/') - path.begin());
    const auto part = path.substr(0, end);
    if (auto uid = pod_in(part.substr(0, part.find(':'))); !uid.empty()) pod = std::move(uid);
    if (auto its = container_at(part, before)) {
      found = std::move(its);
      found->pod = pod;
    }
    before = part;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  if (!found && !pod.empty()) found = container{"", "", pod};
  return found;
}

std::string_view without_scheme(std::string_view word) {
  const auto scheme = word.find("://");
  return scheme == word.npos ? word : word.substr(scheme + 3);
}

}  // namespace

std::optional<container> container_in(std::string_view cgroups) {
  std::optional<container> found;
  while (!cgroups.empty()) {
    const auto end = std::min(cgroups.find('\n'), cgroups.size());
    const auto line = cgroups.substr(0, end);
    cgroups.remove_prefix(std::min(end + 1, cgroups.size()));
    const auto controllers = line.find(':');
    const auto path = line.find(':', controllers + 1);
    if (controllers == line.npos || path == line.npos) continue;
    // Of several hierarchies one may know less: that which says most counts.
    auto its = container_at_path(line.substr(path + 1));
    const auto weight = [](const std::optional<container>& of) {
      return of ? 1 + 4 * !of->id.empty() + 2 * !of->runtime.empty() + !of->pod.empty() : 0;
    };
    if (weight(its) > weight(found)) found = std::move(its);
  }
  return found;
}

std::optional<container> container_of(pid_t pid) {
  const auto cgroups = read_file(fmt::format("/proc/{}/cgroup", pid).c_str());
  return cgroups ? container_in(*cgroups) : std::nullopt;
}

bool is_container_id(std::string_view word) {
  word = without_scheme(word);
  return word.size() >= shortest_id && word.size() <= whole_id && is_hex(word);
}

bool is_called(const container& its, std::string_view word) {
  word = without_scheme(word);
  if (its.id.empty() || word.empty()) return false;
  return its.id == word || (is_container_id(word) && is_whole_id(its.id) && its.id.starts_with(word));
}

std::string short_id(const container& its) { return is_whole_id(its.id) ? its.id.substr(0, shortest_id) : its.id; }

}  // namespace tasks::cli
