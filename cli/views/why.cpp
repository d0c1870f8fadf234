#include "views/why.hpp"

#include <iterator>
#include <set>
#include <string_view>

#include "base/prose.hpp"
#include "base/quantities.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "linux/kernel_words.hpp"
#include "views/json.hpp"
#include "views/stack.hpp"
#include "views/tree.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t most_shown = 10;  ///< of each task's wakers, in text

const graph_task* node_of(const why_survey& survey, std::uint64_t task) {
  const auto found = survey.graph.tasks.find(task);
  return found == survey.graph.tasks.end() ? nullptr : &found->second;
}

std::string object_words(const v1::Wait& wait) {
  const bool is_timer = wait.kind() == v1::Wait::TIMER;
  return fmt::format("{} {:#x}", is_timer ? "timer" : "channel", wait.object());
}

std::string channel_words(const v1::Wait& wait, bool closed) {
  const bool sends = wait.kind() == v1::Wait::CHANNEL_SEND;
  auto text = fmt::format("waits to {} {} [{}", sends ? "send on" : "receive from", object_words(wait),
                          sends ? "full" : "empty");
  if (wait.has_capacity()) text += fmt::format(", capacity {}", wait.capacity());
  return text + (closed ? ", closed]" : "]");
}

std::string timer_words(const v1::Wait& wait, const resolved& meaning, const render_context& context) {
  const auto when = expiry_of(wait, meaning);
  if (when == expiry::never) return fmt::format("waits on {}, which never expires", object_words(wait));
  if (when == expiry::unknown)
    return fmt::format("waits on {}, whose expiry is not known{}", object_words(wait),
                       meaning.clock == nullptr ? "" : " (clock " + *meaning.clock + ")");
  if (wait.expires_in_ms() < 0) return fmt::format("waits on {}, which has expired", object_words(wait));
  const auto left = format_age(static_cast<std::uint64_t>(wait.expires_in_ms()), context.resolution_ms);
  return fmt::format("waits on {}, which fires in {}", object_words(wait), left);
}

/// "reads a pipe (fd 9)"; empty: it is none, or nothing is read or written.
std::string pipe_words(const v1::Wait& wait, const endpoint* fd) {
  if (fd == nullptr || fd->is != endpoint::kind::pipe) return {};
  if (wait.kind() == v1::Wait::DESCRIPTOR_READ) return fmt::format("reads a pipe (fd {})", wait.fd());
  if (wait.kind() == v1::Wait::DESCRIPTOR_WRITE) return fmt::format("writes to a pipe (fd {})", wait.fd());
  return {};
}

void add_descriptor(std::vector<std::string>& sentences, const v1::Task& task, const resolved& meaning) {
  const auto& wait = task.wait();
  auto text = pipe_words(wait, meaning.fd);
  if (text.empty()) text = fmt::format("waits for {} on fd {}", kind_name(wait, meaning.fd), wait.fd());
  if (meaning.fd) text += endpoint_words(*meaning.fd);
  sentences.push_back(std::move(text));
  if (!meaning.fd) return;
  if (meaning.fd->connects) sentences.emplace_back("the peer has not answered yet");
  if (!meaning.fd->waiting || meaning.fd->connects) return;
  const auto& queues = *meaning.fd->waiting;
  if (meaning.fd->listens)
    sentences.push_back(
        fmt::format("the kernel has {} to be accepted",
                    queues.receive == 1 ? "1 connection" : fmt::format("{} connections", queues.receive)));
  else if (meaning.fd->name == "tcp")
    sentences.push_back(fmt::format("the kernel has {} to be read, and {} that the peer has not acknowledged",
                                    format_bytes(queues.receive), format_bytes(queues.send)));
  else
    sentences.push_back(fmt::format("the kernel has {} to be read", format_bytes(queues.receive)));
}

/// Of an operation's name: an experimental::promise begins nothing when it is awaited, and is Asio's nevertheless.
bool is_asios_own(std::string_view operation) { return operation.starts_with("promise.async_wait("); }

void add_lookup(std::vector<std::string>& sentences, const why_survey& survey, const render_context& context) {
  const auto* its = survey.subject.meaning.looked_up;
  if (its == nullptr) {
    sentences.emplace_back("waits for a name to be looked up");
    return;
  }
  const auto queued = survey.lookups.resolvers[its->resolver].queued.value_or(0);
  sentences.push_back(fmt::format("waits for {} to be looked up", name_of(*its)));
  if (its->tid != 0) {
    sentences.push_back(fmt::format("thread {} looks it up, which nothing can cancel", its->tid));
    if (queued != 0)
      sentences.push_back(fmt::format("{} more {} queued behind it", queued, queued == 1 ? "is" : "are"));
    return;
  }
  if (!its->before) {
    sentences.emplace_back("it is queued");
    return;
  }
  sentences.push_back(fmt::format("queued behind {} {}", *its->before, *its->before == 1 ? "lookup" : "lookups"));
  const auto* now = survey.subject.meaning.now;
  if (now == nullptr) return;
  auto text = fmt::format("thread {} looks up {} now", now->tid, name_of(*now));
  if (now->task != 0)
    text += fmt::format(", for which task {} has waited {}: {}", now->task,
                        format_age(now->age_ms, context.resolution_ms), why_line(now->task, context));
  sentences.push_back(std::move(text));
}

