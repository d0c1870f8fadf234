#pragma once

/// What a look for leaks has found: a verdict for each task that could be one, and what the look cost.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::cli {

enum class certainty : std::uint8_t {
  proven,     ///< nothing alive can reach what it waits for
  likely,     ///< likewise, but for registers that were not read; see proof_result::unread
  held,       ///< something alive points to it; see finding::by
  unchecked,  ///< could not be told; see finding::reason
};

/// Who points to a task, or to what it waits for.
struct holder {
  enum class kind : std::uint8_t {
    none,
    allocation,  ///< on the heap
    frame,       ///< of a coroutine of task `id`
    module,      ///< data of an executable or library
    stack,       ///< of thread `id`, or of the main thread
    memory,      ///< any other: thread-local, mapped, of an unknown allocator
    registers,   ///< of thread `id`
    kernel,      ///< epoll instance `id`'s user data, or a timer's value
  };
  kind is = kind::none;
  std::uint64_t address = 0;  ///< of the word, where it lies in memory; of an allocation its beginning
  std::uint64_t size = 0;     ///< of an allocation
  std::uint64_t id = 0;
  std::string path;        ///< of the mapping
  std::string variable{};  ///< in a stack or a register, where debug information names one: "work of run"
  bool operator==(const holder&) const = default;
};

/// What was found out about one task, but for the words.
struct judgement {
  std::uint64_t task = 0;
  std::uint64_t object = 0;  ///< what it waits on; 0: other tasks
  /// Of one that is held: so many ways that are as short lead to it, from several tasks, threads or files, and
  /// finding::by and ::root tell one of them; 1: all begin at the root. At most 65,535, which stands for more as well.
  std::uint32_t ways = 1;
  certainty verdict = certainty::unchecked;
  bool closed = false;  ///< the channel that it waits on
  /// Of one that is held: nothing leads to it but words that may have been left behind, in a place of a stack where no
  /// variable that is in scope lies, or in a register that is none's.
  bool by_stale_words = false;
  /// Of one that waits for tasks: one of those waits for what the kernel or a timer ends, or is held by what certainly
  /// is in use. So it is not stuck, whoever holds it.
  bool waits_for_live = false;

  /// What holds it may have been left behind.
  [[nodiscard]] bool may_be_stale() const noexcept {
    return verdict == certainty::held && by_stale_words && !waits_for_live;
  }
};

struct finding : judgement {
  std::string reason;  ///< why it was not checked
  holder by;           ///< the word that keeps it alive, …
  holder root;         ///< … and where the way to it begins
};

/// As it is kept of each of a million tasks, which have most of their words in common.
struct brief_finding : judgement {
  std::uint32_t reason = 0, by = 0, root = 0;  ///< of a proof_result's reasons and holders
};

/// One step of a cycle: a task and what it waits on; 0: for the next task itself.
struct cycle_step {
  std::uint64_t task = 0, object = 0;
  bool operator==(const cycle_step&) const = default;
};
/// Each waits for the next one, and the last for the first.
using wait_cycle = std::vector<cycle_step>;

/// Whether threads of a live target are stopped.
enum class proof_stop {
  when_needed,  ///< those that run; and those that sleep, where something is proven only then
  never
};

struct proof_result {
  std::vector<brief_finding> findings;                             ///< in the order of the records
  std::vector<std::string> reasons = std::vector<std::string>(1);  ///< of findings; the first is none
  std::vector<holder> holders = std::vector<holder>(1);            ///< likewise
  /// Of those that are proven, or likely: who wait for each other. No task is on two. See find_leaked_cycles().
  std::vector<wait_cycle> cycles;
  std::string doubt;   ///< why nothing at all could be proven; empty: nothing stood against it
  std::string unread;  ///< why registers of threads that sleep were not read; empty: they were, or need not be
  std::uint64_t tasks = 0;
  std::size_t proven = 0, likely = 0, held = 0, unchecked = 0;
  std::size_t undecided = 0;  ///< of those that are held: by a word that may be stale
  std::size_t arenas = 0, refused_arenas = 0, mapped_allocations = 0;
  std::uint64_t objects = 0;  ///< allocations
  std::uint64_t bytes_copied = 0;
  double stopped_ms = 0, total_ms = 0;

  /// One of its findings with its words.
  [[nodiscard]] finding tell(const brief_finding& each) const;
  void add(finding each);
  /// For a finding: adds what is not there yet. Of holders only the last one is looked at.
  [[nodiscard]] std::uint32_t number_of(std::string_view reason);
  [[nodiscard]] std::uint32_t number_of(holder who);
};

/// Counts the findings anew.
void count_verdicts(proof_result& of);

/// Whom a task belongs to, so that who holds it can be told as what it is to the task.
struct task_family {
  std::uint64_t task = 0;
  std::uint64_t spawner = 0;              ///< 0: not known
  std::vector<std::uint64_t> awaited_by;  ///< the spawner, its spawner, …, as far as each waits for the one before
};

/// "a frame of task 7, reached from the stack of the main thread", "reached by 12 ways, one of them from a frame of
/// task 7": who keeps what a task waits for alive.
[[nodiscard]] std::string describe_holders(const finding& of, const task_family& family = {});
/// Likewise as the rest of a sentence: "held by …".
[[nodiscard]] std::string held_words(const finding& of, const task_family& family = {});
/// "a word in the data of /usr/bin/server", "a frame of task 7", "its own session (task 7)", …
[[nodiscard]] std::string describe(const holder& h, const task_family& family = {});

}  // namespace tasks::cli
