#include "tasks/leak_check.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>

#include "leak_check/leak_scope.hpp"
#include "leak_check/leak_search.hpp"
#include "readers/task_walk.hpp"
#include "registry/process_roots.hpp"

namespace tasks {
namespace {

using clock = std::chrono::steady_clock;

constexpr auto shortest_pause = std::chrono::microseconds(50);
constexpr auto longest_pause = std::chrono::milliseconds(10);

void print_and_abort(const leak_report& report) {
  std::fputs(report.text.c_str(), stderr);
  std::abort();
}

constinit std::atomic<leak_handler> handler{print_and_abort};

/// Looks until no task is left, or the deadline has passed; the last look is after it. Nothing tells of a task's end: a
/// notification would cost every task that ends, in every program. Polling takes a fifth of a core at most.
leak_report wait(const leak_options& options, detail::leak_scope* scope) {
  const auto until = clock::now() + options.deadline;
  detail::leak_search search(options);
  for (clock::duration pause = shortest_pause;; pause = std::min<clock::duration>(pause * 2, longest_pause)) {
    const auto begin = clock::now();
    if (options.poll) options.poll();
    search.look(scope);
    const auto end = clock::now();
    if (search.found().empty() || begin >= until) break;
    std::this_thread::sleep_for(std::min(std::max(pause, 4 * (end - begin)), until - end));
  }
  if (scope != nullptr) scope->excuse(search.found());
  return search.report();
}

}  // namespace

leak_handler set_leak_handler(leak_handler next) noexcept {
  return handler.exchange(next != nullptr ? next : print_and_abort, std::memory_order_acq_rel);
}

std::vector<std::uint64_t> current_tasks() {
  std::vector<std::uint64_t> ids;
  detail::make_registries_known();
  detail::task_walk walk({}, detail::task_walk::order::any);
  for (auto step = walk.next(); step != detail::task_walk::step::end; step = walk.next())
    if (step == detail::task_walk::step::task) ids.push_back(walk.task().id);
  return ids;
}

leak_report expect_no_leaks(const leak_options& options) { return wait(options, nullptr); }

leak_check::leak_check(leak_options options)
    : options_(std::move(options)),
      scope_(std::make_unique<detail::leak_scope>(options_.whole_process)),
      exceptions_(std::uncaught_exceptions()) {}

leak_check::~leak_check() noexcept(false) {
  if (std::uncaught_exceptions() > exceptions_) return;
  const auto report = end();
  if (report.tasks == 0) return;
  if (options_.on_leak)
    options_.on_leak(report);
  else
    handler.load(std::memory_order_acquire)(report);
}

leak_report leak_check::end() {
  const auto scope = std::move(scope_);
  return scope == nullptr ? leak_report() : wait(options_, scope.get());
}

void leak_check::ignore_current() {
  if (scope_ == nullptr) return;
  const leak_options everything;
  detail::leak_search search(everything);
  search.look(scope_.get());
  scope_->excuse(search.found());
}

leak_check::joined_thread::joined_thread(const leak_check& check) noexcept
    : scope_(check.scope_ != nullptr ? check.scope_->number() : 0),
      before_(check.scope_ != nullptr ? check.scope_->enter_thread() : 0) {}

leak_check::joined_thread::~joined_thread() {
  if (scope_ != 0) detail::leak_scope::leave_thread(scope_, before_);
}

}  // namespace tasks
