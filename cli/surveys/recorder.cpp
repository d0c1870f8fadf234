#include "surveys/recorder.hpp"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "linux/descriptors.hpp"
#include "linux/proc.hpp"
#include "proof/frame_bytes.hpp"
#include "proof/wait_graph.hpp"
#include "sources/recorded_ages.hpp"
#include "surveys/channels.hpp"
#include "surveys/deaths.hpp"
#include "surveys/look.hpp"
#include "surveys/recorded_facts.hpp"
#include "surveys/recorded_memory.hpp"
#include "surveys/recorded_operations.hpp"
#include "surveys/resolver.hpp"
#include "surveys/running_stacks.hpp"
#include "surveys/threads.hpp"
#include "surveys/vitals.hpp"
#include "task_copy.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

/// Tasks of a snapshot that tell by how much ages have grown until the next one.
constexpr std::size_t most_samples = 1024;
/// Of one process.
constexpr std::size_t most_locations = 1'000'000;
/// Of more nobody asks how much memory their frames hold.
constexpr std::size_t most_measured = 100'000;

std::int64_t wall_clock_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

bool make_utf8(std::string& text) {
  const auto before = text;
  detail::make_utf8(text);
  return text != before;
}

/// What protobuf refuses otherwise: names of files, functions and peers may be any bytes.
void make_texts_utf8(google::protobuf::Message& message) {
  using field = google::protobuf::FieldDescriptor;
  const auto& reflection = *message.GetReflection();
  std::vector<const field*> present;
  reflection.ListFields(message, &present);
  for (const auto* each : present) {
    if (each->cpp_type() == field::CPPTYPE_STRING && each->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, each); ++i) {
        auto text = reflection.GetRepeatedString(message, each, i);
        if (make_utf8(text)) reflection.SetRepeatedString(&message, each, i, std::move(text));
      }
    } else if (each->cpp_type() == field::CPPTYPE_STRING) {
      auto text = reflection.GetString(message, each);
      if (make_utf8(text)) reflection.SetString(&message, each, std::move(text));
    } else if (each->cpp_type() == field::CPPTYPE_MESSAGE && each->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, each); ++i)
        make_texts_utf8(*reflection.MutableRepeatedMessage(&message, each, i));
    } else if (each->cpp_type() == field::CPPTYPE_MESSAGE) {
      make_texts_utf8(*reflection.MutableMessage(&message, each));
    }
  }
}

/// With its length in front. Equal messages have equal bytes, whatever the order in which their labels were set.
void append_part(const v1::RecordedPart& part, std::string& to) {
  google::protobuf::io::StringOutputStream stream(&to);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  out.WriteVarint32(static_cast<std::uint32_t>(part.ByteSizeLong()));
  part.SerializeWithCachedSizes(&out);
}

void set_host(v1::RecordedFacts& to) {
  const auto machine = this_machine();
  to.set_host(machine.host);
  to.set_system(machine.system);
}

/// What /proc tells of a process that lives; of others its pid alone.
void identify(const snapshot_source& source, const v1::Vitals& vitals, v1::SnapshotHead& head, v1::RecordedFacts& to) {
  const auto pid = source.pid();
  head.set_taken_at_ns(wall_clock_ns());
  head.set_pid(static_cast<std::uint32_t>(pid));
  to.set_taken_at_ns(head.taken_at_ns());
  set_host(to);
  auto& process = *to.mutable_process();
  process.set_pid(head.pid());
  process.set_agent(v1::ProcessView::ANSWERED);
  process.set_tasks(vitals.tasks());
  process.set_blocked(vitals.blocked());
  process.set_os_threads(vitals.os_threads());
  process.set_uptime_seconds(static_cast<double>(vitals.uptime_ms()) / 1000);
  if (source.from() == nullptr || !source.from()->is_alive()) return;
  process.set_executable(executable_of(pid));
  if (const auto stat = read_stat(pid)) {
    process.set_ppid(static_cast<std::uint32_t>(stat->ppid));
    process.set_name(stat->name);
    head.set_start_time(stat->start_time);
  }
  if (!process.executable().empty()) process.set_name(std::string(base_name(process.executable())));
  head.set_name(process.name());
  to.set_start_time(head.start_time());
  for (auto& word : command_line_of(pid)) to.add_command_line(std::move(word));
}

/// The number that most say.
template <class Number>
std::optional<Number> most_frequent(const std::map<Number, unsigned>& counts) {
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? std::nullopt : std::optional(most->first);
}

