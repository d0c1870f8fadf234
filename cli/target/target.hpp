#pragma once

/// What is looked at: a process, or the core of one. Whoever needs its memory, threads or code asks here, and does not
/// ask what it is.
///
///   target ──> bytes, roots           read while it goes on
///          ──> copy_stacks ──> code   each thread that runs is stopped for a moment
///          ──> hold ──> standstill    threads are stopped, or sleep, until that goes

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "linux/kernel_words.hpp"
#include "linux/memory.hpp"
#include "linux/process_stop.hpp"
#include "linux/registers.hpp"
#include "linux/thread_copy.hpp"
#include "linux/thread_list.hpp"
#include "symbols/modules.hpp"
#include "symbols/symbolizer.hpp"
#include "target/roots.hpp"

namespace tasks::cli {

/// A target whose threads do not move for as long as this lives. Only the thread that got it may let it go.
class standstill {
 public:
  virtual ~standstill() = default;
  /// As it is now.
  [[nodiscard]] virtual const memory& bytes() const = 0;
  /// Empty where they are not known.
  [[nodiscard]] virtual const std::vector<thread_registers>& threads() const = 0;
  /// What the kernel holds for it. A core does not tell; see cli/README.md.
  [[nodiscard]] virtual kernel_words kernel() const = 0;
  /// Nobody had to be stopped.
  [[nodiscard]] virtual bool is_free() const { return true; }
  /// Lets its threads go before this ends.
  virtual void let_go() {}
  /// How long one of its threads was stopped at the most, once all have been let go. Of one that is told of from a
  /// copy: for that.
  [[nodiscard]] virtual double stopped_ms() const { return 0; }
  /// Threads have gone on, as they had been stopped for as long as they may be: what was read is of no moment.
  [[nodiscard]] virtual std::optional<error> ran_out() const { return std::nullopt; }
  /// Threads that were left asleep and have run since: what was read meanwhile is not of one moment. Empty: it is.
  [[nodiscard]] virtual std::set<pid_t> moved() const { return {}; }
};

/// How a process was ended, as its core says.
struct death {
  int signal = 0;
  std::optional<std::uint64_t> address;  ///< that could not be accessed, of SIGSEGV and SIGBUS
  pid_t tid = 0;                         ///< the thread that got the signal
};

class target {
 public:
  virtual ~target() = default;

  /// In our pid namespace; of a core: as the process called itself.
  [[nodiscard]] virtual pid_t pid() const = 0;
  /// /proc tells of it.
  [[nodiscard]] virtual bool is_alive() const = 0;
  /// Nothing of it moves: two looks see the same.
  [[nodiscard]] virtual bool is_still() const = 0;
  [[nodiscard]] virtual const memory& bytes() const = 0;
  /// The registries that are its own, and no copies of another process's; found once. Or why there are none to read.
  [[nodiscard]] virtual const result<std::vector<root_copy>>& roots() const = 0;
  /// Its tasks are told by a hook within it. False: they were found out, in one look at it.
  [[nodiscard]] virtual bool has_hook() const { return true; }
  /// Threads ran while it was copied: tasks that began or changed meanwhile may be missing.
  [[nodiscard]] virtual bool ran_meanwhile() const { return false; }
  /// That it ended, or executes another program than when its roots were found: what is read now is none of its.
  /// Nothing: neither, or it cannot be told.
  [[nodiscard]] virtual std::optional<error> has_changed() const { return std::nullopt; }
  /// Of one without a hook that lives: finds its tasks once more, as they are now. Fails where it cannot be looked at
  /// any more, or threads would be stopped for longer than `longest`; then what is known stays. Of others it does
  /// nothing.
  virtual result<void> look_again(stop_order::whom, std::optional<std::chrono::milliseconds> /*longest*/) { return {}; }
  /// As they are now. Of a core only their ids are known.
  [[nodiscard]] virtual std::vector<os_thread> threads() const = 0;
  /// Nothing: it lives, or its core does not tell.
  [[nodiscard]] virtual std::optional<death> ended_by() const { return std::nullopt; }
  /// Makes code() ready to unwind these threads, as they are now. What is returned holds until the next call.
  virtual const thread_copies& copy_stacks(std::span<const pid_t> tids) = 0;
  /// Fails where threads cannot be stopped within a second. `order`: of a live process.
  [[nodiscard]] virtual result<std::unique_ptr<standstill>> hold(const stop_order& order) const = 0;

  /// Its executable and libraries: one for all who ask, as opening debug information is what costs.
  [[nodiscard]] virtual modules& code() = 0;
  /// Names of its code.
  [[nodiscard]] symbolizer& names();

 private:
  std::unique_ptr<symbolizer> names_;
};

class core_file;

/// A live process. Nothing of it is read before somebody asks.
[[nodiscard]] std::shared_ptr<target> live_target(pid_t pid);
/// Likewise, where its roots were looked for already.
[[nodiscard]] std::shared_ptr<target> live_target(pid_t pid, target_roots found);
/// Fails where no registry can be read in it.
[[nodiscard]] result<std::shared_ptr<target>> core_target(std::shared_ptr<core_file> core);
/// The same, as if no hook had been linked: its registries, if there are any, are not read, and its roots are none.
[[nodiscard]] std::shared_ptr<target> live_target_without_hook(pid_t pid);
[[nodiscard]] std::shared_ptr<target> core_target_without_hook(std::shared_ptr<core_file> core);

}  // namespace tasks::cli
