#pragma once

/// A memory of frames that never were: each begins with the body of a coroutine of this program and what destroys its
/// frames, and its promise has the members of an awaitable of Asio's, as a test wants them.
///
///   this program's symbols and debug information ──> bodies, layouts ──> forged_memory ──> memory_image
///
/// For tests that are compiled with debug information.

#include <unistd.h>

#include <algorithm>
#include <coroutine>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "coroutines/bodies.hpp"
#include "coroutines/body_machine.hpp"
#include "coroutines/code_bytes.hpp"
#include "coroutines/frame_layout.hpp"
#include "hookless/frame_scan.hpp"
#include "linux/memory.hpp"
#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"
#include "symbols/debug_units.hpp"
#include "symbols/modules.hpp"

namespace forged {

/// As Asio's of all versions begin.
struct awaitable_base {
  std::coroutine_handle<> coro_;
  void* attached_thread_ = nullptr;
  awaitable_base* caller_ = nullptr;
  void* pending_exception_[2] = {};
};

template <class Coroutine, class Base>
struct promise_of : Base {
  Coroutine get_return_object() { return {std::coroutine_handle<promise_of>::from_promise(*this)}; }
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void return_void() {}
  void unhandled_exception() { std::terminate(); }
};

struct entry_base : awaitable_base {
  awaitable_base* top_of_stack_ = nullptr;
};
struct other_base {
  void* next = nullptr;
};

template <class Base>
struct [[nodiscard]] coroutine {
  using promise_type = promise_of<coroutine, Base>;
  std::coroutine_handle<promise_type> frame;
};

[[gnu::noinline]] inline coroutine<awaitable_base> awaitable() {
  co_await std::suspend_always();
  co_await std::suspend_always();
}
[[gnu::noinline]] inline coroutine<other_base> of_another_library() {
  co_await std::suspend_always();
  co_await std::suspend_always();
}
namespace detail {
[[gnu::noinline]] inline coroutine<entry_base> co_spawn_entry_point() {
  co_await std::suspend_always();
  co_await std::suspend_always();
}
}  // namespace detail

}  // namespace forged

namespace tasks::cli {

/// One anonymous mapping.
class forged_memory final : public memory {
 public:
  static constexpr std::uint64_t begin = 0x100000;

  explicit forged_memory(std::uint64_t pages) : bytes_(pages * page_size) {
    auto& region = regions_.emplace_back();
    region.begin = begin;
    region.end = begin + bytes_.size();
    region.readable = region.writable = true;
  }
  void put(std::uint64_t address, const void* from, std::size_t size) {
    std::memcpy(bytes_.data() + (address - begin), from, size);
  }
  void put(std::uint64_t address, std::uint64_t word) { put(address, &word, sizeof word); }

  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    const auto offset = address - begin;
    if (address < begin || offset >= bytes_.size()) return 0;
    size = std::min<std::size_t>(size, bytes_.size() - offset);
    std::memcpy(to, bytes_.data() + offset, size);
    return size;
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return regions_; }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return 0; }

 private:
  std::vector<unsigned char> bytes_;
  std::vector<memory_region> regions_;
};

/// Of a memory in which some is not to be touched.
class forged_shadow final : public memory {
 public:
  explicit forged_shadow(range poisoned) : poisoned_(poisoned) {}
  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    constexpr unsigned char freed = 0xfd;
    for (std::size_t i = 0; i < size; ++i)
      static_cast<unsigned char*>(to)[i] = poisoned_.contains(asan_shadow::memory_of(address + i)) ? freed : 0;
    return size;
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return regions_; }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return 0; }

 private:
  range poisoned_;
  std::vector<memory_region> regions_;
};

/// What does not change.
struct own_program {
  modules code{getpid()};
  program_code symbols{code};
  debug_units debug{code};
  std::unique_ptr<memory> own = process_memory(getpid());
  code_bytes bytes{*own, code};
  body_machine machine{bytes};

  static own_program& get() {
    static own_program one;
    return one;
  }
};

struct forged_promise {
  std::uint64_t caller = 0, top_of_stack = 0, attached_thread = 0;
};

class forged_frames {
 public:
  explicit forged_frames(std::uint64_t pages = 4) : memory_(pages) {}