template <class Visit>
void for_each_wait(const v1::Task& task, Visit visit) {
  if (task.has_wait()) visit(task.wait());
  for (const auto& wait : task.also()) visit(wait);
}

/// 0, which stands for nothing, where there is no such location.
std::uint32_t number_in(const std::unordered_map<std::uint32_t, std::uint32_t>& numbers, std::uint32_t of) {
  const auto known = numbers.find(of);
  return known == numbers.end() ? 0 : known->second;
}

void renumber(v1::Failure& failure, const std::unordered_map<std::uint32_t, std::uint32_t>& numbers,
              const v1::RecordedFacts& bases) {
  failure.set_location(number_in(numbers, failure.location()));
  failure.set_spawn_path(number_in(numbers, failure.spawn_path()));
  failure.set_spawn_location(number_in(numbers, failure.spawn_location()));
  failure.set_spawn_outer_location(number_in(numbers, failure.spawn_outer_location()));
  failure.set_age_ms(age_and_time(failure.age_ms(), bases));
}

/// What one snapshot tells beside its tasks, in the order in which it is found out.
class fact_finder {
 public:
  fact_finder(snapshot_source& source, const recorded_looks& looks, v1::RecordedFacts& to)
      : source_(source), looks_(looks), to_(to) {}

  void find_moving() {
    const auto due = looks_.due ? *looks_.due : look_for_due(source_, true);
    for (const auto& each : due.due) *to_.add_due() = to_message(each);
    for (const auto thread : std::set(due.left.begin(), due.left.end())) to_.add_left(thread);
    to_.set_nobody_runs(due.nobody_runs);
    const auto idle = look_for_idle(source_);
    for (const auto& each : idle.contexts) *to_.add_idle() = to_message(each);
    to_.set_idle_others(static_cast<std::uint32_t>(idle.others));
    busy_ = looks_.busy ? *looks_.busy : look_for_busy(source_);
    for (const auto& each : busy_) *to_.add_busy() = to_message(each);
    find_threads();
  }

  void find_state() {
    to_.set_has_hook(!is_without_hook(source_));
    to_.set_crowd(is_crowd(source_));
    if (const auto stop = look_for_stop(source_)) *to_.mutable_stop() = to_message(*stop);
    if (const auto death = survey_death(source_)) *to_.mutable_death() = to_message(*death);
    if (looks_.stopped_ms) to_.set_stopped_ms(*looks_.stopped_ms);
    to_.set_doubt(looks_.doubt);
  }

  /// `ids`: of all tasks.
  void find_in_memory(std::vector<std::uint64_t> ids) {
    if (looks_.operations && source_.from() != nullptr) find_operations();
    if (looks_.memory && source_.from() != nullptr) find_memory(ids.size());
    if (!looks_.leaks || source_.from() == nullptr) return;
    const auto proof = looks_.proof ? *looks_.proof : look_for_proof(source_, proof_stop::when_needed);
    if (!proof) {
      *to_.mutable_no_proof() = to_message(proof.why());
      return;
    }
    *to_.mutable_proof() = to_message(*proof);
    if (const auto graph = look_at_waits(*source_.from(), proof_stop::when_needed))
      *to_.mutable_graph() = to_message(*graph);
    if (ids.size() <= most_measured) measure_frames(std::move(ids));
    find_callbacks();
  }

 private:
  void find_threads() {
    const auto survey = survey_threads(source_.from(), &source_, {.stacks = looks_.stacks, .busy = &busy_});
    if (!survey) return;
    auto& threads = *to_.mutable_threads() = to_message(*survey);
    threads.set_stacks(looks_.stacks);
    if (!looks_.stacks)
      threads.set_no_stacks(looks_.no_stacks.empty() ? "they were not recorded (--with threads)" : looks_.no_stacks);
    *to_.mutable_lookups() = to_message(survey->lookups);
  }

  void measure_frames(std::vector<std::uint64_t> ids) {
    std::sort(ids.begin(), ids.end());
    for (const auto& [task, bytes] : frame_bytes(*source_.from(), ids)) {
      auto& size = *to_.add_frame_bytes();
      size.set_task(task);
      size.set_bytes(bytes);
    }
  }

  void find_operations() {
    const auto found = survey_operations(*source_.from());
    if (found)
      *to_.mutable_operations() = to_message(*found);
    else
      *to_.mutable_no_operations() = to_message(found.why());
  }

  void find_memory(std::size_t tasks) {
    const auto found = look_at_memory(tasks);
    if (found)
      *to_.mutable_memory() = *found;
    else
      *to_.mutable_no_memory() = to_message(found.why());
  }

