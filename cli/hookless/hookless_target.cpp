#include "hookless/hookless_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "hookless/look.hpp"
#include "linux/elf_note.hpp"
#include "linux/proc.hpp"
#include "picture/agent_memory.hpp"
#include "picture/still_target.hpp"
#include "target/native_stack.hpp"
#include "target/registry_reader.hpp"
#include "target/sleepers.hpp"
#include "task_copy.hpp"

namespace tasks::cli {
namespace {

/// Of the last look, whichever that is.
class memory_of_last_look final : public memory {
 public:
  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    return its_->read(address, to, size);
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return its_->regions(); }
  [[nodiscard]] bool find_used(const memory_region& region, std::vector<range>& used) const override {
    return its_->find_used(region, used);
  }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return its_->last_error(); }
  void set(std::unique_ptr<memory> its) { its_ = std::move(its); }

 private:
  std::unique_ptr<memory> its_;
};

class held_look final : public standstill {
 public:
  held_look(const memory& bytes, const picture& taken) : bytes_(bytes), taken_(taken) {}
  [[nodiscard]] const memory& bytes() const override { return bytes_; }
  [[nodiscard]] const std::vector<thread_registers>& threads() const override { return taken_.threads; }
  [[nodiscard]] kernel_words kernel() const override { return taken_.kernel; }
  [[nodiscard]] double stopped_ms() const override { return taken_.stopped_ms; }

 private:
  const memory& bytes_;
  const picture& taken_;
};

/// Of a process, by the number of a thread of it that lives.
std::optional<bool> is_socket(pid_t thread, std::uint32_t fd) {
  const auto leads_to = read_link(fmt::format("/proc/{}/fd/{}", thread, fd).c_str());
  if (!leads_to) return std::nullopt;
  return leads_to->starts_with("socket:");
}

/// What to do is said for commands that can do without a copy; here there is nothing without one.
error without_options(error why) {
  if (why.next_step.empty() || why.next_step.find("--no-prove") != std::string::npos)
    why.next_step =
        "without a copy of its memory only programs that link tasks::asio or tasks::boost_asio are looked at";
  return why;
}

/// A program that has the hook is looked at as if it had none (--no-hook): its own registry, which has each task's
/// frames, and its agent's copies are in no program that was built without.
void forget_hook(picture& of, pid_t pid) {
  const auto hooked = live_target(pid);
  if (!hooked->roots()) return;
  registry_reader reader(of.image, *hooked->roots());
  reader.each_record([](std::uint64_t, const unsigned char*) {});
  for (const auto& copies : agent_memory(of.image, *hooked->roots())) of.image.forget(copies);
  for (const auto& slab : reader.slabs()) of.image.forget(slab);
}

class without_hook final : public hookless_target {
 public:
  without_hook(std::shared_ptr<target> from, std::shared_ptr<sightings> seen)
      : from_(std::move(from)),
        program_(from_->bytes(), from_->code()),
        seen_(std::move(seen)),
        roots_(std::vector<root_copy>()) {}

  [[nodiscard]] const program_code& program() const noexcept { return program_.code; }

  [[nodiscard]] pid_t pid() const override { return from_->pid(); }
  [[nodiscard]] bool is_alive() const override { return from_->is_alive(); }
  [[nodiscard]] bool is_still() const override { return true; }
  [[nodiscard]] const memory& bytes() const override { return bytes_; }
  [[nodiscard]] const result<std::vector<root_copy>>& roots() const override { return roots_; }
  [[nodiscard]] bool has_hook() const override { return false; }
  [[nodiscard]] std::vector<os_thread> threads() const override { return view_.threads; }
  [[nodiscard]] std::optional<death> ended_by() const override { return from_->ended_by(); }
  [[nodiscard]] modules& code() override { return from_->code(); }
  [[nodiscard]] std::uint64_t looked_at_ms() const override { return looked_at_ms_; }
  [[nodiscard]] std::optional<error> has_changed() const override { return from_->has_changed(); }
  [[nodiscard]] bool ran_meanwhile() const override { return taken_ && !taken_->moved.empty(); }
  [[nodiscard]] std::uint64_t left_out() const override { return view_.left_out; }
  [[nodiscard]] bool knows_lines() const override { return view_.knows_lines; }