/// As far as the survey has them.
task_family family_of(const why_survey& survey) {
  const auto* task = &survey.subject.task;
  task_family family{task->id(), task->parent(), {}};
  while (task != nullptr && task->awaited() && family.awaited_by.size() <= survey.tasks.size()) {
    family.awaited_by.push_back(task->parent());
    const auto known = survey.tasks.find(task->parent());
    task = known == survey.tasks.end() ? nullptr : &known->second.task;
  }
  return family;
}

std::string verdict_words(const why_survey& survey) {
  const auto& proof = survey.proof;
  const auto kind = survey.subject.task.wait().kind();
  switch (proof.verdict) {
    case certainty::proven:
      return kind == v1::Wait::TASKS   ? "none of them will ever end: this task will never wake"
             : kind == v1::Wait::OTHER ? "nothing alive leads to its handler: this task will never wake"
                                       : "nothing alive points to it: this task will never wake";
    case certainty::likely:
      return "nothing that was read points to it: this task will probably never wake";
    case certainty::held:
      return held_words(proof, family_of(survey));
    case certainty::unchecked:
      return proof.reason.empty() ? "" : "it is not proven that it never wakes: " + proof.reason;
  }
  return {};
}

std::string holder_words(const referrer& other) {
  auto text = describe(other.from);
  if (other.allocations == 1) text += ", through an allocation";
  if (other.allocations > 1) text += fmt::format(", through {} allocations", other.allocations);
  return text;
}

class waker_lines {
 public:
  waker_lines(fmt::memory_buffer& out, const why_survey& survey, const render_context& context)
      : out_(out), survey_(survey), context_(context), seen_{survey.subject.task.id()} {}

  void under(std::uint64_t task, std::size_t depth) {
    const auto* node = node_of(survey_, task);
    if (node == nullptr) return;
    std::size_t shown = 0;
    for (const auto waker : node->wakers) {
      if (++shown > most_shown) break;
      line(waker, depth);
    }
    for (const auto& other : node->others) {
      if (++shown > most_shown) break;
      indent(depth);
      append(out_, holder_words(other) + "\n");
    }
    const auto all = node->wakers.size() + node->others.size();
    if (all <= most_shown) return;
    indent(depth);
    fmt::format_to(std::back_inserter(out_), "… and {} more\n", all - most_shown);
  }

 private:
  void indent(std::size_t depth) { append(out_, std::string(2 * depth, ' ')); }

  void line(std::uint64_t task, std::size_t depth) {
    indent(depth);
    const auto known = survey_.tasks.find(task);
    if (known == survey_.tasks.end()) {
      fmt::format_to(std::back_inserter(out_), "task {}\n", task);
      return;
    }
    render_tree_task(out_, known->second.task, known->second.meaning, context_);
    const bool again = !seen_.insert(task).second;
    append(out_, again ? "  (see above)\n" : "\n");
    if (!again) under(task, depth + 1);
  }

  fmt::memory_buffer& out_;
  const why_survey& survey_;
  const render_context& context_;
  std::set<std::uint64_t> seen_;
};

std::string cycle_words(const wait_cycle& cycle, const why_survey& survey) {
  std::string text;
  for (const auto& step : cycle) {
    text += fmt::format("task {} → ", step.task);
    if (step.object == 0) continue;
    const auto* node = node_of(survey, step.task);
    const bool is_timer = node && node->waits_for == layout::wait_kind::timer;
    text += fmt::format("{} {:#x} → ", is_timer ? "timer" : "channel", step.object);
  }
  return text + fmt::format("task {}", cycle.front().task);
}

v1::HolderView::Kind in_view(holder::kind kind) {
  switch (kind) {
    case holder::kind::none:
      break;
    case holder::kind::allocation:
      return v1::HolderView::ALLOCATION;
    case holder::kind::frame:
      return v1::HolderView::FRAME;
    case holder::kind::module:
      return v1::HolderView::MODULE;
    case holder::kind::stack:
      return v1::HolderView::STACK;
    case holder::kind::memory:
      return v1::HolderView::MEMORY;
    case holder::kind::registers:
      return v1::HolderView::REGISTERS;
    case holder::kind::kernel:
      return v1::HolderView::KERNEL;
  }
  return v1::HolderView::KIND_UNSPECIFIED;
}