  [[nodiscard]] result<v1::RecordedMemory> look_at_memory(std::size_t tasks) {
    if (tasks > most_with_recorded_memory)
      return error{error_code::system, "",
                   fmt::format("memory is recorded of at most {} tasks, and there were {}",
                               in_thousands(most_with_recorded_memory), in_thousands(tasks)),
                   "tasks memory -p PID looks at any number"};
    if (looks_.memory_seen != nullptr) return record_memory(std::move(*looks_.memory_seen), source_);
    if (const auto may = refuse_asan(source_.from()->bytes(), ""); !may) return may.why();
    if (source_.from()->is_alive())
      return error{error_code::system, "",
                   "its memory was not copied" + (looks_.doubt.empty() ? "" : ": " + looks_.doubt), ""};
    auto moment = memory_moment_in(*source_.from());
    if (!moment) return moment.why();
    return record_memory(prove_memory(*moment, false), source_);
  }

  void find_callbacks() {
    vitals_survey counted;
    count_callbacks(source_, counted);
    if (!counted.callbacks) return;
    auto& callbacks = *to_.mutable_callbacks();
    for (const auto& [kind, count] : *counted.callbacks) {
      auto& one = *callbacks.add_counts();
      one.set_kind(kind);
      one.set_count(count);
    }
  }

  snapshot_source& source_;
  const recorded_looks& looks_;
  v1::RecordedFacts& to_;
  std::vector<busy_task> busy_;
};

}  // namespace

void recorder::learn(const v1::Chunk& chunk, numbers& renumbered) {
  for (const auto& location : chunk.locations()) {
    auto content = location;
    content.clear_id();
    make_texts_utf8(content);
    const auto next = static_cast<std::uint32_t>(locations_.locations_size() + 1);
    const auto [known, is_new] = numbers_.try_emplace(content.SerializeAsString(), next);
    if (is_new) {
      content.set_id(next);
      *locations_.add_locations() = std::move(content);
    }
    renumbered[location.id()] = known->second;
  }
}

void recorder::choose_bases(const v1::Chunk& chunk, v1::RecordedFacts& to) const {
  // More than any age, so that what is told in its place is never 0.
  constexpr std::uint64_t above_all_ages = std::uint64_t{1} << 42;
  std::map<std::uint64_t, unsigned> ages;
  std::map<std::int64_t, unsigned> expiries;
  for (const auto& task : chunk.tasks()) {
    const auto known = last_.find(task.id());
    if (known == last_.end() || known->second.version != task.version()) continue;
    if (task.age_ms() != 0 && known->second.time_ms != 0) ++ages[known->second.time_ms + task.age_ms()];
    if (known->second.expiry_ms && task.wait().has_expires_in_ms())
      ++expiries[*known->second.expiry_ms - task.wait().expires_in_ms()];
  }
  const auto now = above_all_ages + detail::monotonic_ms();
  to.set_age_base_ms(most_frequent(ages).value_or(now));
  to.set_expiry_base_ms(most_frequent(expiries).value_or(static_cast<std::int64_t>(now)));
}

void recorder::add_tasks(const v1::Chunk& chunk, const numbers& renumbered, taken& to) const {
  const auto number = [&](std::uint32_t of) { return number_in(renumbered, of); };
  v1::RecordedPart part;
  auto& tasks = *part.mutable_tasks()->mutable_tasks() = chunk.tasks();
  for (auto& task : tasks) {
    for (auto& frame : *task.mutable_frames()) frame = number(frame);
    task.set_spawn_path(number(task.spawn_path()));
    task.set_spawn_location(number(task.spawn_location()));
    task.set_spawn_outer_location(number(task.spawn_outer_location()));
    const auto& wait = task.wait();
    if (wait.kind() == v1::Wait::TIMER && !wait.never_expires() && !wait.has_expires_in_ms()) to.has_endless = true;
    for_each_wait(task, [&](const v1::Wait& each) {
      if (each.has_fd()) to.fds.insert(each.fd());
      to.waits_for_name |= each.kind() == v1::Wait::RESOLVE;
    });
    if (is_channel(wait.kind()))
      to.channels[wait.object()] = wait.has_capacity() ? std::optional(wait.capacity()) : std::nullopt;
    to.ids.push_back(task.id());
    task.set_age_ms(age_and_time(task.age_ms(), to.facts));
    convert_expiries(task, [&](std::int64_t ms) { return expiry_to_time(ms, to.facts); });
    if (to.samples.size() < most_samples && task.state() == v1::Task::BLOCKED)
      to.samples[task.id()] = {task.version(), task.age_ms(),
                               wait.has_expires_in_ms() ? std::optional(wait.expires_in_ms()) : std::nullopt};
  }
  to.count += static_cast<std::uint64_t>(tasks.size());
  append_part(part, to.tasks);
}