  result<void> look_again(stop_order::whom whom, std::optional<std::chrono::milliseconds> longest) override {
    // A core does not change.
    if (taken_ && !is_alive()) return {};
    process_view view;
    view.inner_pid = pid();
    if (is_alive()) {
      const auto stat = read_stat(pid());
      if (!stat) return no_such_process(pid());
      view.inner_pid = innermost_pid(pid());
      view.start_time = stat->start_time;
      view.asks = [thread = living_thread(pid())](std::uint32_t fd) { return is_socket(thread, fd); };
    } else {
      view.knows_time = false;
      view.asks = [](std::uint32_t) { return std::nullopt; };
    }
    view.threads = from_->threads();
    view.now_ms = detail::monotonic_ms();
    view.seen = seen_.get();
    auto copied = take_picture(*from_, whom, longest);
    if (!copied) return without_options(copied.why());
    auto taken = std::make_unique<picture>(*std::move(copied));
    if (!taken->moved.empty()) view.once_more = &from_->bytes();
    taken->image.forget_spare_room();
    if (is_alive()) forget_hook(*taken, pid());
    if (const auto put = put_registry(*taken, program_, from_->names(), view); !put) {
      auto why = put.why();
      why.subject = subject_of(pid());
      return why;
    }
    bytes_.set(memory_of(taken->image, from_->bytes()));
    taken_ = std::move(taken);
    looked_at_ms_ = is_alive() ? view.now_ms : 0;
    view_ = std::move(view);
    roots_ = taken_->roots;
    code().save();
    return {};
  }

  const thread_copies& copy_stacks(std::span<const pid_t> tids) override {
    if (!is_alive()) return from_->copy_stacks(tids);
    copies_.threads = copies_of(*taken_, bytes_, tids);
    if (!std::exchange(is_attached_, true)) static_cast<void>(attach(code(), copies_.threads));
    for (auto& copy : copies_.threads)
      if (copy.slept) static_cast<void>(find_frame_pointer(code(), bytes_, copy));
    return copies_;
  }

  [[nodiscard]] result<std::unique_ptr<standstill>> hold(const stop_order&) const override {
    if (ran_meanwhile()) return not_one_moment(pid(), *taken_->moved.begin());
    return std::unique_ptr<standstill>(std::make_unique<held_look>(bytes_, *taken_));
  }

 private:
  thread_copies copies_;  ///< before the code, which looks at them
  std::shared_ptr<target> from_;
  coroutine_program program_;
  std::shared_ptr<sightings> seen_;
  std::unique_ptr<picture> taken_;
  memory_of_last_look bytes_;
  process_view view_;
  std::uint64_t looked_at_ms_ = 0;
  result<std::vector<root_copy>> roots_;
  bool is_attached_ = false;
};

/// Why no coroutine's body is known.
error nothing_known(const target& from, modules& code) {
  bool has_symbols = false;
  if (auto* dwfl = code.dwfl()) {
    dwfl_getmodules(
        dwfl,
        [](Dwfl_Module* module, void**, const char*, Dwarf_Addr, void* found) {
          // Of the executable, which comes first.
          *static_cast<bool*>(found) =
              dwfl_module_getsymtab(module) > 0 && dwfl_module_getsymtab_first_global(module) > 1;
          return static_cast<int>(DWARF_CB_ABORT);
        },
        &has_symbols, 0);
  }
  const auto subject = from.is_alive() ? subject_of(from.pid()) : std::string("core");
  if (!has_symbols)
    return {error_code::not_instrumented, subject, "not instrumented, and without symbols its coroutines are not known",
            in_a_line({{"install its debug symbols", "", true}, to_have_a_hook()})};
  return {error_code::not_instrumented, subject, "not instrumented, and it has no coroutines",
          "tasks operations shows its callbacks; link tasks::asio or tasks::boost_asio into it if it has coroutines"};
}

}  // namespace

result<std::shared_ptr<hookless_target>> find_tasks(std::shared_ptr<target> from, stop_order::whom whom,
                                                    std::shared_ptr<sightings> seen,
                                                    std::optional<std::chrono::milliseconds> longest) {
  static_cast<void>(from->roots());  // from now on it has to stay the program that it is
  auto& code = from->code();
  code.keep([&bytes = from->bytes()](std::uint64_t begin) {
    return build_id_at([&](std::uint64_t at, void* to, std::size_t n) { return bytes.read(at, to, n) == n; }, begin);
  });
  auto found = std::make_shared<without_hook>(from, std::move(seen));
  if (!found->program().has_coroutines()) return nothing_known(*from, code);
  if (const auto looked = found->look_again(whom, longest); !looked) return looked.why();
  return std::shared_ptr<hookless_target>(std::move(found));
}

}  // namespace tasks::cli
