#include "coroutines/body_machine.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "coroutines/code_view.hpp"
#include "coroutines/machine_state.hpp"
#include "coroutines/machine_steps.hpp"

namespace tasks::cli {

class body_machine::state {
 public:
  explicit state(const code_bytes& bytes) : code(bytes), steps_(code) {}

  /// Runs until the index was jumped on for the last time, and from there as far as is certain. `after`: how it is
  /// behind the last such jump; if there is none, nothing is put there.
  dispatch run(std::uint64_t begin, const machine_steps::task& what, std::optional<machine_state>* after) {
    dispatch made;
    steps_.begin(what);
    machine_state now(machine_steps::frame);
    now.at = begin;
    for (std::size_t steps = 0; steps < most_steps_of_dispatch; ++steps) {
      const auto* instruction = code.at(now.at);
      if (!instruction) break;
      if (made.target != 0) {
        if (made.path.size() >= longest_path || std::ranges::find(made.path, now.at) != made.path.end()) break;
        made.path.push_back(now.at);
      } else if (instruction->does == machine_operation::call) {
        // What a compiler is asked to put at the begin of every function: of profilers, of sanitizers.
        step_over(now, *instruction);
        continue;
      }
      const auto did = steps_.step(now, *instruction);
      if (did.next == 0) break;
      if (did.is_of_index) {
        if (made.first_jump == 0) made.first_jump = now.at;
        made.target = did.next;
        made.path.clear();
      }
      now.at = did.next;
      if (did.is_of_index && after) *after = now;
    }
    return made;
  }

  /// All indices that are stored on any way from there on. Takes `left` steps at most.
  void explore(machine_state from, const machine_steps::task& what, stores& found, std::size_t& left) {
    steps_.begin(what);
    std::vector<machine_state> open;
    std::size_t kept = 0;  // words of their stacks
    std::unordered_map<std::uint64_t, int> visits;
    open.push_back(std::move(from));
    while (!open.empty()) {
      auto now = std::move(open.back());
      open.pop_back();
      kept -= std::min(kept, now.written.words());
      while (now.at != 0 && left != 0) {
        --left;
        ++steps_taken;
        const auto visit = ++visits[now.at];
        if (visit > most_visits) break;
        const auto* instruction = code.at(now.at);
        if (!instruction) break;
        const auto next = now.at + instruction->length;
        if (instruction->does == machine_operation::call) {
          step_over(now, *instruction);
          continue;
        }
        // A loop that counts to more than it is followed for is left, too.
        const bool is_decided = visit <= most_decided && now.flags.hold(instruction->when);
        if (instruction->does == machine_operation::jump_if && !is_decided) {
          if (open.size() < most_open && kept + now.written.words() <= most_kept) {
            kept += now.written.words();
            open.push_back(now);
            open.back().at = instruction->target();
          }
          now.at = next;
          continue;
        }
        const auto did = steps_.step(now, *instruction);
        if (did.touched) break;
        if (did.stored) found[*did.stored].insert(now.at);
        now.at = did.next;
      }
    }
  }

  /// All ways from there to where the function is left. False: one of them is not known to its end.
  bool trace(machine_state from, const machine_steps::task& what, const std::function<owner(std::uint64_t)>& whose) {
    steps_.begin(what);
    std::vector<machine_state> open;
    std::unordered_map<std::uint64_t, int> visits;
    bool is_left = false;
    open.push_back(std::move(from));
    for (std::size_t steps = 0; !open.empty();) {
      auto now = std::move(open.back());
      open.pop_back();
      for (auto is = way::goes_on; is == way::goes_on;) {
        ++steps_taken;
        if (++steps > most_steps_of_trace || ++visits[now.at] > most_traced || open.size() > most_open) return false;
        is = follow(now, whose, open);
        if (is == way::is_lost) return false;
        is_left = is_left || is == way::is_left;
      }
    }
    return is_left && !what.trace->is_lost;
  }

  /// What the first jump depends on.
  std::optional<std::uint64_t> find_index(std::uint64_t begin) {
    steps_.begin({machine_steps::purpose::find_index, 0, 0, 0, {}, nullptr});
    machine_state now(machine_steps::frame);
    now.at = begin;
    for (std::size_t steps = 0; steps < most_steps_of_dispatch && now.at != 0; ++steps) {
      const auto* instruction = code.at(now.at);
      if (!instruction) break;
      const auto did = steps_.step(now, *instruction);
      if (did.is_of_index) return did.source;
      now.at = did.next;
    }
    return std::nullopt;
  }

  static constexpr std::size_t most_steps_of_body = 2'000'000, most_steps_of_index = 400'000, most_indices = 4096;

  code_view code;
  std::uint64_t steps_taken = 0;

 private:
  static constexpr std::size_t most_steps_of_dispatch = 4000, longest_path = 64;
  static constexpr std::size_t most_open = 4096, most_kept = 500'000, most_steps_of_trace = 200'000;
  static constexpr int most_traced = 500;
  static constexpr int most_visits = 6, most_decided = 3;
  static constexpr std::uint16_t clobbered_by_calls = 0x0fc7;  ///< rax, rcx, rdx, rsi, rdi, r8 to r11

  static void step_over(machine_state& now, const machine_instruction& call) {
    now.forget(clobbered_by_calls);
    now.flags = {};
    now.at += call.length;
  }

  enum class way : std::uint8_t {
    goes_on,
    is_left,  ///< by a return, or a jump to another function
    is_over,  ///< by what does not return
    is_lost,
  };

