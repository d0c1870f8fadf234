#include "surveys/operations.hpp"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "hookless/task_operations.hpp"
#include "names.hpp"
#include "picture/glibc_heap.hpp"
#include "picture/picture.hpp"
#include "picture/still_target.hpp"
#include "symbols/handler_places.hpp"
#include "symbols/handler_types.hpp"
#include "type_names.hpp"

namespace tasks::cli {
namespace {

using operation_queue = queued_operation::queue;

std::string without_escapes(std::string_view foreign) {
  fmt::memory_buffer text;
  append_foreign(text, foreign);
  return {text.data(), text.size()};
}

class operation_surveyor {
 public:
  operation_surveyor(target& from, picture& taken, bool with_handlers)
      : from_(from),
        taken_(taken),
        with_handlers_(with_handlers),
        bytes_(memory_of(taken.image, from.bytes())),
        program_(*bytes_, from.code()),
        places_(program_.debug),
        descriptors_(from.is_alive() ? from.pid() : 0),
        queues_(taken.image, *bytes_) {}

  operation_survey run() {
    // The queues are found without the heap.
    auto heap = std::async(std::launch::async,
                           [this] { static_cast<void>(find_glibc_heaps(taken_.image, taken_.threads, heap_)); });
    queues_.find(taken_.threads);
    heap.get();
    survey_.has_coroutines = program_.code.has_coroutines();
    const auto of_tasks =
        queues_.operations().empty() ? std::vector<std::uint64_t>() : find_task_operations(taken_, heap_, program_);
    for (const auto& each : queues_.contexts()) survey_.contexts.push_back({each, {}, 0, false});
    name_contexts();
    for (auto& each : queues_.operations()) {
      // A queue leads to no freed memory unless it is damaged.
      if (const auto object = heap_.find(each.address); object != heap_map::none && heap_.is_free(object)) continue;
      add(std::move(each), of_tasks);
    }
    const auto key = [](const surveyed_operation& o) {
      return std::tuple(o.kind, std::string_view(o.handler), o.is.fd, o.is.address);
    };
    std::sort(survey_.operations.begin(), survey_.operations.end(),
              [&](const auto& a, const auto& b) { return key(a) < key(b); });
    survey_.stopped_ms = taken_.stopped_ms;
    return std::move(survey_);
  }

 private:
  /// What is known of a function that completes operations.
  struct known_function {
    bool is_of_signals = false;  ///< by its name nobody's operation: see proof/asio_queues
    std::optional<handler_type> type;
    std::string handler;  ///< in words; without its type its name
    std::optional<source_line> place;
    bool keeps_function = false;  ///< the handler keeps one's address
  };

  void add(queued_operation&& queued, const std::vector<std::uint64_t>& of_tasks) {
    const auto& known = function_at(queued.function);
    if (known.is_of_signals) return;
    surveyed_operation made;
    made.is = std::move(queued);
    made.kind = kind_of(made.is);
    if (made.is.fd && from_.is_alive()) made.fd = descriptors_.at(*made.is.fd);
    if (made.kind == v1::Wait::SOCKET_WAIT && made.fd.is != endpoint::kind::unknown &&
        made.fd.is != endpoint::kind::socket)
      made.kind = v1::Wait::DESCRIPTOR_WAIT;
    made.of_task = std::binary_search(of_tasks.begin(), of_tasks.end(), made.is.address);
    find_handler(made, known);
    auto& context = survey_.contexts[made.is.context];
    if (counts_as_work(made.is)) ++context.operations;
    context.has_tasks = context.has_tasks || made.of_task;
    if (made.is_strand) return;
    ++(made.of_task ? survey_.of_tasks : survey_.callbacks);
    survey_.operations.push_back(std::move(made));
  }

  /// What waits on a channel keeps an executor instead, and what waits for a strand is the strand's.
  static bool counts_as_work(const queued_operation& o) {
    return o.in != operation_queue::channel && o.in != operation_queue::strand;
  }

