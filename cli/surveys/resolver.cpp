#include "surveys/resolver.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "library_names.hpp"
#include "surveys/recorded_facts.hpp"
#include "target/registry_reader.hpp"
#include "type_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace tasks::cli {
namespace {

using detail::bare_name;
using detail::lends_thread;
using detail::make_readable;

const frame& unknown_frame() {
  static const frame unknown = [] {
    frame f;
    f.text = "<unknown>\n";
    return f;
  }();
  return unknown;
}

std::string frame_text(const frame& f, bool foreign) {
  std::string text = foreign ? "<not instrumented>" : "";
  if (!f.function.empty()) text += (foreign ? " " : "") + f.function;
  if (text.empty()) text = "<unknown>";
  text += '\n';
  if (!f.file.empty()) text += fmt::format("\t{}:{}\n", path_from_here(f.file), f.line);
  return text;
}

/// Is it a function of Asio's, ours or the standard library's without its namespace? So clang's debug information of
/// lines alone (-g1) has what is inlined; such a one is known by its file.
bool is_inlined_plumbing(const code_location& at) {
  if (at.function.find_first_of(":(") != at.function.npos) return false;
  constexpr std::array<std::string_view, 7> folders = {
      "/tasks/detail/",         "/asio/impl/",  "/asio/detail/", "/asio/experimental/", "/asio/co_spawn.hpp",
      "/asio/async_result.hpp", "/include/c++/"};
  return std::any_of(folders.begin(), folders.end(), [&](auto each) { return at.file.find(each) != at.file.npos; });
}

}  // namespace

std::string kind_name(const v1::Wait& wait, const endpoint* fd) {
  std::string words(kind_name(wait.kind()));
  constexpr std::string_view general = "descriptor";
  if (fd == nullptr || !words.starts_with(general)) return words;
  if (fd->is == endpoint::kind::pipe) words.replace(0, general.size(), "pipe");
  if (fd->is == endpoint::kind::file) words.replace(0, general.size(), "file");
  return words;
}

bool is_body_of(const native_frame& native, const frame& f) {
  return native.is_coroutine && base_name(native.file) == base_name(f.file) &&
         bare_name(native.function) == bare_name(f.function);
}

expiry expiry_of(const v1::Wait& wait, const resolved& meaning) {
  if (wait.never_expires() || meaning.never_expires) return expiry::never;
  const bool of_kernel = meaning.clock == nullptr || meaning.clock->starts_with("std::chrono::");
  return wait.has_expires_in_ms() && of_kernel ? expiry::known : expiry::unknown;
}

/// The largest time that a clock can say is the largest number in all timers of Asio's, pos_infin in Boost's: see
/// proof/asio_timers. What is read belongs to the wait if that is the same before and after.
endless_timers find_endless_timers(const target& from) {
  endless_timers found;
  if (!from.roots()) return found;
  registry_reader registries(from.bytes(), *from.roots());
  detail::task_filter timers;
  timers.kinds = std::uint64_t{1} << static_cast<unsigned>(layout::wait_kind::timer);
  endless_timers seen;
  static_cast<void>(registries.walk(timers, 0, [&](const target_task& each) {
    if (layout::detail_of(each.wait) != layout::detail_kind::none || each.object == 0) return;
    if (from.bytes().get<std::int64_t>(each.object) == std::numeric_limits<std::int64_t>::max())
      seen[each.id] = each.version();
  }));
  if (seen.empty()) return found;
  static_cast<void>(registries.walk(timers, 0, [&](const target_task& each) {
    if (const auto before = seen.find(each.id); before != seen.end() && before->second == each.version())
      found.insert(*before);
  }));
  return found;
}

resolver::resolver(const snapshot_source& source, resolver_options options)
    : from_(source.from()),
      recorded_(source.recorded()),
      options_(options),
      descriptors_(from_ && from_->is_alive() ? source.pid() : 0) {
  if (recorded_ != nullptr) take_from_recording();
}

void resolver::take_from_recording() {
  for (const auto& code : recorded_->code()) recorded_code_.emplace(code.address(), &code);
  for (const auto& each : recorded_->descriptors()) descriptors_.know(each.fd(), from_message(each));
}

