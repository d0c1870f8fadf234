// verdict: none
/// Idle pools that are held by a global, directly or through the heap, in every shape that an owner can have.

#include <sys/mman.h>
#include <unistd.h>

#include <any>
#include <deque>
#include <map>

#include "healthy.hpp"

#if __has_include(<boost/lockfree/stack.hpp>)
#  include <boost/lockfree/stack.hpp>
#endif

namespace leaks {
namespace {

std::shared_ptr<pool> global;
void start_global(asio::io_context& io) { global = make_pool(io); }
void wake_global() { global->jobs.close(); }

std::optional<pool> in_data;
void start_in_data(asio::io_context& io) { co_spawn(io, idle_in(in_data.emplace(io.get_executor())), detached); }
void wake_in_data() { in_data->jobs.close(); }

std::map<std::string, std::function<void()>> commands;
void start_function_in_map(asio::io_context& io) {
  commands["stop"] = [held = make_pool(io)] { held->jobs.close(); };
}
void wake_function_in_map() { commands["stop"](); }

/// Known by its start alone; its task knows the pool inside.
struct service {
  explicit service(const any_io_executor& executor) : workers(executor) {}
  std::array<char, 500> settings{};
  pool workers;
};
std::unique_ptr<service> known_by_start;
void start_member_at_offset(asio::io_context& io) {
  known_by_start = std::make_unique<service>(io.get_executor());
  co_spawn(io, idle_in(known_by_start->workers), detached);
}
void wake_member_at_offset() { known_by_start->workers.jobs.close(); }

std::weak_ptr<pool> weak;
void start_weak(asio::io_context& io) { weak = make_pool(io); }
void wake_weak() { weak.lock()->jobs.close(); }

void start_weak_of_new(asio::io_context& io) {
  const std::shared_ptr<pool> owner(new pool(io.get_executor()));
  co_spawn(io, idle(owner), detached);
  weak = owner;
}

std::shared_ptr<concurrent_channel<int>> alias;
void start_alias(asio::io_context& io) {
  const auto owner = make_pool(io);
  alias = {owner, &owner->jobs};
}
void wake_alias() { alias->close(); }

void start_shared_new(asio::io_context& io) {
  global.reset(new pool(io.get_executor()));
  co_spawn(io, idle(global), detached);
}

/// Counts its references itself.
class counting_pool : public pool {
 public:
  using pool::pool;
  void add() { ++references_; }
  void drop() {
    if (--references_ == 0) delete this;
  }