void fill_holder(const holder& from, v1::HolderView& view) {
  view.set_kind(in_view(from.is));
  view.set_words(describe(from));
  view.set_path(from.path);
  if (from.address != 0) view.set_address(fmt::format("{:#x}", from.address));
  const auto id = static_cast<std::uint32_t>(from.id);
  if (from.is == holder::kind::allocation) view.set_size_bytes(from.size);
  if (from.is == holder::kind::frame) view.set_task_id(from.id);
  if (from.is == holder::kind::registers || (from.is == holder::kind::stack && from.id != 0)) view.set_tid(id);
  if (from.is == holder::kind::kernel && from.id != kernel_words::no_descriptor) view.set_fd(id);
}

/// Who holds it, by the parts of what verdict_words() says.
void fill_evidence(const finding& proof, v1::WhyView& view) {
  view.set_closed(proof.closed);
  if (proof.verdict == certainty::unchecked) view.set_unproven_reason(proof.reason);
  if (proof.verdict != certainty::held) return;
  view.set_ways(proof.ways);
  if (proof.by.is != holder::kind::none) fill_holder(proof.by, *view.mutable_held_by());
  if (proof.root.is != holder::kind::none) fill_holder(proof.root, *view.mutable_reached_from());
}

/// Tasks stand in the document once; `seen` has those.
void fill_wakers(const why_survey& survey, std::uint64_t task, std::set<std::uint64_t>& seen,
                 google::protobuf::RepeatedPtrField<v1::WakerView>& views) {
  const auto* node = node_of(survey, task);
  if (node == nullptr) return;
  for (const auto waker : node->wakers) {
    auto& view = *views.Add();
    view.mutable_task()->set_id(waker);
    if (const auto known = survey.tasks.find(waker); known != survey.tasks.end())
      fill_view(known->second.task, known->second.meaning, *view.mutable_task());
    if (seen.insert(waker).second) fill_wakers(survey, waker, seen, *view.mutable_wakers());
  }
  for (const auto& other : node->others) {
    auto& view = *views.Add();
    view.set_holder(describe(other.from));
    view.set_allocations(other.allocations);
    fill_holder(other.from, *view.mutable_held_by());
  }
}

}  // namespace

std::vector<std::string> wait_sentences(const why_survey& survey, const render_context& context) {
  const auto& task = survey.subject.task;
  const auto& wait = task.wait();
  const auto* node = node_of(survey, task.id());
  std::vector<std::string> sentences;
  const auto add_due = [&] {
    if (!survey.due) return;
    sentences.push_back(words_of(*survey.due));
    sentences.push_back(survey.due->available != 0
                            ? words_of_available(*survey.due, wait.kind() == v1::Wait::SOCKET_ACCEPT)
                            : survey.due->over);
    if (survey.due->behind != 0)
      sentences.push_back(fmt::format("task {} → {} → task {}, which runs: {}", task.id(), "its worker",
                                      survey.due->behind, why_line(survey.due->behind, context)));
  };
  if (task.state() == v1::Task::READY) {
    sentences.emplace_back("has not begun: it waits for its turn on an executor");
    add_due();
    return sentences;
  }
  if (survey.subject.meaning.busy) {
    return {fmt::format("is resumed {} times a second: whatever it waits for does not last",
                        format_rate(survey.subject.meaning.busy->per_second)),
            fmt::format("who resumes it: tasks threads {}", target_words(context))};
  }
  if (task.state() == v1::Task::RUNNING) {
    const auto since = task.age_unknown() ? age_words(task, context)
                                          : fmt::format(", for {} since it last awaited",
                                                        format_age(task.age_ms(), context.resolution_ms));
    sentences.push_back((task.thread() == 0 ? "runs" : fmt::format("runs on thread {}", task.thread())) + since);
    if (survey.running)
      if (auto words = instead_of_computing(*survey.running); !words.empty())
        sentences.push_back((survey.running->looks_up_by.empty() ? "is " : "") + std::move(words));
    if (survey.subject.meaning.native.empty())
      sentences.push_back(fmt::format("its native stack: {}", stack_line(task.id(), context)));
    return sentences;
  }
  switch (wait.kind()) {
    case v1::Wait::CHANNEL_SEND:
    case v1::Wait::CHANNEL_RECEIVE:
      sentences.push_back(channel_words(wait, survey.proof.closed));
      if (survey.proof.closed) sentences.emplace_back("close() wakes no sender that waits already: only cancel() does");
      break;
    case v1::Wait::TIMER:
      sentences.push_back(timer_words(wait, survey.subject.meaning, context));
      break;
    case v1::Wait::TASKS: {
      const auto count = node ? node->wakers.size() : 0;
      sentences.push_back(fmt::format("waits for {} {} that it spawned", count, count == 1 ? "task" : "tasks"));
      break;
    }
    case v1::Wait::POST:
      sentences.emplace_back("waits for its turn on an executor");
      break;
    case v1::Wait::SIGNAL:
      sentences.emplace_back("waits for a signal");
      break;
    case v1::Wait::RESOLVE:
      add_lookup(sentences, survey, context);
      break;
    default:
      if (wait.has_fd())
        add_descriptor(sentences, task, survey.subject.meaning);
      else if (survey.subject.meaning.operation != nullptr)
        sentences.push_back(
            fmt::format("waits for {}{}: {}", *survey.subject.meaning.operation,
                        is_asios_own(*survey.subject.meaning.operation) ? "" : ", an operation that is not Asio's own",
                        node && node->unnamed ? "who has its handler can end it" : "what ends it is not known"));
      else
        sentences.emplace_back("it is not known what it waits for");
  }
  if (node && node->beside != 0)
    sentences.push_back(fmt::format("{} more {} {} it", node->beside, node->beside == 1 ? "task waits" : "tasks wait",
                                    node->unnamed ? "for" : "on"));
  if (survey.idle)
    sentences.push_back("nothing else pends there, nor in any other that a thread runs: " + words_of(*survey.idle));
  add_due();
  return sentences;
}

