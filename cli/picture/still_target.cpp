#include "picture/still_target.hpp"

#include <algorithm>
#include <utility>

#include "target/native_stack.hpp"
#include "target/sleepers.hpp"

namespace tasks::cli {
namespace {

/// What was copied, and of files what still is as they say.
class still_memory final : public memory {
 public:
  still_memory(const memory_image& image, const memory& live) : image_(image), live_(live) {}

  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    std::size_t done = 0;
    while (done < size) {
      const auto n = read_part(address + done, static_cast<unsigned char*>(to) + done, size - done);
      if (n == 0) break;
      done += n;
    }
    return done;
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return image_.regions(); }
  [[nodiscard]] bool find_used(const memory_region& region, std::vector<range>& used) const override {
    return image_.find_used(region, used);
  }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return live_.last_error(); }

 private:
  /// As far as one of the two tells.
  std::size_t read_part(std::uint64_t address, unsigned char* to, std::size_t size) const {
    const auto& runs = image_.runs();
    const auto next = std::upper_bound(runs.begin(), runs.end(), address,
                                       [](std::uint64_t at, const range& run) { return at < run.begin; });
    if (next != runs.begin() && std::prev(next)->contains(address))
      return image_.read_original(address, to, std::min<std::uint64_t>(size, std::prev(next)->end - address));
    if (next != runs.end()) size = std::min<std::uint64_t>(size, next->begin - address);
    const auto* area = image_.area_of(address);
    if (area == nullptr || !area->is_anonymous()) return live_.read(address, to, size);
    return image_.read_original(address, to, std::min<std::uint64_t>(size, area->end - address));
  }

  const memory_image& image_;
  const memory& live_;
};

class still_moment final : public standstill {
 public:
  still_moment(const memory& bytes, const picture& taken) : bytes_(bytes), taken_(taken) {}
  [[nodiscard]] const memory& bytes() const override { return bytes_; }
  [[nodiscard]] const std::vector<thread_registers>& threads() const override { return taken_.threads; }
  [[nodiscard]] kernel_words kernel() const override { return taken_.kernel; }

 private:
  const memory& bytes_;
  const picture& taken_;
};

class still_process final : public target {
 public:
  still_process(std::shared_ptr<target> live, std::shared_ptr<const picture> taken, std::vector<os_thread> threads)
      : live_(std::move(live)),
        taken_(std::move(taken)),
        threads_(std::move(threads)),
        bytes_(taken_->image, live_->bytes()),
        roots_(taken_->roots),
        code_(live_->pid()) {}

  [[nodiscard]] pid_t pid() const override { return live_->pid(); }
  [[nodiscard]] bool is_alive() const override { return true; }
  [[nodiscard]] bool is_still() const override { return true; }
  [[nodiscard]] const memory& bytes() const override { return bytes_; }
  [[nodiscard]] const result<std::vector<root_copy>>& roots() const override { return roots_; }
  [[nodiscard]] std::vector<os_thread> threads() const override { return threads_; }
  [[nodiscard]] modules& code() override { return code_; }

  /// Of all of them, whoever is asked for: they are there.
  const thread_copies& copy_stacks(std::span<const pid_t> tids) override {
    copies_.threads = copies_of(*taken_, bytes_, tids);
    if (!attached_) attached_ = attach(code_, copies_.threads);
    for (auto& copy : copies_.threads)
      if (copy.slept) static_cast<void>(find_frame_pointer(code_, bytes_, copy));
    return copies_;
  }

  [[nodiscard]] result<std::unique_ptr<standstill>> hold(const stop_order&) const override {
    return std::unique_ptr<standstill>(std::make_unique<still_moment>(bytes_, *taken_));
  }

 private:
  std::shared_ptr<target> live_;
  std::shared_ptr<const picture> taken_;
  std::vector<os_thread> threads_;
  still_memory bytes_;
  result<std::vector<root_copy>> roots_;
  thread_copies copies_;  ///< before code_, which looks at them
  modules code_;
  bool attached_ = false;
};

thread_copy copy_thread(const picture& taken, const memory& bytes, pid_t tid) {
  thread_copy copy;
  copy.tid = tid;
  const auto found = std::find_if(taken.threads.begin(), taken.threads.end(), [tid](const thread_registers& t) {
    return t.tid == static_cast<std::uint32_t>(tid);
  });
  if (found == taken.threads.end()) {
    copy.failure = "the thread has ended";
    return copy;
  }
  copy.registers = in_dwarf_order(found->general);
  copy.pc = found->instruction_pointer;
  copy.slept = found->slept;
  copy.stack_begin = found->stack_pointer - red_zone;
  copy.stack.resize(most_stack);
  copy.stack.resize(bytes.read(copy.stack_begin, copy.stack.data(), copy.stack.size()));
  return copy;
}

}  // namespace

std::unique_ptr<memory> memory_of(const memory_image& image, const memory& live) {
  return std::make_unique<still_memory>(image, live);
}

std::vector<thread_copy> copies_of(const picture& taken, const memory& bytes, std::span<const pid_t> tids) {
  std::vector<thread_copy> copies;
  for (const auto tid : tids) copies.push_back(copy_thread(taken, bytes, tid));
  return copies;
}

std::shared_ptr<target> still_target(std::shared_ptr<target> live, std::shared_ptr<const picture> taken,
                                     std::vector<os_thread> threads) {
  return std::make_shared<still_process>(std::move(live), std::move(taken), std::move(threads));
}

}  // namespace tasks::cli
