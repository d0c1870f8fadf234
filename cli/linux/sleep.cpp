#include "linux/sleep.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "linux/fields.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {

std::uint64_t read_slices(pid_t pid, pid_t tid) {
  const auto text = read_file(fmt::format("/proc/{}/task/{}/schedstat", pid, tid).c_str());
  auto rest = text ? std::string_view(*text).substr(0, text->find('\n')) : std::string_view();
  std::uint64_t value = 0;
  next_field(rest);
  next_field(rest);
  return parse_number(next_field(rest), value) ? value : 0;
}

std::optional<sleeping_thread> read_sleep(pid_t pid, pid_t tid) {
  sleeping_thread found;
  found.slices = read_slices(pid, tid);
  const auto text = read_file(fmt::format("/proc/{}/task/{}/syscall", pid, tid).c_str());
  if (!text || found.slices == 0) return std::nullopt;
  auto rest = std::string_view(*text).substr(0, text->find('\n'));
  std::vector<std::string_view> fields;
  for (auto field = next_field(rest); !field.empty(); field = next_field(rest)) fields.push_back(field);
  const auto parse_address = [](std::string_view field, std::uint64_t& to) {
    return field.starts_with("0x") && parse_number(field.substr(2), to, 16);
  };
  // "running" is one field.
  if (fields.size() < 3 || !parse_number(fields.front(), found.call) ||
      !parse_address(fields[fields.size() - 2], found.stack_pointer) ||
      !parse_address(fields.back(), found.instruction_pointer))
    return std::nullopt;
  // In no call the stack pointer comes next.
  for (std::size_t i = 0; found.call >= 0 && i < found.arguments.size(); ++i)
    if (i + 1 >= fields.size() || !parse_address(fields[i + 1], found.arguments[i])) return std::nullopt;
  return found;
}

}  // namespace tasks::cli
