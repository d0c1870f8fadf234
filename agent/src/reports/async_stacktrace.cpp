#include "tasks/async_stacktrace.hpp"

#include <ostream>
#include <sstream>
#include <string>
#include <utility>

#include "reports/frame_names.hpp"
#include "reports/spawn_sites.hpp"

namespace tasks {
namespace {

using detail::shown_frame;
using detail::stack_words;

/// Frames of a text: what is shown of them depends on the one before.
class frame_writer {
 public:
  frame_writer(std::ostream& out, detail::frame_names& names, detail::spawn_sites& sites) noexcept
      : out_(&out), names_(&names), sites_(&sites) {}

  void write(std::uint64_t where, bool is_after) {
    if (where == 0) return;
    const auto& shown = names_->find(where);
    if (shown.address != 0) return write_code(shown);
    if (shown.plumbing) return;
    // Thrown by the coroutine itself: one frame, of which both is known.
    const auto code = thrown_in_ == shown.function ? std::exchange(thrown_at_, {}) : std::string();
    flush();
    *out_ << shown.function << "\n\t" << (is_after ? "after " : "") << shown.place;
    if (!code.empty()) *out_ << ", at " << code;
    *out_ << '\n';
  }
  /// Before anything else is written.
  void flush() {
    if (!thrown_at_.empty()) *out_ << (thrown_in_.empty() ? "?" : thrown_in_) << "\n\t" << thrown_at_ << '\n';
    thrown_at_.clear();
  }

 private:
  void write_code(const shown_frame& shown) {
    flush();
    const auto& symbol = sites_->symbol(shown.address);
    if (symbol.plumbing) return;
    thrown_in_ = symbol.function;
    thrown_at_ = shown.place;
  }

  std::ostream* out_;
  detail::frame_names* names_;
  detail::spawn_sites* sites_;
  std::string thrown_in_;  ///< the function of a frame that is known by its code alone, …
  std::string thrown_at_;  ///< … and that code, until the next frame is known; empty: none
};

/// "spawned by task 1 in f()\n\tafter /src/lab.cpp:31\n", as much of it as is known.
void write_spawn_site(std::ostream& out, const stack_words::task& task, detail::spawn_sites& sites) {
  const auto site = sites.find(task.spawn_path, task.spawn_where, task.spawn_outer);
  if (task.parent == 0 && site.function.empty()) return;
  out << "spawned";
  if (task.parent != 0) out << " by task " << task.parent;
  if (!site.function.empty()) out << " in " << site.function;
  out << '\n';
  if (!site.line.empty()) out << (site.exact ? "\t" : "\tafter ") << site.line << '\n';
}

}  // namespace

void async_stacktrace::write(std::ostream& out) const {
  if (empty()) {
    out << (words_.was_taken ? "outside of any task\n" : "no task is known\n");
    return;
  }
  detail::frame_names names;
  detail::spawn_sites sites(names);
  out << "task " << task();
  if (!task_name().empty()) out << " \"" << task_name() << '"';
  out << ":\n";
  frame_writer frames(out, names, sites);
  std::size_t next = 0;
  for (std::size_t i = 0; i < words_.tasks; ++i) {
    const auto& task = words_.of[i];
    for (const auto end = next + task.frames; next < end; ++next)
      frames.write(words_.where[next], (*this)[next].is_after());
    frames.flush();
    if (task.missing != 0) out << "…" << task.missing << " more frames\n";
    const bool parent_follows = i + 1 < words_.tasks && words_.of[i + 1].frames != 0 && task.awaited;
    if (parent_follows)
      out << "awaited by task " << task.parent << ":\n";
    else
      write_spawn_site(out, task, sites);
  }
}

std::string to_string(const async_stacktrace& stack) {
  std::ostringstream out;
  stack.write(out);
  return std::move(out).str();
}

std::ostream& operator<<(std::ostream& out, const async_stacktrace& stack) {
  stack.write(out);
  return out;
}

}  // namespace tasks
