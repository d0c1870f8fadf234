#include "surveys/doctor.hpp"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "linux/container_of.hpp"
#include "linux/package_names.hpp"
#include "linux/perf_sampler.hpp"
#include "linux/proc.hpp"
#include "linux/right_to_look.hpp"
#include "sources/agent_source.hpp"
#include "surveys/cores.hpp"
#include "surveys/processes.hpp"
#include "target/coroutine_files.hpp"
#include "target/target.hpp"

namespace tasks::cli {
namespace {

using how_well = checkup::state;

constexpr const char* events_setting = "/proc/sys/kernel/perf_event_paranoid";

/// What an error says, where nothing is known of its remedies but its own words.
obstacle obstacle_of(const error& why) {
  obstacle what{why.fact, {}};
  if (!why.next_step.empty()) what.mends.push_back({why.next_step});
  return what;
}

struct debug_facts {
  std::string path, build_id;
  bool debug_information = false, symbols = false;
};

/// Of the executable, which comes first.
int take_debug_facts(Dwfl_Module* module, void**, const char* name, Dwarf_Addr, void* to) {
  auto& found = *static_cast<debug_facts*>(to);
  const char* file = nullptr;
  Dwarf_Addr bias = 0;
  found.symbols = dwfl_module_getsymtab(module) > 0 && dwfl_module_getsymtab_first_global(module) > 1;
  found.debug_information = dwfl_module_getdwarf(module, &bias) != nullptr;
  dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, &file, nullptr);
  found.path = file != nullptr ? file : name;
  const unsigned char* bits = nullptr;
  GElf_Addr address = 0;
  for (int i = 0, size = dwfl_module_build_id(module, &bits, &address); i < size; ++i)
    found.build_id += fmt::format("{:02x}", bits[i]);
  return DWARF_CB_ABORT;
}

class examination {
 public:
  examination(pid_t pid, process_stat stat, std::chrono::milliseconds timeout)
      : pid_(pid), stat_(std::move(stat)), timeout_(timeout), roots_(root_finder().find(pid)) {
    found_.pid = pid;
    const auto executable = executable_of(pid);
    found_.program = executable.empty() ? stat_.name : std::string(base_name(executable));
    denied_ = roots_.failure == EPERM || roots_.failure == EACCES;
    foreign_ = !roots_.instrumented && !denied_;
  }

  surveyed_health run() {
    process();
    memory();
    hook();
    agent();
    descriptors();
    symbols();
    profile();
    return std::move(found_);
  }

 private:
  void add(std::string_view topic, how_well how, obstacle what) {
    found_.checkups.push_back({topic, how, std::move(what)});
  }
  void good(std::string_view topic, std::string fact) { add(topic, how_well::good, {std::move(fact), {}}); }

  void process() {
    auto where =
        fmt::format("runs for {}", format_age(static_cast<std::uint64_t>(uptime_of(stat_.start_time) * 1000), 0));
    if (const auto its = container_of(pid_))
      where += fmt::format(", in {}", its->id.empty() ? "a container" : "container " + short_id(*its));
    const auto stop = find_stop(pid_);
    const auto tracer = tracer_of(pid_);
    if (stop && stop->tracer == 0)
      add("process", how_well::limited,
          {"it is " + stop->words + ": its agent does not answer, and its memory is read instead",
           {{"let it go on", fmt::format("kill -CONT {}", pid_)}}});
    else if (tracer != 0)
      add("process", how_well::limited,
          {trace_refusal(pid_, pid_).fact + ", so that none of its threads can be stopped: no proof, no native stacks",
           {{"detach it there (gdb: detach); killing the tracer may kill this process"}}});
    else
      good("process", where);
  }

  void memory() {
    if (!denied_) return good("memory", "can be read");
    add("memory", how_well::bad, what_forbids(ask_kernel_about(pid_)));
    memory_ = found_.checkups.size() - 1;
  }

