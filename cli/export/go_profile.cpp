#include "export/go_profile.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "type_names.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t most_places = 1000;
constexpr std::size_t longest_name = std::size_t{16} * 1024;
constexpr std::uint64_t line_bits = 20;
constexpr std::uint64_t lines = (std::uint64_t{1} << line_bits) - 1;

struct place_address {
  std::uint64_t entry, offset;
  [[nodiscard]] std::uint64_t pc() const noexcept { return entry + offset; }
};

/// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv
place_address address_of(const profiled_place& place) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash = hash * 0x100000001b3;  // as of a zero between them
  };
  add(place.function);
  add(place.file);
  // Never 0, and no number that somebody takes for a negative one.
  const auto entry = ((hash >> 1) & ~lines) | (std::uint64_t{1} << line_bits);
  return {entry, std::min<std::uint64_t>(place.line, lines)};
}

std::string one_line(std::string_view foreign) {
  auto text = clean(foreign.substr(0, longest_name));
  detail::make_utf8(text);
  return text;
}

std::string file_and_line(const profiled_place& place) {
  return place.file.empty() ? "??:0" : fmt::format("{}:{}", one_line(place.file), place.line);
}

/// The innermost and the outermost ones.
template <class Each>
void each_place(const std::vector<std::uint32_t>& places, Each each) {
  constexpr auto half = most_places / 2;
  for (std::size_t i = 0; i < places.size(); ++i)
    if (i < half || places.size() - i <= half) each(places[i]);
}

/// # labels: {"state":"blocked", "wait":"channel receive"}
void write_labels(fmt::memory_buffer& out, const profile_labels& labels) {
  if (labels.empty()) return;
  append(out, "# labels: {");
  bool first = true;
  for (const auto& [key, value] : labels) {
    if (!std::exchange(first, false)) append(out, ", ");
    json_writer(out).string(one_line(key));
    append(out, ":");
    json_writer(out).string(one_line(value));
  }
  append(out, "}\n");
}

bool is_of_descriptor(v1::Wait::Kind kind) {
  switch (kind) {
    case v1::Wait::SOCKET_CONNECT:
    case v1::Wait::SOCKET_ACCEPT:
    case v1::Wait::SOCKET_READ:
    case v1::Wait::SOCKET_WRITE:
    case v1::Wait::SOCKET_WAIT:
    case v1::Wait::DESCRIPTOR_READ:
    case v1::Wait::DESCRIPTOR_WRITE:
    case v1::Wait::DESCRIPTOR_WAIT:
      return true;
    default:
      return false;
  }
}

void write_place(fmt::memory_buffer& out, const profiled_place& place) {
  fmt::format_to(std::back_inserter(out), "\t{} +0x{:x}\n", file_and_line(place), address_of(place).offset);
}

}  // namespace

std::string goroutine_state(const v1::Task& task, const resolved& meaning) {
  if (task.state() == v1::Task::RUNNING) return "running";
  if (task.state() == v1::Task::READY) return "runnable";
  if (task.also_size() != 0 || task.members() > 1) return "select";
  const auto kind = task.wait().kind();
  if (is_of_descriptor(kind)) return "IO wait";
  switch (kind) {
    case v1::Wait::CHANNEL_SEND:
      return "chan send";
    case v1::Wait::CHANNEL_RECEIVE:
      return "chan receive";
    case v1::Wait::TIMER:
      return "sleep";
    case v1::Wait::POST:
      return "runnable";
    case v1::Wait::OTHER:
    case v1::Wait::KIND_UNSPECIFIED:
      break;
    default:
      return std::string(kind_name(kind));
  }
  if (meaning.operation == nullptr) return "blocked";
  // A bracket or a comma would end it.
  auto words = one_line(*meaning.operation);
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c == '[' || c == ']' || c == ','; }, '_');
  return words;
}

void write_goroutine_counts(fmt::memory_buffer& out, const stack_profile& profile) {
  std::vector<const profiled_stack*> stacks;
  std::uint64_t total = 0;
  for (const auto& stack : profile.stacks()) {
    stacks.push_back(&stack);
    total += stack.count;
  }
  std::stable_sort(stacks.begin(), stacks.end(), [](const auto* a, const auto* b) { return a->count > b->count; });
  fmt::format_to(std::back_inserter(out), "tasks profile: total {}\n", total);
  for (const auto* stack : stacks) {
    if (stack->count == 0) continue;
    std::vector<const profiled_place*> places;
    each_place(stack->places, [&](std::uint32_t number) { places.push_back(&profile.places()[number]); });
    // Who reads it takes no stack without an address.
    static const profiled_place unknown{"<unknown>", "", 0};
    if (places.empty()) places.push_back(&unknown);
    fmt::format_to(std::back_inserter(out), "{} @", stack->count);
    for (const auto* place : places) fmt::format_to(std::back_inserter(out), " 0x{:x}", address_of(*place).pc());
    append(out, "\n");
    write_labels(out, stack->labels);
    for (const auto* place : places) {
      const auto at = address_of(*place);
      fmt::format_to(std::back_inserter(out), "#\t0x{:x}\t{}+0x{:x}\t{}\n", at.pc(), one_line(place->function),
                     at.offset, file_and_line(*place));
    }
    append(out, "\n");
  }
}

void write_goroutine(fmt::memory_buffer& out, const v1::Task& task, const resolved& meaning, stack_profile& stacks) {
  fmt::format_to(std::back_inserter(out), "goroutine {} [{}", task.id(), goroutine_state(task, meaning));
  constexpr std::uint64_t minute = 60'000;
  if (task.state() == v1::Task::BLOCKED && !task.age_unknown() && task.age_ms() >= minute)
    fmt::format_to(std::back_inserter(out), ", {} minutes", task.age_ms() / minute);
  append(out, "]:\n");
  auto places = stacks.stacks()[stacks.find(task, meaning)].places;
  const bool is_created = meaning.spawned_at != nullptr && !places.empty();
  if (is_created) places.pop_back();
  const auto name_of = [](const profiled_place& place) { return one_line(detail::bare_name(place.function)); };
  if (places.empty()) append(out, "\tgoroutine running on other thread; stack unavailable\n");
  std::size_t told = 0;
  each_place(places, [&](std::uint32_t number) {
    const auto& place = stacks.places()[number];
    if (places.size() > most_places && told == most_places / 2) append(out, "...additional frames elided...\n");
    ++told;
    append(out, name_of(place));
    append(out, "(...)\n");
    write_place(out, place);
  });
  if (is_created) {
    const profiled_place site{meaning.spawned_at->function, meaning.spawned_at->file, meaning.spawned_at->line};
    append(out, "created by " + name_of(site) + "\n");
    write_place(out, site);
  }
  append(out, "\n");
}

}  // namespace tasks::cli
