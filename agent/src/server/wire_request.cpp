#include <algorithm>

#include "server/own_protozero.hpp"
#include "server/wire.hpp"

namespace tasks::wire {
namespace {

using protozero::pbf_wire_type;
using protozero::tag_and_type;

// A known field of another type than ours is skipped like an unknown one, as libprotobuf does.
constexpr auto number(std::uint32_t field) { return tag_and_type(field, pbf_wire_type::varint); }
constexpr auto bytes(std::uint32_t field) { return tag_and_type(field, pbf_wire_type::length_delimited); }

template <class Each>
void each_packed(protozero::pbf_reader& from, Each each) {
  for (const auto value : from.get_packed_uint64()) each(value);
}

void decode_vitals(protozero::pbf_reader from, request& to) {
  to = {.ask = request::kind::vitals, .protocol = to.protocol, .filter = {}, .texts = {}};
  while (from.next()) {
    if (from.tag_and_type() == number(1))
      to.counts_only = from.get_bool();
    else if (from.tag_and_type() == number(2))
      to.without_process = from.get_bool();
    else
      from.skip();
  }
}

detail::text_filter::label decode_label(protozero::pbf_reader from) {
  detail::text_filter::label to;
  while (from.next()) {
    if (from.tag_and_type() == bytes(1))
      to.key = from.get_string();
    else if (from.tag_and_type() == bytes(2))
      to.value = from.get_string();
    else
      from.skip();
  }
  return to;
}

/// Whoever asks for more than a task can have tells them apart itself.
template <class Text>
void forget_too_many(std::vector<Text>& asked) {
  if (asked.size() > detail::text_filter::most) asked.clear();
}

void decode_stacks(protozero::pbf_reader from, request& to) {
  to = {.ask = request::kind::stacks, .protocol = to.protocol, .filter = {}, .texts = {}};
  auto& filter = to.filter;
  const auto add_id = [&](std::uint64_t id) { filter.ids.push_back(id); };
  // A value that this version does not know matches no task, and must not mean "any" either: bit 0 stands for it.
  const auto add_state = [&](std::uint64_t n) { filter.states |= n < 32 ? 1u << n : 1u; };
  const auto add_kind = [&](std::uint64_t n) { filter.kinds |= std::uint64_t{1} << (n < 64 ? n : 0); };
  const auto add_thread = [&](std::uint64_t tid) { filter.threads.push_back(static_cast<std::uint32_t>(tid)); };
  const auto add_fd = [&](std::uint64_t fd) { filter.fds.push_back(static_cast<std::uint32_t>(fd)); };
  while (from.next()) {
    switch (from.tag_and_type()) {
      case number(1):
        to.grouped = from.get_bool();
        break;
      case number(2):
        add_id(from.get_uint64());
        break;
      case bytes(2):
        each_packed(from, add_id);
        break;
      case number(3):
        add_state(from.get_uint64());
        break;
      case bytes(3):
        each_packed(from, add_state);
        break;
      case number(4):
        add_kind(from.get_uint64());
        break;
      case bytes(4):
        each_packed(from, add_kind);
        break;
      case number(5):
        filter.older_than_ms = from.get_uint64();
        break;
      case number(6):
        to.limit = from.get_uint64();
        break;
      case number(7):
        to.timing = from.get_bool();
        break;
      case number(8):
        to.without_spawn_sites = from.get_bool();
        break;
      case number(10):
        add_thread(from.get_uint64());
        break;
      case bytes(10):
        each_packed(from, add_thread);
        break;
      case number(11):
        add_fd(from.get_uint64());
        break;
      case bytes(11):
        each_packed(from, add_fd);
        break;
      case bytes(12):
        to.texts.labels.push_back(decode_label(from.get_message()));
        break;
      case bytes(13):
        to.texts.name_parts.push_back(from.get_string());
        break;
      default:
        from.skip();
    }
  }
  std::sort(filter.ids.begin(), filter.ids.end());
  std::sort(filter.threads.begin(), filter.threads.end());
  std::sort(filter.fds.begin(), filter.fds.end());
  forget_too_many(to.texts.labels);
  forget_too_many(to.texts.name_parts);
}

void decode_timing(protozero::pbf_reader from, request& to) {
  to = {.ask = request::kind::timing, .protocol = to.protocol, .filter = {}, .texts = {}};
  while (from.next()) {
    if (from.tag_and_type() == number(1))
      to.lease_ms = from.get_uint32();
    else
      from.skip();
  }
}

}  // namespace

std::optional<request> decode_request(std::string_view text) {
  request result;
  try {
    protozero::pbf_reader from{text.data(), text.size()};
    while (from.next()) {
      switch (from.tag_and_type()) {
        case number(1):
          result.protocol = from.get_uint32();
          break;
        case bytes(2):
          decode_vitals(from.get_message(), result);
          break;
        case bytes(3):
          decode_stacks(from.get_message(), result);
          break;
        case bytes(4):
          decode_timing(from.get_message(), result);
          break;
        default:
          from.skip();
      }
    }
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
  return result;
}

}  // namespace tasks::wire
