#include <algorithm>

#include "server/message_reader.hpp"
#include "server/wire.hpp"

namespace tasks::wire {
namespace {

// Each says whether the message was one.

bool decode_vitals(std::string_view text, request& to) {
  to = {.ask = request::kind::vitals, .protocol = to.protocol, .filter = {}, .texts = {}};
  message_reader from(text);
  while (from.next()) {
    if (from.is_number(1)) to.counts_only = from.number() != 0;
    if (from.is_number(2)) to.without_process = from.number() != 0;
  }
  return !from.is_malformed();
}

bool decode_label(std::string_view text, detail::text_filter::label& to) {
  message_reader from(text);
  while (from.next()) {
    if (from.is_bytes(1)) to.key = from.bytes();
    if (from.is_bytes(2)) to.value = from.bytes();
  }
  return !from.is_malformed();
}

/// Whoever asks for more than a task can have tells them apart itself.
template <class Text>
void forget_too_many(std::vector<Text>& asked) {
  if (asked.size() > detail::text_filter::most) asked.clear();
}

/// Reads a field of numbers, packed or not. False: it is another one.
template <class Each>
bool read_numbers(message_reader& from, std::uint32_t field, Each each) {
  if (!from.is_number(field) && !from.is_bytes(field)) return false;
  from.each_number(each);
  return true;
}

void decode_filter(message_reader& from, detail::task_filter& filter) {
  // A value that this version does not know matches no task, and must not mean "any" either: bit 0 stands for it.
  read_numbers(from, 2, [&](std::uint64_t id) { filter.ids.push_back(id); });
  read_numbers(from, 3, [&](std::uint64_t n) { filter.states |= n < 32 ? 1u << n : 1u; });
  read_numbers(from, 4, [&](std::uint64_t n) { filter.kinds |= std::uint64_t{1} << (n < 64 ? n : 0); });
  if (from.is_number(5)) filter.older_than_ms = from.number();
  read_numbers(from, 10, [&](std::uint64_t tid) { filter.threads.push_back(static_cast<std::uint32_t>(tid)); });
  read_numbers(from, 11, [&](std::uint64_t fd) { filter.fds.push_back(static_cast<std::uint32_t>(fd)); });
}

bool decode_stacks(std::string_view text, request& to) {
  to = {.ask = request::kind::stacks, .protocol = to.protocol, .filter = {}, .texts = {}};
  auto& filter = to.filter;
  message_reader from(text);
  while (from.next()) {
    decode_filter(from, filter);
    if (from.is_number(1)) to.grouped = from.number() != 0;
    if (from.is_number(6)) to.limit = from.number();
    if (from.is_number(7)) to.timing = from.number() != 0;
    if (from.is_number(8)) to.without_spawn_sites = from.number() != 0;
    if (from.is_bytes(12) && !decode_label(from.bytes(), to.texts.labels.emplace_back())) return false;
    if (from.is_bytes(13)) to.texts.name_parts.emplace_back(from.bytes());
  }
  std::sort(filter.ids.begin(), filter.ids.end());
  std::sort(filter.threads.begin(), filter.threads.end());
  std::sort(filter.fds.begin(), filter.fds.end());
  forget_too_many(to.texts.labels);
  forget_too_many(to.texts.name_parts);
  return !from.is_malformed();
}

bool decode_timing(std::string_view text, request& to) {
  to = {.ask = request::kind::timing, .protocol = to.protocol, .filter = {}, .texts = {}};
  message_reader from(text);
  while (from.next())
    if (from.is_number(1)) to.lease_ms = static_cast<std::uint32_t>(from.number());
  return !from.is_malformed();
}

}  // namespace

std::optional<request> decode_request(std::string_view text) {
  request result;
  message_reader from(text);
  while (from.next()) {
    if (from.is_number(1)) result.protocol = static_cast<std::uint32_t>(from.number());
    const bool good = from.is_bytes(2)   ? decode_vitals(from.bytes(), result)
                      : from.is_bytes(3) ? decode_stacks(from.bytes(), result)
                      : from.is_bytes(4) ? decode_timing(from.bytes(), result)
                                         : true;
    if (!good) return std::nullopt;
  }
  if (from.is_malformed()) return std::nullopt;
  return result;
}

}  // namespace tasks::wire