void render_why(fmt::memory_buffer& out, const why_survey& survey, const render_context& context) {
  const auto& subject = survey.subject;
  render_task(out, subject.task, subject.meaning, true, context);
  out.push_back('\n');
  for (const auto& sentence : wait_sentences(survey, context)) append_prose(out, sentence, context.style);
  if (const auto text = verdict_words(survey); !text.empty()) append_prose(out, text, context.style);
  if (const auto* node = node_of(survey, subject.task.id()); node && !(node->wakers.empty() && node->others.empty())) {
    append(out, subject.task.wait().kind() == v1::Wait::TASKS ? "\nthose tasks, and who points to what they wait on:\n"
                : node->unnamed                               ? "\nwho leads to its handler, and what those wait for:\n"
                                                              : "\nwho points to it, and what those wait for:\n");
    waker_lines(out, survey, context).under(subject.task.id(), 1);
  }
  if (!survey.cycle.empty()) {
    out.push_back('\n');
    append_prose(out, "cycle: " + cycle_words(survey.cycle, survey), context.style);
  }
  if (survey.stopped_ms > 0)
    fmt::format_to(std::back_inserter(out), "\ntarget stopped {:.1f} ms to be copied\n", survey.stopped_ms);
  if (!survey.notes.empty()) out.push_back('\n');
  for (const auto& note : survey.notes) append_prose(out, "! " + note, context.style);
}

void fill_view(const why_survey& survey, const render_context& context, v1::WhyView& view) {
  const auto& subject = survey.subject;
  fill_view(subject.task, subject.meaning, *view.mutable_task());
  if (survey.due) fill_view(*survey.due, *view.mutable_task()->mutable_due());
  for (const auto& sentence : wait_sentences(survey, context)) view.add_waits(sentence);
  if (survey.proof.verdict == certainty::proven) view.set_verdict(v1::WhyView::NEVER_WAKES);
  if (survey.proof.verdict == certainty::likely) view.set_verdict(v1::WhyView::LIKELY);
  if (survey.proof.verdict == certainty::held) view.set_verdict(v1::WhyView::HELD);
  view.set_evidence(verdict_words(survey));
  fill_evidence(survey.proof, view);
  if (const auto* node = node_of(survey, subject.task.id())) view.set_beside(node->beside);
  if (subject.meaning.fd && subject.meaning.fd->waiting && subject.meaning.fd->listens) {
    view.set_connections(subject.meaning.fd->waiting->receive);
  } else if (subject.meaning.fd && subject.meaning.fd->waiting) {
    view.set_receive_queue_bytes(subject.meaning.fd->waiting->receive);
    view.set_send_queue_bytes(subject.meaning.fd->waiting->send);
  }
  std::set<std::uint64_t> seen{subject.task.id()};
  fill_wakers(survey, subject.task.id(), seen, *view.mutable_wakers());
  fill_view(survey.cycle, *view.mutable_cycle());
  for (const auto& note : survey.notes) view.add_notes(note);
  view.set_stopped_seconds(survey.stopped_ms / 1000);
  if (survey.running && survey.running->owner != 0) view.set_mutex_owner(survey.running->owner);
}

}  // namespace tasks::cli
