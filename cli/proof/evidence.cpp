#include "proof/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tasks::cli {

holder holder_at(const memory_image& image, const std::vector<thread_registers>& threads, std::uint64_t address) {
  holder found;
  found.is = holder::kind::memory;
  found.address = address;
  const auto* area = image.area_of(address);
  if (area == nullptr) return found;
  found.path = area->path;
  if (area->is_file()) {
    found.is = holder::kind::module;
  } else if (const auto* before = image.area_of(area->begin - 1);
             area->path.empty() && before != nullptr && before->is_file() && before->writable) {
    // Zeros of an object's (.bss) that do not fit into the last page of its file.
    found.is = holder::kind::module;
    found.path = before->path;
  } else if (area->path == "[stack]") {
    found.is = holder::kind::stack;
  } else if (area->is_anonymous()) {
    // Of the threads whose stacks share a mapping, the one whose stack begins closest below.
    const thread_registers* nearest = nullptr;
    for (const auto& thread : threads)
      if (area->contains(thread.stack_pointer) && thread.stack_pointer <= address + red_zone &&
          (thread.thread_pointer == 0 || address < thread.thread_pointer) &&
          (nearest == nullptr || thread.stack_pointer > nearest->stack_pointer))
        nearest = &thread;
    if (nearest != nullptr) {
      found.is = holder::kind::stack;
      found.id = nearest->tid;
    }
  }
  return found;
}

evidence_finder::evidence_finder(const scene& in, const marker& marks, std::span<const heap_map::object> frames,
                                 const std::span<const held_variable>& variables, proof_result& told)
    : in_(in),
      image_(in.image()),
      heap_(in.heap()),
      marks_(marks),
      threads_(in.threads()),
      frames_(frames),
      variables_(variables),
      told_(told) {}

/// Of several the oldest task.
void evidence_finder::find_owners() {
  owners_.assign(heap_.size(), nobody);
  const auto& tasks = in_.tasks().tasks;
  for (std::uint32_t i = 0; i < tasks.size(); ++i) {
    for (const auto o : frames_.subspan(tasks[i].first_frame, tasks[i].frames)) {
      if (o == heap_map::none) continue;
      if (owners_[o] == nobody || tasks[i].id < tasks[owners_[o]].id) owners_[o] = i;
    }
  }
}

holder evidence_finder::of(const origin& from) {
  switch (from.is) {
    case origin::kind::memory:
      return holder_at(image_, threads_, from.value);
    case origin::kind::variable: {
      const auto& variable = variables_[from.value];
      auto found = variable.at.begin != 0 ? holder_at(image_, threads_, variable.at.begin)
                                          : holder{holder::kind::registers, 0, 0, variable.tid, {}, {}};
      found.variable = variable.name;
      return found;
    }
    case origin::kind::thread:
      return {holder::kind::registers, 0, 0, from.value, {}, {}};
    case origin::kind::kernel:
      return {holder::kind::kernel, 0, 0, from.value, {}, {}};
    case origin::kind::task:
      return {holder::kind::frame, 0, 0, from.value, {}, {}};
    case origin::kind::object:
      break;
  }
  const auto o = static_cast<heap_map::object>(from.value);
  const auto memory = heap_.extent(o);
  holder found{holder::kind::allocation, memory.begin, memory.end - memory.begin, 0, {}, {}};
  if (owners_.empty()) find_owners();
  if (owners_[o] != nobody) {
    found.is = holder::kind::frame;
    found.id = in_.tasks().tasks[owners_[o]].id;
  }
  return found;
}

std::uint32_t evidence_finder::number_of(const origin& from) {
  const auto [known, is_new] = numbers_.try_emplace(from);
  if (is_new) known->second = told_.number_of(of(from));
  return known->second;
}

void evidence_finder::fill(brief_finding& found, heap_map::object o) {
  found.by = number_of(marks_.marked_by(o));
  found.root = number_of(marks_.root_of(o));
  found.ways = marks_.has_several_roots(o) ? marks_.ways_to(o) : 1;
}

finding proof_result::tell(const brief_finding& each) const {
  return {each, reasons[each.reason], holders[each.by], holders[each.root]};
}

void proof_result::add(finding each) {
  brief_finding brief{each, number_of(each.reason), number_of(std::move(each.by)), number_of(std::move(each.root))};
  findings.push_back(brief);
}

std::uint32_t proof_result::number_of(std::string_view reason) {
  const auto known = std::find(reasons.begin(), reasons.end(), reason);
  const auto number = static_cast<std::uint32_t>(known - reasons.begin());
  if (known == reasons.end()) reasons.emplace_back(reason);
  return number;
}

std::uint32_t proof_result::number_of(holder who) {
  if (who.is == holder::kind::none) return 0;
  if (!(holders.back() == who)) holders.push_back(std::move(who));
  return static_cast<std::uint32_t>(holders.size() - 1);
}

void count_verdicts(proof_result& of) {
  of.proven = of.likely = of.held = of.unchecked = of.undecided = 0;
  for (const auto& each : of.findings) {
    ++(each.verdict == certainty::proven   ? of.proven
       : each.verdict == certainty::likely ? of.likely
       : each.verdict == certainty::held   ? of.held
                                           : of.unchecked);
    if (each.may_be_stale()) ++of.undecided;
  }
}

namespace {

std::string frame_words(std::uint64_t owner, const task_family& family) {
  if (owner == family.task) return "a frame of its own";
  const auto& above = family.awaited_by;
  if (std::find(above.begin(), above.end(), owner) != above.end())
    return fmt::format("its own session (task {})", owner);
  if (owner == family.spawner) return fmt::format("the task that spawned it (task {})", owner);
  return fmt::format("a frame of task {}", owner);
}

}  // namespace

std::string describe_holders(const finding& of, const task_family& family) {
  const auto by = describe(of.by, family);
  const auto root = of.root.is == holder::kind::none ? by : describe(of.root, family);
  if (of.ways > 1)
    return fmt::format("reached by {}{} ways, one of them from {}{}", of.ways,
                       of.ways == marker::many_ways ? " or more" : "", root, root == by ? "" : " through " + by);
  return by + (root == by ? "" : ", reached from " + root);
}

std::string held_words(const finding& of, const task_family& family) {
  return (of.ways > 1 ? "held: " : "held by ") + describe_holders(of, family);
}

std::string describe(const holder& h, const task_family& family) {
  switch (h.is) {
    case holder::kind::none:
      return "nobody";
    case holder::kind::allocation:
      return fmt::format("an allocation of {} bytes at {:#x}", h.size, h.address);
    case holder::kind::frame:
      return frame_words(h.id, family);
    case holder::kind::module:
      return fmt::format("the data of {}", h.path);
    case holder::kind::stack: {
      const auto stack = h.id == 0 ? "the stack of the main thread" : fmt::format("the stack of thread {}", h.id);
      return h.variable.empty() ? stack : fmt::format("{} on {}", h.variable, stack);
    }
    case holder::kind::memory:
      return fmt::format("memory at {:#x}{}{}", h.address, h.path.empty() ? "" : " of ", h.path);
    case holder::kind::registers:
      return fmt::format("{}a register of thread {}", h.variable.empty() ? "" : h.variable + " in ", h.id);
    case holder::kind::kernel:
      return h.id == ~std::uint64_t{0} ? "a timer of the kernel's" : fmt::format("epoll instance {}", h.id);
  }
  return {};
}

}  // namespace tasks::cli