  [[nodiscard]] v1::Wait::Kind kind_of(const queued_operation& o) const {
    const auto* known = program_.code.operation_at(o.function);
    if (known != nullptr && known->waits_for != layout::wait_kind::other)
      return static_cast<v1::Wait::Kind>(known->waits_for);
    switch (o.in) {
      case operation_queue::timer:
        return v1::Wait::TIMER;
      case operation_queue::read:
        return v1::Wait::SOCKET_READ;
      case operation_queue::write:
        return v1::Wait::SOCKET_WRITE;
      case operation_queue::exception:
        return v1::Wait::SOCKET_WAIT;
      case operation_queue::signal:
        return v1::Wait::SIGNAL;
      case operation_queue::channel:
        return o.sends ? v1::Wait::CHANNEL_SEND : v1::Wait::CHANNEL_RECEIVE;
      case operation_queue::resolver:
        return v1::Wait::RESOLVE;
      default:
        return v1::Wait::OTHER;
    }
  }

  /// Of the function that begins exactly there, mangled; empty: none is known.
  [[nodiscard]] std::string symbol_at(std::uint64_t address) {
    if (const auto* known = program_.code.operation_at(address)) return std::string(known->symbol);
    Dwfl* dwfl = from_.code().dwfl();
    Dwfl_Module* module = dwfl == nullptr ? nullptr : ::dwfl_addrmodule(dwfl, address);
    if (module == nullptr) return {};
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char* name = ::dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
    return name == nullptr || offset != 0 ? std::string() : std::string(name);
  }

  /// What an object on the heap has, as far as that is known.
  [[nodiscard]] std::vector<std::uint64_t> words_of(std::uint64_t object) const {
    constexpr std::uint64_t most = 4096;
    auto end = object + most;
    if (const auto known = heap_.find(object); known != heap_map::none) end = std::min(end, heap_.extent(known).end);
    std::vector<std::uint64_t> words((end - std::min(object, end)) / sizeof(std::uint64_t));
    words.resize(bytes_->read(object, words.data(), words.size() * sizeof(std::uint64_t)) / sizeof(std::uint64_t));
    return words;
  }

  const known_function& function_at(std::uint64_t address) {
    const auto [known, is_new] = functions_.try_emplace(address);
    auto& its = known->second;
    if (!is_new) return its;
    const auto symbol = symbol_at(address);
    its.is_of_signals = symbol.find("18signal_set_service12pipe_read_op") != symbol.npos;
    its.type = handler_of(symbol);
    if (!its.type && !symbol.empty()) its.handler = without_escapes(readable_handler(symbol));
    if (!its.type || !with_handlers_) return its;
    its.handler = without_escapes(readable_handler(its.type->type));
    if (its.type->is != handler_type::kind::handler) return its;
    its.place = places_.of_operation(address);
    its.keeps_function = keeps_function(its.type->type);
    return its;
  }

  void find_handler(surveyed_operation& to, const known_function& completes) {
    auto object = to.is.address;
    const auto* known = &completes;
    constexpr int deepest = 8;
    for (int depth = 0; known->type && known->type->is == handler_type::kind::function && depth < deepest; ++depth) {
      // An operation for a function of any type leads to that: {what completes it, function}.
      const known_function* next = nullptr;
      for (const auto word : words_of(object)) {
        if (word % 8 != 0 || word == object || next != nullptr) continue;
        const auto function = bytes_->get<std::uint64_t>(word).value_or(0);
        const auto* its = program_.code.operation_at(function);
        if (its == nullptr || !its->is_first) continue;
        object = word;
        next = &function_at(function);
      }
      if (next == nullptr) break;
      known = next;
    }
    to.handler = known->handler;
    to.place = known->place;
    if (!known->type) return;
    using kind = handler_type::kind;
    to.of_task = to.of_task || known->type->is == kind::task;
    to.stackful = known->type->is == kind::stackful;
    to.is_strand = known->type->is == kind::strand && to.is.in == operation_queue::scheduler;
    if (known->keeps_function) find_function(to, object);
  }

  /// The function that a handler keeps the address of: std::bind's, std::function's.
  void find_function(surveyed_operation& to, std::uint64_t object) {
    constexpr std::size_t behind_head = 2;
    const auto words = words_of(object);
    for (std::size_t i = behind_head; i < words.size(); ++i) {
      if (!queues_.schedulers().is_code(words[i])) continue;
      const auto [known, is_new] = described_.try_emplace(words[i]);
      if (is_new) known->second = describe_function(words[i]);
      if (known->second.first.empty()) continue;
      std::tie(to.handler, to.place) = known->second;
      return;
    }
  }

