#pragma once

/// Every operation that pends in a picture, by the queues that Asio's services have:
///
///   word = a scheduler's vtable ──> scheduler ──> its context ──> services
///     timers      ──> list of timers, each {expiry, …, queue}
///     reactor     ──> list of descriptors, each {…, descriptor, events, queue to read, to write, of exceptions}
///     signals     ──> table by number ──> queue of each signal set
///     channels    ──> list of channels, each {states, capacity, queue}
///     resolvers   ──> private scheduler ──> queue
///     strands     ──> queues of each strand          scheduler ──> queue of what waits for a thread
///
/// What a service is its run-time type says, so that nothing else need be known of a program. Each list is followed
/// only as long as it leads back and belongs to its service: what is stale, or damaged, is in none.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "picture/memory_image.hpp"
#include "proof/asio_resolvers.hpp"
#include "proof/asio_schedulers.hpp"

namespace tasks::cli {

struct queued_operation {
  enum class queue { timer, read, write, exception, signal, channel, resolver, strand, scheduler };

  std::uint64_t address = 0;
  std::uint64_t function = 0;   ///< that completes it
  queue in = queue::scheduler;  ///< scheduler: it is over, or was posted, and waits for a thread
  std::size_t context = 0;      ///< its place in operation_survey's contexts
  std::uint64_t object = 0;     ///< implementation of the timer or channel, signal set's queue, strand; 0: none
  std::optional<std::uint32_t> fd{};
  std::optional<std::int64_t> expiry{};  ///< of a timer: nanoseconds on its clock; INT64_MAX: never
  bool is_system_clock = false;          ///< that clock is CLOCK_REALTIME, else CLOCK_MONOTONIC
  std::vector<int> signals{};            ///< of a signal set
  std::string name{};                    ///< of a lookup: what is looked up, "db.internal:5432"
  bool sends = false;                    ///< on a channel
};

/// An execution_context with a scheduler.
struct asio_context {
  std::uint64_t address = 0;
  std::uint64_t scheduler = 0;
  std::optional<scheduler_state> state;  ///< nothing: it does not look like one
  std::uint64_t strands = 0;             ///< with something to do, each of which is posted or runs
  std::uint64_t descriptors_ready = 0;   ///< for which something came, and which wait for a thread
};

class asio_queues {
 public:
  /// `bytes`: the picture, and of files what it leaves out. Both must outlive it.
  asio_queues(const memory_image& image, const memory& bytes) : image_(&image), bytes_(bytes), schedulers_(bytes) {}
  /// Of memory that may move, for anything_pends().
  explicit asio_queues(const memory& bytes) : bytes_(bytes), schedulers_(bytes) {}

  /// Finds all of it. `threads`: of the picture; a lookup that is being done is known by their stacks.
  void find(const std::vector<thread_registers>& threads);
  /// Does anything pend in the context of this scheduler, but for what waits on channels? Looks no further than to the
  /// first. True where that is not known. `threads`: those that may look up names for it.
  [[nodiscard]] bool anything_pends(std::uint64_t scheduler, const std::vector<thread_registers>& threads);
  [[nodiscard]] const std::vector<asio_context>& contexts() const noexcept { return contexts_; }
  /// In the order of their queues, without those that stand for a descriptor or a strand.
  [[nodiscard]] std::vector<queued_operation>& operations() noexcept { return operations_; }
  [[nodiscard]] asio_schedulers& schedulers() noexcept { return schedulers_; }

 private:
  using queue = queued_operation::queue;

  [[nodiscard]] std::uint64_t word(std::uint64_t at) const { return bytes_.get<std::uint64_t>(at).value_or(0); }
  [[nodiscard]] std::vector<std::uint64_t> words(std::uint64_t begin, std::size_t count) const;
  /// Looking for one, it has been found.
  [[nodiscard]] bool is_enough() const noexcept { return only_one_ && !operations_.empty(); }
  void find_contexts();
  void add_services(std::size_t context);
  bool add_queue(std::uint64_t queue_at, queued_operation like);
  void add_timers(std::uint64_t service, std::string_view type, std::size_t context);
  void add_descriptors(std::uint64_t service, std::size_t context);
  void add_signals(std::uint64_t service, std::size_t context);
  void add_channels(std::uint64_t service, std::size_t context);
  void add_lookups(std::size_t context, const std::vector<thread_registers>& threads);
  void add_strands(std::size_t context);
  void add_handlers(std::size_t context);

  const memory_image* image_ = nullptr;
  const memory& bytes_;
  asio_schedulers schedulers_;
  std::vector<asio_context> contexts_;
  bool only_one_ = false;
  std::vector<queued_operation> operations_;
  std::unordered_set<std::uint64_t> seen_;         ///< operations
  std::unordered_set<std::uint64_t> pipes_;        ///< what services of signals have, such a record among it
  std::unordered_set<std::uint64_t> descriptors_;  ///< the reactors' own records, which are operations, too
};

}  // namespace tasks::cli