  void hook() {
    if (denied_ && roots_.roots.empty()) return;
    if (roots_.instrumented) {
      for (const auto& root : roots_.roots) {
        if (root.layout == layout::version) continue;
        const auto why = layout_error("", root.layout);
        return add("hook", how_well::bad, obstacle_of(why));
      }
      if (roots_.roots.empty())
        return add("hook", how_well::bad, {"linked, and its registry cannot be read", {{"try again"}}});
      return good("hook", fmt::format("linked; its registry has layout {}", layout::version));
    }
    told_ = coroutine_files().in(pid_);
    if (told_ == told_coroutines::none)
      return add("hook", how_well::bad,
                 {"not instrumented, and without symbols its coroutines are not known",
                  {{"install its debug symbols", "", true}, to_have_a_hook()}});
    add("hook", how_well::limited,
        {told_ == told_coroutines::by_debug_information
             ? "none: tasks are found by symbols and debug information; ages, names and spawn sites are not known"
             : "none: tasks are found by symbols; lines, ages, names and spawn sites are not known",
         {to_have_a_hook()}});
  }

  void agent() {
    if (foreign_) return;
    if (denied_ && roots_.roots.empty()) {
      // Its socket says who may: those who may read its memory may ask it, too, and some others.
      const auto connected = connect_to_agent(live_target(pid_, roots_), roots_, timeout_);
      if (!connected) return;
      return answered(**connected);
    }
    const auto connected = connect_to_agent(live_target(pid_, roots_), roots_, timeout_);
    if (connected) return answered(**connected);
    auto what = obstacle_of(connected.why());
    if (connected.why().code == error_code::no_agent) what = what_lacks_of_agent(roots_, innermost_pid(pid_));
    silent(std::move(what));
  }

  void answered(snapshot_source& source) {
    const auto vitals = source.vitals(true, [](const v1::Chunk&) { return true; });
    if (!vitals) return silent(obstacle_of(vitals.why()));
    good("agent", fmt::format("answers: {}", number_and_noun(vitals->tasks(), "task")));
    if (memory_) found_.checkups[*memory_].how = how_well::limited;
  }

  void silent(obstacle what) {
    if (!denied_) what.fact += "; its memory is read instead";
    add("agent", denied_ ? how_well::bad : how_well::limited, std::move(what));
  }

  /// Of the target's: an agent that has none left takes no reader.
  void descriptors() {
    std::error_code failed;
    const std::filesystem::directory_iterator all(fmt::format("/proc/{}/fd", living_thread(pid_)), failed);
    if (failed) return;
    const auto used = static_cast<std::uint64_t>(std::distance(all, std::filesystem::directory_iterator()));
    rlimit limit{};
    constexpr std::uint64_t spare = 2;
    if (::prlimit(pid_, RLIMIT_NOFILE, nullptr, &limit) != 0 || used + spare <= limit.rlim_cur) return;
    const auto wanted = limit.rlim_cur * 2;
    // Beyond the hard limit the soft one cannot go, and only root raises that.
    const bool is_beyond = wanted > limit.rlim_max;
    add("descriptors", how_well::limited,
        {fmt::format("{} of {} are in use: its agent can take no reader", used, limit.rlim_cur),
         {{"raise the limit while it runs",
           fmt::format("prlimit --pid {} --nofile={}:{}", pid_, wanted, is_beyond ? std::to_string(wanted) : ""),
           is_beyond}}});
  }

  void symbols() {
    if (denied_) return;
    const auto from = live_target(pid_);
    debug_facts facts;
    auto* dwfl = from->code().dwfl();
    if (dwfl == nullptr) return;
    dwfl_getmodules(dwfl, take_debug_facts, &facts, 0);
    if (facts.debug_information) return good("symbols", "debug information is there");
    auto mends = to_have_debug_information(executable_of(pid_), facts.build_id);
    if (!facts.symbols) mends.push_back({"do not strip it", "", false});
    const bool is_needed = foreign_ && told_ == told_coroutines::none;
    add("symbols", is_needed ? how_well::bad : how_well::limited,
        {fmt::format("{}: {}", facts.symbols ? "there is no debug information" : "it is stripped",
                     foreign_ ? "lines of coroutines are not known"
                              : "lines of spawn sites and native stacks, and values of locals, are not known"),
         std::move(mends)});
  }

