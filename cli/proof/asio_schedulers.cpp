#include "proof/asio_schedulers.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "linux/thread_places.hpp"

namespace tasks::cli {
namespace {

/// A service is {vtable, type, id, owner, next}; see asio/execution_context.hpp.
constexpr std::uint64_t service_owner = 24, service_next = 32;
/// A context begins {registry} or, since Asio 1.32, {allocator, registry}; the registry is {mutex, owner, first
/// service}.
constexpr std::array<std::uint64_t, 2> to_registry = {0, 8};
constexpr std::uint64_t registry_owner = 8 + sizeof(pthread_mutex_t);  // empty bases before the mutex keep apart
constexpr std::uint64_t registry_first = registry_owner + 8;
constexpr std::size_t most_services = 1000, most_strands = 10'000;
/// Of memory that moves, where each step is a system call.
constexpr std::size_t most_operations = 100'000;

/// Of a scheduler, from its task_operation on, which is {next, function, result}. Before it lie {event's state, task,
/// the function that makes the task}; behind it flags, the count of work, and the queue {first, last}.
constexpr std::uint64_t to_event = 24, to_reactor = 16, to_maker = 8;
constexpr std::uint64_t to_function = 8, to_flags = 24, to_work = 32, to_queue = 40, behind_queue = 56;
constexpr std::uint64_t nearest_place = 120, farthest_place = 208;

bool is_scheduler_type(std::string_view type) {
  return type == "N4asio6detail9schedulerE" || type == "N5boost4asio6detail9schedulerE";
}

const memory_region* region_of(const memory& from, std::uint64_t address) {
  const auto& regions = from.regions();
  const auto next = std::upper_bound(regions.begin(), regions.end(), address,
                                     [](std::uint64_t at, const memory_region& each) { return at < each.begin; });
  if (next == regions.begin() || address >= std::prev(next)->end) return nullptr;
  return &*std::prev(next);
}

std::vector<std::uint64_t> words_in(const memory& from, std::uint64_t begin, std::uint64_t end) {
  std::vector<std::uint64_t> read(end > begin ? (end - begin) / 8 : 0);
  read.resize(from.read(begin, read.data(), read.size() * 8) / 8);
  return read;
}

}  // namespace

const std::string& asio_schedulers::type_of(std::uint64_t object) {
  static const std::string none;
  const auto vtable = object % 8 == 0 ? word(object) : 0;
  if (vtable == 0 || vtable % 8 != 0) return none;
  const auto [known, is_new] = types_.try_emplace(vtable);
  if (!is_new) return known->second;
  const auto type = word(vtable - 8);
  const auto name = type == 0 ? 0 : word(type + 8);
  if (name == 0) return none;
  auto text = from_.string_at(name, 512);
  if (text.starts_with('*')) text.erase(0, 1);
  if (text.starts_with('N')) known->second = std::move(text);
  return known->second;
}

std::uint64_t asio_schedulers::service_of(std::uint64_t object) {
  if (object % 8 != 0 || object < page_size) return 0;
  const auto service = word(object - 8);
  return type_of(service).find("4asio6detail") == std::string::npos ? 0 : service;
}

std::uint64_t asio_schedulers::of_object(std::uint64_t object) {
  const auto service = service_of(object);
  return service == 0 ? 0 : of_service(service);
}

std::uint64_t asio_schedulers::first_service_of(std::uint64_t context) const {
  for (const auto offset : to_registry) {
    const auto registry = word(context + offset);
    if (registry != 0 && registry % 8 == 0 && word(registry + registry_owner) == context)
      return word(registry + registry_first);
  }
  return 0;
}

std::uint64_t asio_schedulers::of_context(std::uint64_t context) {
  const auto first = first_service_of(context);
  return first == 0 ? 0 : of_service(first);
}

/// From the newest service on: the scheduler is among the first that a context gets.
std::uint64_t asio_schedulers::of_service(std::uint64_t service) {
  const auto [known, is_new] = by_service_.try_emplace(service);
  if (!is_new) return known->second;
  const auto owner = word(service + service_owner);
  auto at = owner == 0 ? 0 : first_service_of(owner);
  for (std::size_t n = 0; at != 0 && n < most_services; ++n, at = word(at + service_next)) {
    if (word(at + service_owner) != owner) return 0;
    if (!is_scheduler(at)) continue;
    known_.insert(at);
    return known->second = at;
  }
  return 0;
}

bool asio_schedulers::is_code(std::uint64_t address) const {
  const auto* region = region_of(from_, address);
  return region != nullptr && region->executable;
}

bool asio_schedulers::is_writable(std::uint64_t address) const {
  const auto* region = region_of(from_, address);
  return region != nullptr && region->writable;
}

std::uint64_t asio_schedulers::context_of(std::uint64_t service) const { return word(service + service_owner); }

bool asio_schedulers::is_scheduler(std::uint64_t object) { return is_scheduler_type(type_of(object)); }

std::vector<std::uint64_t> asio_schedulers::services_beside(std::uint64_t scheduler) const {
  std::vector<std::uint64_t> found;
  const auto owner = word(scheduler + service_owner);
  auto service = owner == 0 ? 0 : first_service_of(owner);
  for (; service != 0 && found.size() < most_services; service = word(service + service_next)) found.push_back(service);
  return found;
}

std::vector<std::uint64_t> asio_schedulers::block_at(std::uint64_t address) const {
  constexpr std::uint64_t least = 32, most = 4096, from_header = 8, chunk_flags = 7;
  if (address % 16 != 0 || address < page_size) return {};
  const auto size = word(address - from_header) & ~chunk_flags;
  if (size < least || size > most) return {};
  return words_in(from_, address, address + size - from_header);
}

bool asio_schedulers::operations(std::uint64_t first, std::uint64_t last, std::vector<std::uint64_t>& to) const {
  if ((first == 0) != (last == 0)) return false;
  const bool is_still = from_.is_still();
  const auto most = is_still ? steps_left_ : most_operations;
  std::size_t count = 0, next_mark = 1;
  std::uint64_t marked = 0;  // a circle comes back to it, see R. P. Brent's algorithm
  for (auto at = first; at != 0 && at != marked && count < most; at = word(at)) {
    to.push_back(at);
    if (is_still) --steps_left_;
    if (at == last) return word(at) == 0;
    if (++count != next_mark) continue;
    marked = at;
    next_mark *= 2;
  }
  return first == 0 || (count == most && !is_still);
}

std::optional<scheduler_state> asio_schedulers::look(std::uint64_t scheduler) const {
  std::array<unsigned char, farthest_place + 96> bytes{};
  if (from_.read(scheduler, bytes.data(), bytes.size()) < farthest_place + behind_queue + 16) return std::nullopt;
  const auto at = [&](std::uint64_t offset) {
    std::uint64_t value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  };
  std::optional<scheduler_state> found;
  for (auto place = nearest_place; place <= farthest_place; place += 8) {
    if (at(place + to_function) != 0 || bytes[place + to_flags] > 1 || !is_code(at(place - to_maker))) continue;
    if (const auto its_task = at(place - to_reactor); its_task != 0 && region_of(from_, its_task) == nullptr) continue;
    scheduler_state state;
    if (!operations(at(place + to_queue), at(place + to_queue + 8), state.queued)) continue;
    if (found) return std::nullopt;
    const auto reactor = std::find(state.queued.begin(), state.queued.end(), scheduler + place);
    state.polled = at(place - to_reactor) != 0 && reactor == state.queued.end();
    if (reactor != state.queued.end()) state.queued.erase(reactor);
    state.sleeping = at(place - to_event) / 2;
    state.work = at(place + to_work);
    // {stopped, shut down, concurrency} before Asio 1.38; then a time limit follows the queue, and the flags lie
    // before.
    const auto behind = at(place + behind_queue), after = at(place + behind_queue + 8);
    const bool has_limits = behind == ~std::uint64_t{0} || after == ~std::uint64_t{0};
    if (has_limits) {
      state.stopped = bytes[place + to_flags + 1] == 1;
    } else if ((behind & 0xff) <= 1 && (behind >> 8 & 0xff) <= 1) {
      // A thread_pool says 0 there or, of one thread, 1, as an io_context may too.
      const auto concurrency = behind >> 32;
      state.is_io_context = concurrency > 1;
      state.stopped = concurrency != 0 && (behind & 0xff) == 1;
    }
    found = std::move(state);
  }
  return found;
}

std::vector<strand_state> asio_schedulers::strands_beside(std::uint64_t scheduler) {
  std::vector<strand_state> found;
  for (const auto service : services_beside(scheduler)) {
    const auto& type = type_of(service);
    if (type.find("asio6detail23strand_executor_serviceE") == std::string::npos) continue;
    // The list begins in one of the last words; each strand is {address of its mutex, flags, waiting {first, last},
    // ready {first, last}, next, previous, service}. Since Asio 1.38 its mutex lies in the word of the flags.
    constexpr std::uint64_t size = 4096, flags = 8;
    std::uint64_t to_waiting = 16, to_ready = 32, next = 48, previous = 56, its_service = 64;
    const auto inside = words_in(from_, service, service + size);
    const auto find_first = [&]() -> std::uint64_t {
      for (std::size_t i = service_next / 8 + 1; i < inside.size(); ++i) {
        const auto at = inside[i];
        if (at != 0 && at % 8 == 0 && word(at + its_service) == service && word(at + previous) == 0) return at;
      }
      return 0;
    };
    auto first = find_first();
    if (first == 0) {
      for (auto* place : {&to_waiting, &to_ready, &next, &previous, &its_service}) *place -= flags;
      first = find_first();
    }
    for (std::size_t count = 0; first != 0 && count < most_strands; ++count, first = word(first + next)) {
      if (word(first + its_service) != service) break;
      strand_state strand{first, {}};
      if (operations(word(first + to_waiting), word(first + to_waiting + 8), strand.queued) &&
          operations(word(first + to_ready), word(first + to_ready + 8), strand.queued) && !strand.queued.empty())
        found.push_back(std::move(strand));
    }
  }
  return found;
}

/// Such a thread has on its stack what it does, an object that its type tells; see asio/detail/posix_thread.hpp.
bool asio_schedulers::is_of_pool(const thread_registers& thread) {
  constexpr std::uint64_t nearest = 16384;  // run() is the first that it calls, and sleeps
  const auto* stack = thread.stack_pointer == 0 ? nullptr : region_of(from_, thread.stack_pointer);
  if (stack == nullptr) return false;
  const auto begin = thread.stack_pointer & ~std::uint64_t{7};
  for (const auto each : words_in(from_, begin, std::min(stack->end, begin + nearest))) {
    if (each % 8 != 0 || !is_writable(each)) continue;
    const auto& type = type_of(each);
    if (type.find("11thread_pool15thread_functionE") != type.npos ||
        type.find("14system_context15thread_functionE") != type.npos)
      return true;
  }
  return false;
}

bool asio_schedulers::is_of_executable(std::uint64_t object) const {
  const auto* code = region_of(from_, word(object));
  return code != nullptr && !code->path.empty() && code->path.find(".so") == std::string::npos;
}

calls_of_threads asio_schedulers::calls_of(const std::vector<thread_registers>& threads,
                                           const std::unordered_set<std::uint64_t>& keys) {
  constexpr std::uint64_t largest_stack = std::uint64_t{64} << 20;
  calls_of_threads calls;
  const auto size = thread_storage_size(from_);
  calls.complete = size != 0 && !threads.empty();
  calls.all_stacks = !threads.empty();
  for (const auto& thread : threads) {
    if (thread.thread_pointer == 0)
      calls.complete = false;
    else if (size != 0)
      add_calls(thread, size, keys, calls);
    const auto* stack = thread.stack_pointer == 0 ? nullptr : region_of(from_, thread.stack_pointer);
    if (stack == nullptr) {
      calls.all_stacks = false;
      continue;
    }
    if (keys.empty()) continue;
    const auto begin = (thread.stack_pointer - red_zone) & ~std::uint64_t{7};
    const auto used = words_in(from_, begin, std::min(stack->end, begin + largest_stack));
    for (std::size_t i = 0; i + 2 < used.size(); ++i)
      if (keys.contains(used[i])) calls.may_run.insert(used[i]);
  }
  return calls;
}

/// A call is {key, value, next} on the stack; what is the thread's alone leads to the innermost.
void asio_schedulers::add_calls(const thread_registers& thread, std::uint64_t size,
                                const std::unordered_set<std::uint64_t>& keys, calls_of_threads& to) {
  constexpr std::size_t deepest = 64;
  auto storage = storage_at(thread.thread_pointer, size);
#if defined(__aarch64__)
  // Asio has `__thread` on x86 alone (ASIO_HAS_THREAD_KEYWORD_EXTENSION); here it is a value of pthread_setspecific(3),
  // in libc's descriptor of the thread.
  constexpr std::uint64_t largest_descriptor = 2048;
  storage.begin -= largest_descriptor;
#endif
  for (auto at : words_in(from_, storage.begin, storage.end)) {
    for (std::size_t n = 0; n < deepest && at != 0 && at % 8 == 0; ++n) {
      const auto* stack = region_of(from_, at);
      if (stack == nullptr || !stack->writable) break;
      const auto call = from_.get<std::array<std::uint64_t, 3>>(at);
      if (!call || (*call)[0] == 0 || region_of(from_, (*call)[1]) == nullptr) break;
      const bool is_run = is_scheduler((*call)[0]);
      if (is_run || keys.contains((*call)[0])) {
        auto& runs = to.runs[(*call)[0]];
        if (std::find(runs.begin(), runs.end(), thread.tid) == runs.end()) runs.push_back(thread.tid);
      }
      if (is_run) to.in_any.insert(thread.tid);
      if ((*call)[2] == at) break;
      at = (*call)[2];
    }
  }
}

}  // namespace tasks::cli