std::vector<code_location> resolver::functions_at(std::uint64_t address) const {
  if (from_) return from_->names().resolve(address);
  std::vector<code_location> functions;
  if (const auto known = recorded_code_.find(address); known != recorded_code_.end())
    for (const auto& each : known->second->functions())
      functions.push_back({each.function(), each.file(), each.line()});
  return functions;
}

/// That takes some 20 µs a name, and most are asked for again and again: at other lines, and at the next look.
const resolver::known_name& resolver::name_of(const std::string& raw) {
  // A target may think of new ones for ever.
  constexpr std::size_t most_names = 10'000;
  if (names_->size() >= most_names) names_->clear();
  const auto [known, is_new] = names_->try_emplace(raw);
  auto& its = known->second;
  if (!is_new) return its;
  its.readable = make_readable(raw);
  its.readable.text = clean(its.readable.text);
  if (!its.readable.plumbing) return its;
  its.stands_for = detail::read_library_frame(its.readable.text);
  its.bare = bare_name(its.readable.text);
  return its;
}

frame resolver::make_frame(const v1::Location& location) {
  if (!location.calls().empty()) return site_of(location);
  frame f;
  std::string raw = location.function();
  f.file = location.file();
  f.line = location.line();
  if (location.address() != 0) {
    f.from_address = true;
    if (auto found = functions_at(location.address()); !found.empty()) {
      // Inlined functions say nothing about a coroutine's entry: the outermost is its body.
      raw = std::move(found.back().function);
      f.file = std::move(found.back().file);
      f.line = found.back().line;
    }
  }
  f.id = location.id();
  f.file = clean(f.file);
  const auto& name = name_of(raw);
  f.plumbing = name.readable.plumbing;
  f.stands_for = name.stands_for;
  // Shown without being asked for only where a task has no other frames: who wants details says --all-frames.
  f.function = f.plumbing && !options_.all_frames ? name.bare : name.readable.text;
  f.text = frame_text(f, false);
  if (f.from_address) f.foreign_text = frame_text(f, true);
  return f;
}

void resolver::learn(const v1::Chunk& chunk) {
  for (const auto& location : chunk.locations()) {
    if (!locations_.contains(location.id())) locations_.emplace(location.id(), make_frame(location));
  }
}

void resolver::show_frames(const location_ids& ids, v1::Task::State state, resolved& to) {
  to.frames.clear();
  to.awaited_at = nullptr;
  to.operation = state == v1::Task::BLOCKED && !ids.empty() ? begun_by(ids[0]) : nullptr;
  to.clock = state == v1::Task::BLOCKED && !ids.empty() ? clock_of(ids[0]) : nullptr;
  to.never_expires = false;
  for (int i = 0; i < ids.size(); ++i) {
    const auto known = locations_.find(ids[i]);
    const frame& f = known == locations_.end() ? unknown_frame() : known->second;
    if (f.plumbing && !options_.all_frames) continue;
    to.frames.push_back({&f, f.from_address && (i != 0 || state == v1::Task::BLOCKED), static_cast<std::size_t>(i)});
  }
  to.is_operation = to.frames.empty() && !ids.empty();
  if (to.is_operation) to.frames.push_back({&operation_of(ids, state), false});
}

const std::string* resolver::begun_by(std::uint32_t innermost) const {
  const auto known = locations_.find(innermost);
  if (known == locations_.end()) return nullptr;
  const auto& stands_for = known->second.stands_for;
  // What clang says of a closure is where it is written.
  const bool names_one = stands_for.is == detail::library_frame::kind::operation &&
                         (stands_for.text.ends_with("()") || stands_for.text.starts_with("<lambda at "));
  return names_one ? &stands_for.text : nullptr;
}

const std::string* resolver::clock_of(std::uint32_t innermost) const {
  const auto known = locations_.find(innermost);
  if (known == locations_.end() || known->second.stands_for.clock.empty()) return nullptr;
  return &known->second.stands_for.clock;
}

bool resolver::never_expires(const v1::Task& task) {
  if (recorded_ != nullptr && !endless_) {
    endless_.emplace();
    for (const auto id : recorded_->endless()) endless_->emplace(id, 0);
  }
  if (recorded_ != nullptr) return endless_->contains(task.id());
  if (from_ == nullptr) return false;
  if (!endless_) endless_ = find_endless_timers(*from_);
  const auto known = endless_->find(task.id());
  return known != endless_->end() && known->second == task.version();
}