  const coroutine_body& awaitable = body_of(forged::awaitable());
  const coroutine_body& entry_point = body_of(forged::detail::co_spawn_entry_point());
  const coroutine_body& other = body_of(forged::of_another_library());
  /// Of suspend points: the first one, and another one.
  const std::uint64_t first_index = awaitable.is_gnu ? 2 : 0, later_index = awaitable.is_gnu ? 4 : 1;

  static constexpr std::uint64_t frame_distance = 256;
  /// Where frames may be put.
  [[nodiscard]] static constexpr std::uint64_t place(std::uint64_t number) {
    return forged_memory::begin + number * frame_distance;
  }
  /// What others know a frame by.
  [[nodiscard]] std::uint64_t promise(const coroutine_body& body, std::uint64_t number) {
    return place(number) + layouts_.of(body).promise;
  }

  /// One that is suspended at `later_index`.
  void put(const coroutine_body& body, std::uint64_t number, forged_promise its = {}) {
    const auto at = place(number);
    const auto& layout = written_.of(body);
    memory_.put(at, body.code.begin);
    memory_.put(at + 8, body.destroyers.at(0));
    if (layout.is_asio) {
      memory_.put(at + layout.coro, at);
      memory_.put(at + layout.attached_thread, its.attached_thread);
      memory_.put(at + layout.caller, its.caller);
    }
    if (layout.is_entry) memory_.put(at + layout.top_of_stack, its.top_of_stack);
    put_index(body, number, later_index);
  }
  void put_index(const coroutine_body& body, std::uint64_t number, std::uint64_t index) {
    const auto& layout = written_.of(body);
    memory_.put(place(number) + layout.index, &index, layout.index_size);
  }
  void put_word(std::uint64_t address, std::uint64_t word) { memory_.put(address, word); }
  /// As they are now.
  [[nodiscard]] const memory& bytes() const noexcept { return memory_; }
  /// An allocation from `first` to before `end`, and one more; the first one is free.
  void free(std::uint64_t first, std::uint64_t end) {
    const range chunks{place(first) - heap_map::header, place(end + 1) - heap_map::header};
    heap_.add_segment(chunks, {0, static_cast<std::uint32_t>((end - first) * frame_distance / 16)}, {true, false});
  }
  void kill(std::uint64_t first, std::uint64_t end) { stacks_.dead.push_back({place(first), place(end)}); }
  /// AddressSanitizer's word for it, of all that is freed or not given out.
  void poison(std::uint64_t first, std::uint64_t end) { poisoned_ = {place(first), place(end)}; }
  /// As if there were no debug information.
  void forget_layouts() {
    for (const auto* each : {&awaitable, &entry_point, &other}) layouts_.of(*each) = frame_layout();
  }
  [[nodiscard]] const frame_layout& layout_of(const coroutine_body& body) { return layouts_.of(body); }

  [[nodiscard]] frame_scan& scan() {
    static_cast<void>(heap_.seal());
    image_ = std::make_unique<memory_image>(memory_, nullptr);
    shadow_ = asan_shadow(forged_shadow(poisoned_), image_->runs());
    if (poisoned_.end != 0) stacks_.shadow = &shadow_;
    auto& program = own_program::get();
    scan_ = std::make_unique<frame_scan>(*image_, find_candidates(*image_, program.symbols), heap_, stacks_,
                                         program.symbols, layouts_, program.machine);
    return *scan_;
  }
  [[nodiscard]] const memory_image& image() const { return *image_; }

 private:
  template <class Coroutine>
  static const coroutine_body& body_of(Coroutine made) {
    std::uint64_t begin = 0;
    std::memcpy(&begin, made.frame.address(), sizeof begin);
    made.frame.destroy();
    return *own_program::get().symbols.body_at(begin);
  }

  forged_memory memory_;
  range poisoned_;
  asan_shadow shadow_;
  heap_map heap_;
  stack_memory stacks_;
  frame_layouts layouts_{own_program::get().debug}, written_{own_program::get().debug};
  std::unique_ptr<memory_image> image_;
  std::unique_ptr<frame_scan> scan_;
};

}  // namespace tasks::cli
