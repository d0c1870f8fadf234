#include "linux/perf_sampler.hpp"

#include <asm/perf_regs.h>
#include <errno.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <utility>

#include "linux/kernel_pages.hpp"
#include "linux/memory.hpp"
#include "linux/registers.hpp"

namespace tasks::cli {
namespace {

using perf_clock = std::chrono::steady_clock;

constexpr const char* paranoid_setting = "/proc/sys/kernel/perf_event_paranoid";

/// Registers as perf_event_open(2) numbers them, in the order of DWARF's numbers; the place in the code is the last.
#if defined(__x86_64__)
constexpr std::array perf_registers = {
    PERF_REG_X86_AX,  PERF_REG_X86_DX,  PERF_REG_X86_CX,  PERF_REG_X86_BX,  PERF_REG_X86_SI,  PERF_REG_X86_DI,
    PERF_REG_X86_BP,  PERF_REG_X86_SP,  PERF_REG_X86_R8,  PERF_REG_X86_R9,  PERF_REG_X86_R10, PERF_REG_X86_R11,
    PERF_REG_X86_R12, PERF_REG_X86_R13, PERF_REG_X86_R14, PERF_REG_X86_R15, PERF_REG_X86_IP};
constexpr std::uint64_t abi_of_64_bits = PERF_SAMPLE_REGS_ABI_64;
#elif defined(__aarch64__)
constexpr std::array perf_registers = [] {
  std::array<perf_event_arm_regs, 33> all{};  // x0 to x30, the stack pointer, the place
  for (unsigned i = 0; i < all.size(); ++i) all[i] = static_cast<perf_event_arm_regs>(i);
  return all;
}();
constexpr std::uint64_t abi_of_64_bits = PERF_SAMPLE_REGS_ABI_64;
#endif

constexpr std::uint64_t register_mask() {
  std::uint64_t mask = 0;
  for (const auto each : perf_registers) mask |= std::uint64_t{1} << each;
  return mask;
}

/// The kernel has them in the order of their bits.
constexpr std::size_t place_in_sample(unsigned number) {
  return static_cast<std::size_t>(std::popcount(register_mask() & ((std::uint64_t{1} << number) - 1)));
}

perf_event_attr attributes_of(std::uint64_t period_ns, bool with_kernel) {
  perf_event_attr wanted{};
  wanted.size = sizeof wanted;
  wanted.type = PERF_TYPE_SOFTWARE;
  wanted.config = PERF_COUNT_SW_TASK_CLOCK;
  wanted.sample_period = period_ns;
  wanted.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_READ | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
  wanted.sample_regs_user = register_mask();
  wanted.sample_stack_user = sampled_stack;
  wanted.exclude_kernel = !with_kernel;
  wanted.exclude_hv = !with_kernel;
  wanted.wakeup_events = 1;
  wanted.use_clockid = 1;
  wanted.clockid = CLOCK_MONOTONIC;
  return wanted;
}

/// Pages of a ring's data: powers of two. What may be locked is limited for who is not root.
constexpr std::size_t most_pages = 32, fewest_pages = 16, many_threads = 64;

/// Takes values off the begin of a record.
class record_fields {
 public:
  explicit record_fields(std::span<const unsigned char> record) : rest_(record.subspan(sizeof(perf_event_header))) {}
  /// 0 where it ends.
  std::uint64_t word() {
    std::uint64_t value = 0;
    const auto bytes = take(sizeof value);
    if (bytes.size() == sizeof value) ::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::span<const unsigned char> take(std::size_t size) {
    const auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const unsigned char> rest_;
};

std::string paranoid_level(const std::string& file) {
  auto text = read_file(file.c_str()).value_or("");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

/// A mapped event's records.
class perf_ring {
 public:
  perf_ring() = default;
  ~perf_ring() {
    if (head_ != nullptr) ::munmap(head_, size_ + kernel_page_size());
  }
  perf_ring(const perf_ring&) = delete;
  perf_ring& operator=(const perf_ring&) = delete;

  /// False: errno says why.
  [[nodiscard]] bool map(int event, std::size_t pages) {
    const auto page = kernel_page_size();
    void* at = ::mmap(nullptr, pages * page_size + page, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
    if (at == MAP_FAILED) return false;
    head_ = static_cast<perf_event_mmap_page*>(at);
    size_ = pages * page_size;
    return true;
  }

  /// The next record, header first; false: there is none.
  [[nodiscard]] bool next(std::vector<unsigned char>& record) {
    // The kernel stores the head behind its records, and does not write over what is before the tail.
    const auto head = __atomic_load_n(&head_->data_head, __ATOMIC_ACQUIRE);
    const auto tail = head_->data_tail;
    if (head == tail) return false;
    perf_event_header header;
    copy(tail, &header, sizeof header);
    record.resize(header.size);
    copy(tail, record.data(), record.size());
    __atomic_store_n(&head_->data_tail, tail + header.size, __ATOMIC_RELEASE);
    return true;
  }

 private:
  void copy(std::uint64_t from, void* to, std::size_t size) const {
    const auto* data = reinterpret_cast<const unsigned char*>(head_) + kernel_page_size();
    const auto at = static_cast<std::size_t>(from % size_);
    const auto before_end = std::min(size, size_ - at);
    ::memcpy(to, data + at, before_end);
    ::memcpy(static_cast<unsigned char*>(to) + before_end, data, size - before_end);
  }

  perf_event_mmap_page* head_ = nullptr;
  std::size_t size_ = 0;
};

class perf_sampler::thread_event {
 public:
  thread_event(pid_t of, descriptor opened, bool samples_the_kernel)
      : tid(of), file(std::move(opened)), with_kernel(samples_the_kernel) {}

  pid_t tid;
  descriptor file;
  bool with_kernel;
  perf_ring ring;
  std::uint64_t counted_ns = 0;  ///< at its last sample
};

perf_sampler::perf_sampler(pid_t pid, std::chrono::nanoseconds period)
    : pid_(pid), period_ns_(static_cast<std::uint64_t>(period.count())), poll_(::epoll_create1(EPOLL_CLOEXEC)) {}

perf_sampler::~perf_sampler() = default;

int perf_sampler::open_event(pid_t tid) {
  for (;;) {
    auto wanted = attributes_of(period_ns_, samples_kernel_);
    const auto opened = ::syscall(SYS_perf_event_open, &wanted, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (opened >= 0 || !samples_kernel_ || (errno != EACCES && errno != EPERM)) return static_cast<int>(opened);
    samples_kernel_ = false;
  }
}

result<void> perf_sampler::add(pid_t tid) {
  remove(tid);
  descriptor opened(open_event(tid));
  if (!opened && errno == ESRCH) return {};
  if (!opened) return perf_refusal(subject_of(pid_), errno, paranoid_setting);
  auto event = std::make_unique<thread_event>(tid, std::move(opened), samples_kernel_);
  const int file = event->file.get();
  const auto pages = events_.size() < many_threads ? most_pages : fewest_pages;
  if (!event->ring.map(file, pages) && !event->ring.map(file, fewest_pages))
    return error{error_code::permission_denied, subject_of(pid_),
                 fmt::format("perf events of {} threads and more have no room: {}", events_.size(), ::strerror(errno)),
                 "raise kernel.perf_event_mlock_kb, run as root, or --by stops"};
  epoll_event when{};
  when.events = EPOLLIN;
  when.data.fd = tid;
  if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, file, &when) != 0)
    return error{error_code::system, subject_of(pid_), fmt::format("epoll_ctl: {}", ::strerror(errno)), ""};
  events_.push_back(std::move(event));
  return {};
}

void perf_sampler::remove(pid_t tid) {
  std::erase_if(events_, [tid](const auto& each) { return each->tid == tid; });
}

void perf_sampler::take(perf_clock::time_point until, const visitor& visit) {
  std::array<epoll_event, 64> ready;
  const auto left = std::max(until - perf_clock::now(), perf_clock::duration(0));
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  const int count = ::epoll_wait(poll_.get(), ready.data(), static_cast<int>(ready.size()), static_cast<int>(rounded));
  for (int i = 0; i < count; ++i) {
    const auto& each = ready[static_cast<std::size_t>(i)];
    const auto found = std::find_if(events_.begin(), events_.end(),
                                    [tid = each.data.fd](const auto& event) { return event->tid == tid; });
    if (found == events_.end()) continue;
    drain(**found, visit);
    // Its thread has ended, and it would be ready for ever.
    if ((each.events & EPOLLHUP) != 0) events_.erase(found);
  }
}

void perf_sampler::take_rest(const visitor& visit) {
  for (auto& each : events_) drain(*each, visit);
}

void perf_sampler::drain(thread_event& event, const visitor& visit) {
  while (event.ring.next(record_)) {
    perf_event_header header;
    ::memcpy(&header, record_.data(), sizeof header);
    if (header.type == PERF_RECORD_SAMPLE) visit_sample(event, record_, visit);
    if (header.type != PERF_RECORD_LOST) continue;
    record_fields fields(record_);
    fields.word();  // the event's number
    lost_ += fields.word();
  }
}

void perf_sampler::visit_sample(thread_event& event, std::span<const unsigned char> record, const visitor& visit) {
  record_fields fields(record);
  auto& copy = sample_.stack;
  copy.tid = event.tid;
  sample_.at = perf_clock::time_point(std::chrono::nanoseconds(fields.word()));
  const auto counted_ns = fields.word();
  sample_.weight_ns = event.with_kernel ? counted_ns - event.counted_ns : period_ns_;
  event.counted_ns = counted_ns;
  // The thread may be about to end, and have no user's registers any more.
  if (fields.word() != abi_of_64_bits) return;
  std::array<std::uint64_t, perf_registers.size()> values;
  for (auto& each : values) each = fields.word();
  copy.registers.resize(perf_registers.size());
  for (std::size_t i = 0; i < perf_registers.size(); ++i)
    copy.registers[i] = values[place_in_sample(perf_registers[i])];
  copy.pc = copy.registers.back();
#if defined(__aarch64__)
  copy.registers.pop_back();
#endif
  copy.stack_begin = copy.registers[stack_pointer_number];
  const auto size = fields.word();
  const auto bytes = fields.take(size);
  // How much of it is there is said behind it.
  const auto used = bytes.first(std::min<std::size_t>(size == 0 ? 0 : fields.word(), bytes.size()));
  copy.stack.assign(used.begin(), used.end());
  visit(sample_);
}

obstacle what_forbids_events(int reason, const std::string& paranoid_file) {
  const remedy by_stops{"--by stops"};
  if (reason == EMFILE || reason == ENFILE)
    return {fmt::format("perf events need a descriptor a thread: {}", ::strerror(reason)),
            {{"raise the limit of open files (ulimit -n)"}, by_stops}};
  if (reason != EACCES && reason != EPERM)
    return {fmt::format("this kernel has no perf events: {}", ::strerror(reason)), {by_stops}};
  const auto level = paranoid_level(paranoid_file);
  int number = 0;
  std::from_chars(level.data(), level.data() + level.size(), number);
  // Above 2 some distributions' kernels allow them to root alone.
  if (number > 2)
    return {fmt::format("perf events are not allowed: kernel.perf_event_paranoid is {}", level),
            {{"sysctl kernel.perf_event_paranoid=2", "sysctl kernel.perf_event_paranoid=2", true},
             {"run as root", "", true},
             by_stops}};
  return {fmt::format("perf events of it are not allowed: {}", ::strerror(reason)),
          {{"run as its user, or as root; in a container with CAP_PERFMON; or --by stops"}}};
}

error perf_refusal(std::string subject, int reason, const std::string& paranoid_file) {
  auto forbids = what_forbids_events(reason, paranoid_file);
  return {error_code::permission_denied, std::move(subject), std::move(forbids.fact), in_a_line(forbids.mends)};
}

int perf_sampler::try_event(pid_t tid) {
  perf_sampler sampler(tid, std::chrono::milliseconds(1));
  const descriptor opened(sampler.open_event(tid));
  return opened ? 0 : errno;
}

}  // namespace tasks::cli