 private:
  std::atomic<int> references_{0};
};
class intrusive {
 public:
  explicit intrusive(counting_pool* to) : to_(to) { to_->add(); }
  intrusive(const intrusive& other) : intrusive(other.to_) {}
  intrusive(intrusive&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
  intrusive& operator=(intrusive other) {
    std::swap(to_, other.to_);
    return *this;
  }
  ~intrusive() {
    if (to_ != nullptr) to_->drop();
  }
  counting_pool* operator->() const { return to_; }

 private:
  counting_pool* to_;
};
awaitable<void> idle_intrusively(intrusive work) {
  const counted self;
  co_await work->jobs.async_receive(no_throw);
}
std::optional<intrusive> counted_inside;
void start_intrusive(asio::io_context& io) {
  counted_inside.emplace(new counting_pool(io.get_executor()));
  co_spawn(io, idle_intrusively(*counted_inside), detached);
}
void wake_intrusive() { (*counted_inside)->jobs.close(); }

std::vector<std::shared_ptr<pool>> pools;
void start_vector_element(asio::io_context& io) {
  pools.resize(10);
  pools[7] = make_pool(io);
}
void wake_vector_element() { pools[7]->jobs.close(); }

/// So large that malloc maps it.
void start_large_vector(asio::io_context& io) {
  pools.resize(1'000'000);
  pools[7] = make_pool(io);
}

std::deque<pool> by_value;
void start_deque_element(asio::io_context& io) {
  for (int i = 0; i < 20; ++i) by_value.emplace_back(io.get_executor());
  co_spawn(io, idle_in(by_value[7]), detached);
}
void wake_deque_element() { by_value[7].jobs.close(); }

/// Known by its second base: a pointer into its middle.
struct named {
  virtual ~named() = default;
  std::array<char, 100> name{};
};
struct stoppable {
  virtual ~stoppable() = default;
  virtual void stop() = 0;
};
struct named_service : named, stoppable {
  explicit named_service(const any_io_executor& executor) : workers(executor) {}
  void stop() override { workers.jobs.close(); }
  pool workers;
};
std::unique_ptr<stoppable> second_base;
void start_second_base(asio::io_context& io) {
  auto made = std::make_unique<named_service>(io.get_executor());
  co_spawn(io, idle_in(made->workers), detached);
  second_base = std::move(made);
}
void wake_second_base() { second_base->stop(); }

/// A list whose links lie in the middle of its elements.
struct link {
  link* next = nullptr;
};
struct listed_pool : pool, link {
  using pool::pool;
  std::array<char, 100> notes{};
};
link* list = nullptr;
void start_intrusive_list(asio::io_context& io) {
  for (int i = 0; i < 3; ++i) {
    auto* const made = new listed_pool(io.get_executor());
    co_spawn(io, idle_in(*made), detached);
    made->next = std::exchange(list, made);
  }
}
void wake_intrusive_list() {
  for (link* each = list; each != nullptr; each = each->next) static_cast<listed_pool*>(each)->jobs.close();
}

std::any anything;
void start_any(asio::io_context& io) { anything = make_pool(io); }
void wake_any() { std::any_cast<std::shared_ptr<pool>>(anything)->jobs.close(); }

/// In memory that malloc knows nothing of.
pool** mapped = nullptr;
void start_mapped(asio::io_context& io) {
  mapped = static_cast<pool**>(::mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mapped[100] = make_pool(io).get();
}
void wake_mapped() { mapped[100]->jobs.close(); }

void start_shared_memory(asio::io_context& io) {
  const int file = ::memfd_create("pools", MFD_CLOEXEC);
  if (::ftruncate(file, 1 << 16) != 0) std::abort();
  mapped = static_cast<pool**>(::mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  mapped[100] = make_pool(io).get();
}

/// Shared memory of a file that this process has written, and sees no page of any more.
void start_shared_file(asio::io_context& io) {
  char path[] = "/var/tmp/healthy-XXXXXX";
  const int file = ::mkstemp(path);
  ::unlink(path);
  if (::ftruncate(file, 1 << 16) != 0) std::abort();
  mapped = static_cast<pool**>(::mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  mapped[100] = make_pool(io).get();
  ::mprotect(mapped, 1 << 16, PROT_READ);
  ::madvise(mapped, 1 << 16, MADV_DONTNEED);
}

/// A private mapping of a file, which was written by a system call and through which nothing was read yet.
void start_private_file(asio::io_context& io) {
  char path[] = "/var/tmp/healthy-XXXXXX";
  const int file = ::mkstemp(path);
  ::unlink(path);
  std::uintptr_t known = ~make_hidden(io);
  if (::ftruncate(file, 1 << 16) != 0 || ::pwrite(file, &known, sizeof known, 800) != sizeof known) std::abort();
  known = 0;
  mapped = static_cast<pool**>(::mmap(nullptr, 1 << 16, PROT_READ, MAP_PRIVATE, file, 0));
}

/// So large that malloc maps it, below what is mapped already.
struct large_block {
  explicit large_block(const any_io_executor& executor) : workers(executor) {}
  std::array<char, 1 << 20> data{};
  pool workers;
};
std::unique_ptr<large_block> block;
void start_in_large_block(asio::io_context& io) {
  block = std::make_unique<large_block>(io.get_executor());
  co_spawn(io, idle_in(block->workers), detached);
}
void wake_in_large_block() { block->workers.jobs.close(); }

/// Lists by size with a count each, laid out as malloc's cache of a thread is; its nodes know whose they are.
struct run_queue {
  struct node {
    node* next;
    run_queue* owner;
    pool* waiting;
  };
  std::array<std::uint16_t, 64> counts{};
  std::array<node*, 64> heads{};
};
run_queue* runnable = nullptr;
void start_run_queue(asio::io_context& io) {
  runnable = new run_queue;
  runnable->heads[0] = new run_queue::node{nullptr, runnable, make_pool(io).get()};
  runnable->counts[0] = 1;
}
void wake_run_queue() { runnable->heads[0]->waiting->jobs.close(); }

#if __has_include(<boost/lockfree/stack.hpp>)
/// Its pointers carry a counter in their top 16 bits.
boost::lockfree::stack<pool*> tagged(8);
void start_tagged(asio::io_context& io) {
  pool* taken = nullptr;
  for (int i = 0; i < 5; ++i) {
    tagged.push(nullptr);
    tagged.pop(taken);
  }
  tagged.push(make_pool(io).get());
}
void wake_tagged() {
  pool* taken = nullptr;
  tagged.pop(taken);
  taken->jobs.close();
}
#endif

constexpr look_alike look_alikes[] = {
    {"global", start_global, wake_global},
    {"in_data", start_in_data, wake_in_data},
    {"function_in_map", start_function_in_map, wake_function_in_map},
    {"member_at_offset", start_member_at_offset, wake_member_at_offset},
    {"weak", start_weak, wake_weak},
    {"weak_of_new", start_weak_of_new, wake_weak},
    {"alias", start_alias, wake_alias},
    {"shared_new", start_shared_new, wake_global},
    {"intrusive", start_intrusive, wake_intrusive},
    {"vector_element", start_vector_element, wake_vector_element},
    {"large_vector", start_large_vector, wake_vector_element},
    {"deque_element", start_deque_element, wake_deque_element},
    {"second_base", start_second_base, wake_second_base},
    {"intrusive_list", start_intrusive_list, wake_intrusive_list, 3},
    {"any", start_any, wake_any},
    {"mapped", start_mapped, wake_mapped},
    {"shared_memory", start_shared_memory, wake_mapped},
    {"shared_file", start_shared_file, wake_mapped},
    {"private_file", start_private_file, wake_mapped},
    {"in_large_block", start_in_large_block, wake_in_large_block},
    {"run_queue", start_run_queue, wake_run_queue},
#if __has_include(<boost/lockfree/stack.hpp>)
    {"tagged", start_tagged, wake_tagged},
#endif
};

}  // namespace
}  // namespace leaks

int main(int argc, char** argv) { return leaks::run(argc, argv, leaks::look_alikes); }
