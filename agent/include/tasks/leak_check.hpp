#pragma once

/// Leaked tasks, found by the test that leaks them: what leaktest and goleak are for Go.
///
///   asio::io_context context;
///   tasks::leak_check check;         // after the context: destroying that destroys the tasks that wait in it
///   co_spawn(context, …);
///   context.run();
///                                    // at the end of the block: what began after `check` and is still there leaks
///
/// A task belongs to the check of the task that spawned it; one that no task spawned, to the check of the thread that
/// did: the check that was made there last, or that the thread has joined. So tests may run at the same time on several
/// threads, or as coroutines of one, each with a check of its own, whatever threads run their tasks. Checks nest: the
/// outer one is answerable for what the inner one leaves behind, but reports nothing twice.
///
/// Nobody claims a task that a mere callback spawns on a thread without a check. `whole_process` claims these.
/// Without a check nothing is added to what a task costs; with one 40 ns to a spawn by a task, 2 µs to one by a
/// function. Not looked at: libraries that are loaded meanwhile. Works without the agent.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tasks {

namespace detail {
class leak_scope;
}

struct leak_report {
  std::uint64_t tasks = 0;  ///< that are there and should not be
  /// Empty without any; else as follows, the largest group first, innermost frame first:
  ///
  ///   2 tasks have not ended within 5s
  ///
  ///   2 tasks [channel send, 5s]:
  ///   ask_replica(std::shared_ptr<reply>, int)
  ///   	/src/lab/replica.cpp:175
  ///   spawned by first_reply(std::shared_ptr<reply>)
  ///   	/src/lab/replica.cpp:190
  ///   tasks 13, 14
  std::string text;
};

/// Called with leaks, on the thread of the check. May throw.
using leak_handler = void (*)(const leak_report&);
/// For checks that name no handler of their own; returns the one before. At first: print the report on stderr and
/// abort, so that a test without a framework fails. Null: that one. Any thread.
leak_handler set_leak_handler(leak_handler handler) noexcept;

struct leak_options {
  /// How long tasks may take to end. They are looked for every few milliseconds at most, since nothing tells of their
  /// end.
  std::chrono::milliseconds deadline = std::chrono::seconds(5);
  /// Called between two looks, where the tasks need the calling thread to end: polling(context).
  std::function<void()> poll = {};
  /// Parts of names of functions, as shown or as the compiler spells them: no task that has called one leaks. (Nor do
  /// tasks that such a task awaits, here and below.)
  std::vector<std::string> ignore_functions = {};
  /// Parts of names of functions or of files: no task that was spawned there leaks. Where a task spawned it, that is
  /// its last `co_await` before; where a plain function did, only its name is known, from the symbol table.
  std::vector<std::string> ignore_spawn_sites = {};
  /// Parts of names, or of labels as "key=value"; see this_task.hpp.
  std::vector<std::string> ignore_names = {};
  /// Ids, of tasks that were there before: current_tasks().
  std::vector<std::uint64_t> ignore_tasks = {};
  /// Claims also what belongs to no other check: tests run one after another.
  bool whole_process = false;
  /// Instead of the handler that is set for all checks.
  std::function<void(const leak_report&)> on_leak = {};
};

/// Runs what is ready in an io_context, or anything else with stopped(), restart() and poll().
template <class Context>
[[nodiscard]] std::function<void()> polling(Context& context) {
  return [&context] {
    if (context.stopped()) context.restart();
    context.poll();
  };
}

/// Ids of the tasks that exist. Throws std::bad_alloc.
[[nodiscard]] std::vector<std::uint64_t> current_tasks();

/// Waits for all tasks of the process to end, but the calling one and ignored ones; tells which have not.
/// Throws what options.poll throws, and std::bad_alloc.
[[nodiscard]] leak_report expect_no_leaks(const leak_options& options = {});

/// Destroyed on the thread, or in the task, that made it. Not looked at when it is destroyed by an exception.
class leak_check {
 public:
  explicit leak_check(leak_options options = {});
  /// end(), and the handler. Throws what these throw.
  ~leak_check() noexcept(false);
  leak_check(const leak_check&) = delete;
  leak_check& operator=(const leak_check&) = delete;

  /// Ends the check now: waits as expect_no_leaks() does, calls no handler. Afterwards it claims nothing.
  [[nodiscard]] leak_report end();
  /// What it claims and is there now does not leak. Throws std::bad_alloc.
  void ignore_current();
  [[nodiscard]] leak_options& options() noexcept { return options_; }

  /// A further thread of a test: what it spawns belongs to the check. Ends on the same thread.
  class [[nodiscard]] joined_thread {
   public:
    explicit joined_thread(const leak_check& check) noexcept;
    ~joined_thread();
    joined_thread(const joined_thread&) = delete;
    joined_thread& operator=(const joined_thread&) = delete;

   private:
    std::uint64_t scope_;
    std::uint64_t before_;
  };

 private:
  leak_options options_;
  std::unique_ptr<detail::leak_scope> scope_;  ///< null: it has ended
  int exceptions_;
};

}  // namespace tasks