  /// Its name is empty where none is known that means anything.
  std::pair<std::string, std::optional<source_line>> describe_function(std::uint64_t address) {
    const auto symbol = symbol_at(address);
    if (symbol.empty()) return {};
    const auto name = demangled_symbol(symbol);
    constexpr std::string_view invoker = "std::_Function_handler<";
    if (const auto at = name.find(invoker); at != name.npos && name.find("::_M_invoke(") != name.npos) {
      const auto open = at + invoker.size() - 1;
      const auto close = detail::matching_close(name, open);
      if (close == name.npos) return {};
      const auto arguments = detail::split_arguments(std::string_view(name).substr(open + 1, close - open - 1), ',');
      if (arguments.size() != 2) return {};
      return {without_escapes(readable_handler(arguments[1])), std::nullopt};
    }
    const auto readable = detail::make_readable(symbol);
    if (readable.plumbing || readable.standard || readable.text.empty()) return {};
    return {without_escapes(readable.text), places_.of_function(address)};
  }

  /// An executor of any type is {object, …, where the object is, functions for one of its type}; see due_look.
  void name_contexts() {
    constexpr std::uint64_t to_object = 32, to_functions = 40, flags = 7;
    std::unordered_map<std::uint64_t, surveyed_context*> unnamed;
    for (auto& each : survey_.contexts) {
      if (each.is.state && each.is.state->is_io_context)
        each.type = "io_context";
      else
        unnamed[each.is.address] = &each;
    }
    for (const auto& run : taken_.image.runs()) {
      const auto* area = taken_.image.area_of(run.begin);
      if (area == nullptr || !area->writable) continue;
      for (auto at = run.begin; at + to_functions < run.end && !unnamed.empty(); at += sizeof(std::uint64_t)) {
        const auto word = taken_.image.word(at);
        if (word == 0 || taken_.image.word(at + to_object) != at) continue;
        const auto named = unnamed.find(word & ~flags);
        if (named == unnamed.end()) continue;
        const auto table = taken_.image.word(at + to_functions);
        const auto symbol = symbol_at(bytes_->get<std::uint64_t>(table).value_or(0));
        if (symbol.find("10io_context19basic_executor_type") != symbol.npos)
          named->second->type = "io_context";
        else if (symbol.find("11thread_pool19basic_executor_type") != symbol.npos)
          named->second->type = "thread_pool";
        else
          continue;
        unnamed.erase(named);
      }
    }
  }

  target& from_;
  picture& taken_;
  bool with_handlers_;
  std::unique_ptr<memory> bytes_;
  coroutine_program program_;
  handler_places places_;
  descriptor_table descriptors_;
  heap_map heap_;
  asio_queues queues_;
  operation_survey survey_;
  std::unordered_map<std::uint64_t, known_function> functions_;
  /// Of those that handlers keep the addresses of.
  std::unordered_map<std::uint64_t, std::pair<std::string, std::optional<source_line>>> described_;
};

std::int64_t nanoseconds(auto since_epoch) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
}

}  // namespace

result<operation_survey> survey_operations(target& from, bool with_handlers) {
  auto taken = take_picture(from, stop_order::whom::who_runs);
  if (!taken) return taken.why();
  const auto monotonic = nanoseconds(std::chrono::steady_clock::now().time_since_epoch());
  const auto wall = nanoseconds(std::chrono::system_clock::now().time_since_epoch());
  taken->image.forget_spare_room();
  const busy_with now("which operations pend");
  auto survey = operation_surveyor(from, *taken, with_handlers).run();
  if (from.is_alive()) {
    survey.monotonic_ns = monotonic;
    survey.wall_ns = wall;
  }
  if (survey.contexts.empty())
    survey.notes.emplace_back(
        "no execution context of Asio's was found: it has none, or was built without run-time types (-fno-rtti)");
  return survey;
}

result<std::shared_ptr<target>> open_process(pid_t pid) {
  const auto hooked = live_target(pid);
  if (const auto& roots = hooked->roots(); !roots) {
    const auto& why = roots.why();
    if (why.code == error_code::permission_denied || why.code == error_code::no_such_process) return why;
  }
  return live_target_without_hook(pid);
}

}  // namespace tasks::cli