  /// One instruction of trace().
  way follow(machine_state& now, const std::function<owner(std::uint64_t)>& whose, std::vector<machine_state>& open) {
    // Behind a call that does not return.
    if (whose(now.at) == owner::other) return way::is_over;
    const auto* instruction = code.at(now.at);
    if (!instruction) return way::is_lost;
    const auto target = instruction->target();
    switch (instruction->does) {
      case machine_operation::leave_function:
        return way::is_left;
      case machine_operation::stop:
        return way::is_over;
      case machine_operation::call:
        // A part of the body that was made a function of its own has all of the frame.
        if (target != 0 && whose(target) == owner::body) return way::is_lost;
        steps_.see(now, *instruction);
        step_over(now, *instruction);
        return way::goes_on;
      case machine_operation::jump:
        if (target != 0 && whose(target) == owner::other) return way::is_left;
        if (target == 0 && instruction->operands[0].base == machine_operand::instruction_pointer) return way::is_left;
        break;
      case machine_operation::jump_if:
        if (!now.flags.hold(instruction->when)) {
          if (whose(target) != owner::other) {
            open.push_back(now);
            open.back().at = target;
          }
          now.at += instruction->length;
          return way::goes_on;
        }
        break;
      default:
        break;
    }
    now.at = steps_.step(now, *instruction).next;
    return now.at != 0 ? way::goes_on : way::is_lost;
  }

  machine_steps steps_;
};

body_machine::body_machine(const code_bytes& code) : state_(std::make_unique<state>(code)) {}

body_machine::~body_machine() = default;

body_machine::stores body_machine::find_stores(const coroutine_body& body, const frame_layout& layout,
                                               range untouched) {
  auto found = follow_stores(body, layout, untouched);
  return found.is_whole || untouched.end == 0 ? std::move(found.at) : follow_stores(body, layout, range()).at;
}

std::set<std::uint64_t> body_machine::find_untouched(const coroutine_body& body, const frame_layout& layout,
                                                     range untouched) {
  std::set<std::uint64_t> found;
  for (const auto& [index, places] : follow_stores(body, layout, untouched).at) found.insert(index);
  return found;
}

body_machine::followed body_machine::follow_stores(const coroutine_body& body, const frame_layout& layout,
                                                   range untouched) {
  followed found;
  if (layout.index_size == 0) return found;
  std::vector<std::uint64_t> open{0};
  std::set<std::uint64_t> seen{0};
  std::size_t left = state::most_steps_of_body;
  for (std::size_t i = 0; i < open.size() && open.size() < state::most_indices && left != 0; ++i) {
    machine_steps::task what{
        machine_steps::purpose::dispatch, layout.index, layout.index_size, open[i], untouched, nullptr};
    std::optional<machine_state> after;
    static_cast<void>(state_->run(body.code.begin, what, &after));
    if (!after) {
      // It can suspend in one place only, and has no dispatch.
      after.emplace(machine_steps::frame);
      after->at = body.code.begin;
    }
    what.why = machine_steps::purpose::explore;
    const auto whole = std::min(left, state::most_steps_of_index);
    auto rest = whole;
    state_->explore(std::move(*after), what, found.at, rest);
    left -= whole - rest;
    if (rest == 0) {
      found.is_whole = false;
      if (untouched.end != 0) break;
    }
    for (const auto& [index, places] : found.at) {
      if (seen.insert(index).second) open.push_back(index);
    }
  }
  return found;
}

std::optional<std::vector<bool>> body_machine::find_destroyed(const coroutine_body& body, const frame_layout& layout,
                                                              std::uint64_t index,
                                                              const std::function<owner(std::uint64_t)>& whose) {
  if (layout.index_size == 0 || !body.is_gnu) return std::nullopt;
  // What g++ makes to destroy a frame sets the lowest bit and calls the body.
  machine_steps::task what{machine_steps::purpose::dispatch, layout.index, layout.index_size, index | 1, {}, nullptr};
  std::optional<machine_state> after;
  static_cast<void>(state_->run(body.code.begin, what, &after));
  if (!after) return std::nullopt;
  frame_trace found;
  found.reached.resize(layout.size);
  what.why = machine_steps::purpose::explore;
  what.trace = &found;
  if (!state_->trace(*std::move(after), what, whose)) return std::nullopt;
  return std::move(found.reached);
}

body_machine::dispatch body_machine::resume_at(const coroutine_body& body, const frame_layout& layout,
                                               std::uint64_t index) {
  if (layout.index_size == 0) return {};
  return state_->run(body.code.begin,
                     {machine_steps::purpose::dispatch, layout.index, layout.index_size, index, {}, nullptr}, nullptr);
}

std::uint64_t body_machine::steps() const noexcept { return state_->steps_taken; }

std::optional<std::uint64_t> body_machine::find_index(const coroutine_body& body) {
  return state_->find_index(body.code.begin);
}

std::uint64_t body_machine::next_of(std::uint64_t address) {
  const auto* instruction = state_->code.at(address);
  if (!instruction || instruction->does == machine_operation::leave_function) return 0;
  if (instruction->does == machine_operation::jump && instruction->target() != 0) return instruction->target();
  return address + instruction->length;
}

std::uint64_t body_machine::called_at(std::uint64_t address) {
  const auto* instruction = state_->code.at(address);
  return instruction && instruction->does == machine_operation::call ? instruction->target() : 0;
}

}  // namespace tasks::cli