const frame* resolver::entry_of(const location_ids& ids) const {
  using kind = detail::library_frame::kind;
  if (ids.empty()) return nullptr;
  const auto outermost = locations_.find(ids[ids.size() - 1]);
  return outermost != locations_.end() && outermost->second.stands_for.is == kind::entry ? &outermost->second : nullptr;
}

const frame& resolver::operation_of(const location_ids& ids, v1::Task::State state) {
  using kind = detail::library_frame::kind;
  const frame* entry = entry_of(ids);
  std::string text;
  if (state == v1::Task::READY) {
    text = entry != nullptr ? entry->stands_for.text : "";
    if (text.empty()) text = "<not begun>";
  } else {
    // From the outside: an operator awaits its operands' group, and that is its own affair.
    for (auto i = ids.size(); i-- > 0 && text.empty();) {
      const auto known = locations_.find(ids[i]);
      if (known == locations_.end() || known->second.stands_for.is == kind::entry) continue;
      text = known->second.stands_for.text;
    }
    if (text.empty()) text = "<operation>";
  }
  auto [at, is_new] = operations_.try_emplace(std::move(text));
  if (is_new) {
    at->second.function = at->first;
    at->second.text = frame_text(at->second, false);
  }
  return at->second;
}

/// The innermost call that is not Asio's nor the standard library's, before the stack is that of a thread which only
/// lends itself to handlers. A return address: the call is the instruction before it.
const frame& resolver::site_of(const v1::Location& path) {
  auto [known, is_new] = spawn_sites_.try_emplace({path.calls().begin(), path.calls().end()});
  auto& site = known->second;
  if (!is_new || !options_.spawn_sites) return site;
  for (const auto address : path.calls()) {
    for (auto& location : functions_at(address - 1)) {
      auto name = make_readable(location.function);
      if (name.plumbing && lends_thread(bare_name(name.text))) return site;
      if (name.text.empty() || name.plumbing || name.standard || is_inlined_plumbing(location)) continue;
      site.function = clean(name.text);
      site.file = clean(location.file);
      site.line = location.line;
      return site;
    }
  }
  return site;
}

reading resolver::read(const v1::Location& location) {
  const auto f = make_frame(location);
  const bool is_site = !location.calls().empty();
  auto text = is_site ? frame_text(f, false) : f.text + f.foreign_text + f.stands_for.text;
  const auto number = readings_->try_emplace(std::move(text), static_cast<std::uint32_t>(readings_->size() + 1));
  return {number.first->second, f.plumbing, is_site ? f.function.empty() : f.plumbing && !options_.all_frames};
}

const frame& resolver::at(std::uint32_t location) const {
  const auto known = locations_.find(location);
  return known == locations_.end() ? unknown_frame() : known->second;
}

const frame* resolver::user_location(std::uint32_t id) const {
  const auto known = locations_.find(id);
  if (!options_.spawn_sites || known == locations_.end()) return nullptr;
  const frame& f = known->second;
  return f.plumbing || f.function.empty() ? nullptr : &f;
}

template <class Message>
void resolver::show_spawn_site(const Message& message, resolved& to) const {
  to.spawned_at = user_location(message.spawn_path());
  to.spawned_after = nullptr;
  if (to.spawned_at) return;
  // Spawned by a coroutine of Asio's own, as of the operators && and ||, for whoever awaits that.
  const auto spawner = locations_.find(message.spawn_location());
  if (spawner != locations_.end() && spawner->second.plumbing)
    to.spawned_at = user_location(message.spawn_outer_location());
  else
    to.spawned_after = user_location(message.spawn_location());
}

void resolver::remember(const v1::Task& task, const resolved& meaning) {
  const frame* line = nullptr;
  if (meaning.is_operation) {
    line = meaning.awaited_at;  // who waits for it waits at the same place for what it spawns
  } else {
    const auto users =
        std::find_if(meaning.frames.begin(), meaning.frames.end(), [](const auto& f) { return !f.location->plumbing; });
    if (users != meaning.frames.end()) line = users->location;
  }
  if (line == nullptr) return;
  if (lines_.empty() || lines_.back().first < task.id())
    lines_.emplace_back(task.id(), line);
  else if (task.wait().kind() == v1::Wait::TASKS)  // in a tree: only of those that others need
    lines_out_of_order_[task.id()] = line;
}

