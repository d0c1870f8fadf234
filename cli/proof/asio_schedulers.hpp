#pragma once

/// Asio's schedulers as they lie in memory: what an io_context or a thread_pool has to do, and who does it.
///
///   timer, socket, … {service, …} ──> service {type, owner, next} ──> … ──> scheduler {queue, stopped, …}
///                                        └──> execution_context ──> registry ──> first service
///   thread-local storage ──> {scheduler or strand, …, next} on the thread's stack: the thread runs it
///
/// What a service is its run-time type says (the name behind its vtable), so a program without it tells nothing. Where
/// the scheduler has its queue is found by what must be around it, in Asio 1.22 to 1.38 and Boost's; see
/// asio/detail/scheduler.hpp and asio/detail/call_stack.hpp. What does not fit is not known.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "linux/memory.hpp"
#include "linux/registers.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

struct scheduler_state {
  bool stopped = false;               ///< certain only if true: its run() returns at once
  bool is_io_context = false;         ///< certain only if true; executors may tell too
  bool polled = false;                ///< a thread waits in the reactor, or looks at it
  std::uint64_t sleeping = 0;         ///< threads that wait for handlers
  std::uint64_t work = 0;             ///< what keeps its run() from returning: it does at 0
  std::vector<std::uint64_t> queued;  ///< operations that wait for a thread, the first to come first
};

/// A strand, and the operations that wait for it.
struct strand_state {
  std::uint64_t address = 0;
  std::vector<std::uint64_t> queued;
};

/// Which threads run what: the innermost of their schedulers and strands, and those around it.
struct calls_of_threads {
  /// By scheduler or strand of the executable's own Asio: threads, as their registers name them. Schedulers that were
  /// not asked for are among them.
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> runs;
  std::unordered_set<std::uint32_t> in_any;   ///< threads that run some scheduler, likewise
  bool complete = false;                      ///< every thread's storage was found
  std::unordered_set<std::uint64_t> may_run;  ///< what stands on some stack, though it may be over
  bool all_stacks = false;                    ///< every thread's stack was found
};

class asio_schedulers {
 public:
  /// Of memory that moves, what is found out of place is not known; ask twice.
  explicit asio_schedulers(const memory& from) : from_(from) {}

  /// Of the context of a timer, socket, descriptor, resolver or channel, by its implementation's address; 0: not known.
  [[nodiscard]] std::uint64_t of_object(std::uint64_t object);
  /// Of the context that has this service.
  [[nodiscard]] std::uint64_t of_service(std::uint64_t service);
  /// Of what may be an execution_context.
  [[nodiscard]] std::uint64_t of_context(std::uint64_t context);
  /// The service that such an object belongs to; 0: it is none.
  [[nodiscard]] std::uint64_t service_of(std::uint64_t object);
  /// Of an object with virtual functions, as the compiler spells it; empty: not known.
  [[nodiscard]] const std::string& type_of(std::uint64_t object);

  [[nodiscard]] bool is_code(std::uint64_t address) const;
  [[nodiscard]] bool is_writable(std::uint64_t address) const;
  /// The execution_context of a service.
  [[nodiscard]] std::uint64_t context_of(std::uint64_t service) const;
  /// By its run-time type.
  [[nodiscard]] bool is_scheduler(std::uint64_t object);
  /// Those of the context that has this scheduler, the newest first.
  [[nodiscard]] std::vector<std::uint64_t> services_beside(std::uint64_t scheduler) const;
  /// A block of malloc's, as words. Empty: it is none that an operation could be in.
  [[nodiscard]] std::vector<std::uint64_t> block_at(std::uint64_t address) const;

  /// Nothing: it does not look like one.
  [[nodiscard]] std::optional<scheduler_state> look(std::uint64_t scheduler) const;
  /// Those of a context's strands for which something waits.
  [[nodiscard]] std::vector<strand_state> strands_beside(std::uint64_t scheduler);
  /// `keys`: schedulers and strands; empty: stacks are not searched for any. Of each thread its id, stack pointer and
  /// thread pointer are used.
  [[nodiscard]] calls_of_threads calls_of(const std::vector<thread_registers>& threads,
                                          const std::unordered_set<std::uint64_t>& keys);
  /// Asio itself has begun this thread, which sleeps in the run() of a thread_pool or of the system_context.
  [[nodiscard]] bool is_of_pool(const thread_registers& thread);
  /// That type's code is in the executable, and in no library.
  [[nodiscard]] bool is_of_executable(std::uint64_t object) const;
  /// Operations from the first to the last of a queue; of memory that moves the first 100,000. False: they are no
  /// queue.
  [[nodiscard]] bool operations(std::uint64_t first, std::uint64_t last, std::vector<std::uint64_t>& to) const;
  /// All that were found so far.
  [[nodiscard]] const std::unordered_set<std::uint64_t>& known() const noexcept { return known_; }

 private:
  [[nodiscard]] std::uint64_t word(std::uint64_t at) const { return from_.get<std::uint64_t>(at).value_or(0); }
  [[nodiscard]] std::uint64_t first_service_of(std::uint64_t context) const;

  void add_calls(const thread_registers& thread, std::uint64_t size, const std::unordered_set<std::uint64_t>& keys,
                 calls_of_threads& to);

  const memory& from_;
  std::unordered_map<std::uint64_t, std::string> types_;         ///< by vtable
  std::unordered_map<std::uint64_t, std::uint64_t> by_service_;  ///< schedulers
  std::unordered_set<std::uint64_t> known_;
  mutable std::size_t steps_left_ = longest_list;  ///< in all queues of memory that stands still
};

}  // namespace tasks::cli