  void profile() {
    const int refused = perf_sampler::try_event(pid_);
    if (refused == 0) return good("profile", "perf events are allowed");
    if (refused == ESRCH) return;
    add("profile", how_well::limited, what_forbids_events(refused, events_setting));
  }

  pid_t pid_;
  process_stat stat_;
  std::chrono::milliseconds timeout_;
  target_roots roots_;
  bool denied_ = false;   ///< its memory may not be read
  bool foreign_ = false;  ///< it has no hook
  told_coroutines told_ = told_coroutines::none;
  std::optional<std::size_t> memory_;  ///< where it is said that it may not
  surveyed_health found_;
};

checkup right_to_read() {
  const auto scope = read_ptrace_scope("/proc/sys/kernel/yama/ptrace_scope");
  // As of a process of this user's that is no child.
  auto facts = ask_kernel_about(::getpid());
  facts.pid = 0;
  facts.same_user = facts.dumpable = true;
  const bool may = facts.may_trace ? scope != 3 : scope == 0;
  if (may)
    return {"memory",
            how_well::good,
            {facts.may_trace ? "that of every process can be read"
                             : "that of this user's processes can be read; those of others: as root",
             {}}};
  facts.root = false;
  auto what = what_forbids(facts);
  what.fact += "; agents answer all the same";
  return {"memory", how_well::limited, std::move(what)};
}

checkup cores_here() {
  rlimit limit{};
  const auto where = where_cores_go();
  ::getrlimit(RLIMIT_CORE, &limit);
  // A program to which the kernel hands them gets them all the same.
  if (limit.rlim_cur != 0 || where.find("hands cores") != where.npos || where.starts_with("systemd"))
    return {"cores", how_well::good, {where, {}}};
  return {"cores",
          how_well::limited,
          {"none is written by what is started here: its largest size is 0",
           {{"allow it in the shell, or unit (LimitCORE=infinity), that starts the program", "ulimit -c unlimited",
             limit.rlim_max == 0}}}};
}

}  // namespace

std::vector<remedy> smallest_first(std::vector<remedy> mends) {
  std::stable_partition(mends.begin(), mends.end(), [](const remedy& each) { return !each.needs_root; });
  return mends;
}

result<surveyed_health> examine(pid_t pid, std::chrono::milliseconds timeout) {
  auto stat = read_stat(pid);
  if (!stat) return no_such_process(pid);
  if (process_has_ended(*stat))
    return error{error_code::no_such_process, subject_of(pid), "the process has ended, and waits to be reaped", ""};
  return examination(pid, *std::move(stat), timeout).run();
}

surveyed_health examine_machine(std::chrono::milliseconds timeout) {
  surveyed_health found;
  found.checkups.push_back(right_to_read());
  const int refused = perf_sampler::try_event(0);
  if (refused == 0)
    found.checkups.push_back({"profile", how_well::good, {"perf events are allowed", {}}});
  else
    found.checkups.push_back({"profile", how_well::limited, what_forbids_events(refused, events_setting)});
  found.checkups.push_back(cores_here());
  const auto list = list_processes(timeout);
  obstacle lame;
  int silent = 0;
  for (const auto& process : list.processes()) {
    if (process.agent() == v1::ProcessView::ANSWERED) continue;
    ++silent;
    lame.mends.push_back(
        {fmt::format("{}: {}", process.name(), process.reason()), fmt::format("tasks doctor -p {}", process.pid())});
  }
  const auto all = static_cast<std::uint64_t>(list.processes_size());
  lame.fact = fmt::format("{} that {} tasks", number_and_noun(all, all == 1 ? "process" : "processe"),
                          all == 1 ? "has" : "have");
  if (all == 0) {
    lame.fact = "none is seen that has tasks";
    lame.mends = {to_have_a_hook(), {"those of other users are seen as root", "sudo tasks doctor", true}};
  } else if (silent != 0) {
    lame.fact += fmt::format(", {} without an agent that answers", silent);
  }
  found.checkups.push_back(
      {"processes", all != 0 && silent == 0 ? how_well::good : how_well::limited, std::move(lame)});
  return found;
}

}  // namespace tasks::cli