/// Of every address that a location names, once: opening debug information is what costs.
void recorder::name_code(snapshot_source& source, v1::RecordedFacts& to) {
  const auto name = [&](std::uint64_t address) {
    auto [known, is_new] = code_.try_emplace(address);
    if (is_new) {
      known->second.set_address(address);
      const auto functions = source.from() ? source.from()->names().resolve(address) : std::vector<code_location>();
      for (const auto& each : functions) {
        auto& function = *known->second.add_functions();
        function.set_function(each.function);
        function.set_file(each.file);
        function.set_line(each.line);
      }
    }
    *to.add_code() = known->second;
  };
  std::set<std::uint64_t> addresses;
  for (const auto& location : locations_.locations()) {
    if (location.address() != 0) addresses.insert(location.address());
    for (const auto call : location.calls()) addresses.insert(call - 1);
  }
  for (const auto address : addresses) name(address);
}

/// What tasks wait on, in more words than they have.
void recorder::find_objects(const snapshot_source& source, taken& of) {
  auto& facts = of.facts;
  facts.mutable_lookups()->set_of_tasks(of.waits_for_name);
  auto* from = source.from();
  if (from != nullptr && of.has_endless) {
    std::set<std::uint64_t> endless;
    for (const auto& [task, version] : find_endless_timers(*from)) endless.insert(task);
    for (const auto task : endless) facts.add_endless(task);
  }
  if (from != nullptr && from->is_alive()) {
    descriptor_table descriptors(source.pid());
    for (const auto fd : of.fds) *facts.add_descriptors() = to_message(fd, descriptors.at(fd));
  }
  for (const auto& [address, capacity] : of.channels) {
    auto& channel = *facts.add_channels();
    channel.set_address(address);
    const auto closed = from != nullptr ? read_closed(from->bytes(), address, capacity) : std::nullopt;
    if (closed) channel.set_closed(*closed);
  }
}

/// In the order that recording.proto tells.
std::string recorder::put_together(taken found, const v1::Vitals& vitals, const v1::Trailer& trailer) const {
  std::string parts;
  v1::RecordedPart part;
  *part.mutable_vitals() = vitals;
  append_part(part, parts);
  *part.mutable_named()->mutable_locations() = locations_.locations();
  *part.mutable_named()->mutable_failures() = std::move(*found.failures.mutable_failures());
  make_texts_utf8(*part.mutable_named());
  append_part(part, parts);
  *part.mutable_trailer() = trailer;
  append_part(part, parts);
  make_texts_utf8(found.facts);
  *part.mutable_facts() = std::move(found.facts);
  std::string all;
  append_part(part, all);
  return all + parts + found.tasks;
}

result<taken_snapshot> recorder::take(snapshot_source& source, const recorded_looks& looks) {
  // An agent that names ever new ones is none of ours.
  if (static_cast<std::size_t>(locations_.locations_size()) > most_locations) *this = recorder();
  taken found;
  numbers of_vitals, of_tasks;
  const auto vitals = source.vitals(false, [&](const v1::Chunk& chunk) {
    learn(chunk, of_vitals);
    found.failures.mutable_failures()->MergeFrom(chunk.failures());
    return true;
  });
  if (!vitals) return vitals.why();
  const auto trailer = source.stacks({}, [&](const v1::Chunk& chunk) {
    learn(chunk, of_tasks);
    if (chunk.tasks().empty()) return true;
    if (!std::exchange(found.has_bases, true)) choose_bases(chunk, found.facts);
    add_tasks(chunk, of_tasks, found);
    return true;
  });
  if (!trailer) return trailer.why();
  if (!found.has_bases) choose_bases({}, found.facts);
  for (auto& failure : *found.failures.mutable_failures()) renumber(failure, of_vitals, found.facts);
  last_ = std::move(found.samples);

  taken_snapshot made;
  identify(source, *vitals, made.head, found.facts);
  made.head.set_tasks(found.count);
  made.head.set_core(looks.core);
  found.facts.set_core(looks.core);
  fact_finder finder(source, looks, found.facts);
  finder.find_moving();
  finder.find_state();
  finder.find_in_memory(std::move(found.ids));
  find_objects(source, found);
  name_code(source, found.facts);
  made.parts = put_together(std::move(found), *vitals, *trailer);
  return made;
}

}  // namespace tasks::cli
