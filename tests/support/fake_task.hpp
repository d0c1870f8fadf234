#pragma once

/// Tasks without coroutines: a hook's calls, one after another, so that a test says exactly what a record holds.
/// Only for programs that link tasks::agent, and only on one thread a task.

#include <cstdint>
#include <iterator>
#include <source_location>
#include <utility>
#include <vector>

#include "tasks/detail/writer.hpp"

namespace tasks::testing {

class fake_task {
 public:
  using source = std::source_location;

  /// Begins a task, `ready`.
  fake_task() : frames_{detail::begin_task(this)} {}
  fake_task(fake_task&& other) noexcept : frames_(std::exchange(other.frames_, {})) {}
  fake_task& operator=(fake_task&&) = delete;
  ~fake_task() {
    if (frames_.empty()) return;
    detail::end_task(record());
    detail::this_thread.current = nullptr;
  }

  [[nodiscard]] layout::record* record() const { return detail::owner(frames_.front()); }
  [[nodiscard]] std::uint64_t id() const { return detail::load(record()->id); }
  [[nodiscard]] std::size_t depth() const { return frames_.size(); }

  /// Runs, awaiting at `where`.
  fake_task& run(const source& where = source::current()) {
    detail::resume(frames_.back());
    detail::set_location(frames_.back(), where);
    return *this;
  }
  /// Runs again, where it was.
  fake_task& wake() {
    detail::resume(frames_.back());
    return *this;
  }
  /// Enters another function, which awaits at `where`. Precondition: it runs.
  fake_task& enter(const source& where = source::current()) {
    enter_unhooked(0);
    detail::set_location(frames_.back(), where);
    return *this;
  }
  /// Enters one that leaves the address of its code.
  fake_task& enter_unhooked(std::uint64_t code) {
    // As a coroutine's frame does, it begins with an address of code.
    static std::uint64_t codes[65'536 + 16];
    void* frame = &codes[frames_.size() % std::size(codes)];
    detail::entry* top = frames_.back();
    detail::push(top, frame, code);
    frames_.push_back(detail::adopt(frame));
    return *this;
  }
  fake_task& leave() {
    frames_.pop_back();
    detail::pop(frames_.back());
    return *this;
  }
  /// Waits; `object` and `detail` as in layout::record.
  fake_task& wait(layout::wait_kind kind, std::uint64_t object = 0x5000,
                  layout::detail_kind what = layout::detail_kind::none, std::uint64_t detail = 0,
                  std::uint32_t fd = layout::no_descriptor) {
    detail::block(record());
    detail::publish_wait(record(), layout::pack_wait(kind, what, fd), object, detail);
    detail::this_thread.current = nullptr;
    return *this;
  }
  /// Blocked, without saying what for.
  fake_task& wait_unknown() {
    detail::block(record());
    detail::this_thread.current = nullptr;
    return *this;
  }

 private:
  std::vector<detail::entry*> frames_;
};

}  // namespace tasks::testing