const frame* resolver::line_of(std::uint64_t id) const {
  const frame* line = nullptr;
  const auto found = std::lower_bound(lines_.begin(), lines_.end(), id,
                                      [](const auto& each, std::uint64_t wanted) { return each.first < wanted; });
  if (found != lines_.end() && found->first == id) line = found->second;
  if (const auto other = lines_out_of_order_.find(id); other != lines_out_of_order_.end()) line = other->second;
  return line == nullptr || line->function.empty() ? nullptr : line;
}

void resolver::resolve(const v1::Task& task, resolved& to) {
  using waiter = detail::library_frame::waiter;
  to.native.clear();
  show_frames(task.frames(), task.state(), to);
  show_spawn_site(task, to);
  const frame* entry = entry_of(task.frames());
  const auto waits = entry != nullptr ? entry->stands_for.waits : waiter::unknown;
  to.awaited = task.parent() != 0 && (waits == waiter::coroutine || (waits == waiter::unknown && task.awaited()));
  if (options_.spawn_sites) {
    // Whoever awaits a task stands where it was spawned until it has ended.
    const frame* line = to.awaited ? line_of(task.parent()) : nullptr;
    if (!to.spawned_at && !to.spawned_after) to.spawned_at = line;
    if (to.is_operation && to.awaited && task.state() != v1::Task::READY)
      to.awaited_at = line != nullptr ? line : to.spawned_at;
    remember(task, to);
  }
  const auto descriptor = [this](const v1::Wait& wait) {
    return wait.has_fd() ? &descriptors_.at(wait.fd()) : nullptr;
  };
  to.fd = descriptor(task.wait());
  if (const auto& timer = task.wait();
      timer.kind() == v1::Wait::TIMER && !timer.never_expires() && !timer.has_expires_in_ms())
    to.never_expires = never_expires(task);
  to.also.clear();
  for (const auto& wait : task.also()) to.also.push_back(descriptor(wait));
  to.due = due_of(task);
  to.busy = busy_of(task);
  to.looked_up = task.state() == v1::Task::BLOCKED ? find(lookups_, task.id(), task.resumes()) : nullptr;
  to.now = to.looked_up != nullptr ? first_before(lookups_, *to.looked_up) : nullptr;
}

const due_task* resolver::due_of(const v1::Task& task) const {
  const auto* due = find(due_, task.id());
  return due != nullptr && task.state() != v1::Task::RUNNING && due->resumes == task.resumes() ? due : nullptr;
}

const busy_task* resolver::busy_of(const v1::Task& task) const {
  const auto* busy = find(busy_, task.id());
  if (busy == nullptr || task.resumes() < busy->resumes) return nullptr;
  if (task.resumes() > busy->resumes || task.state() != v1::Task::BLOCKED || !task.has_wait()) return busy;
  // One that has not been resumed since may rest now, if it waits for what comes from outside.
  const auto& wait = task.wait();
  switch (wait.kind()) {
    case v1::Wait::OTHER:  // it has not said yet
    case v1::Wait::POST:
    case v1::Wait::CHANNEL_SEND:
    case v1::Wait::CHANNEL_RECEIVE:
      return busy;
    case v1::Wait::TIMER:
      return wait.has_expires_in_ms() && wait.expires_in_ms() <= 0 ? busy : nullptr;
    default:
      return nullptr;
  }
}

void resolver::resolve(const v1::Group& group, resolved& to) {
  to.native.clear();
  show_frames(group.frames(), group.state(), to);
  show_spawn_site(group, to);
  const frame* entry = entry_of(group.frames());
  to.awaited = entry != nullptr && entry->stands_for.waits == detail::library_frame::waiter::coroutine;
  if (to.is_operation && to.awaited && group.state() != v1::Task::READY) to.awaited_at = to.spawned_at;
  // Others of it may have another descriptor.
  to.fd = group.count() == 1 && group.wait().has_fd() ? &descriptors_.at(group.wait().fd()) : nullptr;
  to.also.clear();
  to.due = nullptr;
  to.due_tasks = 0;
  to.busy = nullptr;
  to.busy_tasks = 0;
  to.looked_up = to.now = nullptr;
}

}  // namespace tasks::cli
