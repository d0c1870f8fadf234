// verdict: none
/// Idle pools that are held by a thread alone: by its stack, its registers, its own variables, or by a
/// fibre.

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>

#include "healthy.hpp"

namespace leaks {
namespace {

gate parked;
void open_gate() { parked.open(); }

template <void (*Hold)(asio::io_context&)>
void start_thread(asio::io_context& io) {
  parked.start(io, Hold);
}

/// Not inlined, so that no copy of the pointer is left in the frame of whoever holds `into`.
[[gnu::noinline]] void make_in(std::shared_ptr<pool>& into, asio::io_context& io) { into = make_pool(io); }

std::shared_ptr<pool>* local_of_main = nullptr;
void start_main_local(asio::io_context& io) { make_in(*local_of_main, io); }
void wake_main_local() { (*local_of_main)->jobs.close(); }

void hold_on_stack(asio::io_context& io) {
  std::shared_ptr<pool> held;
  make_in(held, io);
  clear_stack();
  parked.wait();
  held->jobs.close();
}

void hold_pool_itself(asio::io_context& io) {
  pool held(io.get_executor());
  co_spawn(io, idle_in(held), detached);
  clear_stack();
  parked.wait();
  held.jobs.close();
  while (counted::live != 0) std::this_thread::yield();
}

void hold_by_heap(asio::io_context& io) {
  const auto held = std::make_unique<std::vector<std::shared_ptr<pool>>>(5);
  make_in((*held)[3], io);
  clear_stack();
  parked.wait();
  (*held)[3]->jobs.close();
}

thread_local std::shared_ptr<pool> of_thread;
void hold_in_thread_local(asio::io_context& io) {
  make_in(of_thread, io);
  clear_stack();
  parked.wait();
  of_thread->jobs.close();
}

void hold_as_thread_specific(asio::io_context& io) {
  pthread_key_t key{};
  pthread_key_create(&key, nullptr);
  pthread_setspecific(key, reinterpret_cast<void*>(~make_hidden(io)));
  clear_stack();
  parked.wait();
  static_cast<pool*>(pthread_getspecific(key))->jobs.close();
}

/// read(2) from the gate, while the address of which it gets the complement is held in one place, as written: the
/// assembler code before and after moves it there and back. Returns the complement.
#if defined(__x86_64__)
#  define READ_HOLDING(hide, reveal)                                             \
    [](std::uintptr_t hidden) {                                                  \
      char c = 0;                                                                \
      long result = SYS_read;                                                    \
      asm volatile("not %%rbx\n\t" hide "\n\tsyscall\n\t" reveal "\n\tnot %%rbx" \
                   : "+a"(result), "+b"(hidden)                                  \
                   : "D"(parked.descriptor()), "S"(&c), "d"(1)                   \
                   : "rcx", "r11", "xmm8", "memory");                            \
      return hidden;                                                             \
    }

constexpr auto read_with_register = READ_HOLDING("", "");
constexpr auto read_with_vector_register = READ_HOLDING("movq %%rbx, %%xmm8\n\txor %%ebx, %%ebx", "movq %%xmm8, %%rbx");
constexpr auto read_with_red_zone = READ_HOLDING("mov %%rbx, -64(%%rsp)\n\txor %%ebx, %%ebx", "mov -64(%%rsp), %%rbx");
/// At an odd byte of it, where shuffles leave what they move.
constexpr auto read_with_shifted_vector_register = READ_HOLDING(
    "movq %%rbx, %%xmm8\n\tpslldq $3, %%xmm8\n\txor %%ebx, %%ebx", "psrldq $3, %%xmm8\n\tmovq %%xmm8, %%rbx");
#elif defined(__aarch64__)
#  define READ_HOLDING(hide, reveal)                                                                      \
    [](std::uintptr_t hidden) {                                                                           \
      char c = 0;                                                                                         \
      register std::uint64_t file_and_result asm("x0") = static_cast<std::uint64_t>(parked.descriptor()); \
      register char* to asm("x1") = &c;                                                                   \
      register std::uint64_t size asm("x2") = 1;                                                          \
      register std::uint64_t call asm("x8") = SYS_read;                                                   \
      register std::uintptr_t held asm("x19") = hidden;                                                   \
      asm volatile("mvn x19, x19\n\t" hide "\n\tsvc #0\n\t" reveal "\n\tmvn x19, x19"                     \
                   : "+r"(file_and_result), "+r"(held)                                                    \
                   : "r"(to), "r"(size), "r"(call)                                                        \
                   : "v8", "v9", "memory");                                                               \
      return held;                                                                                        \
    }

constexpr auto read_with_register = READ_HOLDING("", "");
constexpr auto read_with_vector_register = READ_HOLDING("fmov d8, x19\n\tmov x19, xzr", "fmov x19, d8");
/// At an odd byte of it, where shuffles leave what they move.
constexpr auto read_with_shifted_vector_register =
    READ_HOLDING("movi v9.16b, #0\n\tfmov d8, x19\n\text v8.16b, v9.16b, v8.16b, #13\n\tmov x19, xzr",
                 "ext v8.16b, v8.16b, v9.16b, #3\n\tfmov x19, d8");
#endif
#undef READ_HOLDING

template <auto Read>
void hold_during_read(asio::io_context& io) {
  const std::uintptr_t hidden = make_hidden(io);
  clear_stack();
  parked.arrive();
  close_hidden(Read(hidden));
}

ucontext_t of_main;
ucontext_t of_fibre;
asio::io_context* io_of_fibre = nullptr;
void hold_on_fibre() {
  std::shared_ptr<pool> held;
  make_in(held, *io_of_fibre);
  swapcontext(&of_fibre, &of_main);
  held->jobs.close();
  held.reset();
  swapcontext(&of_fibre, &of_main);
}
constexpr std::size_t fibre_stack = 64 * 1024;
void start_on_fibre(asio::io_context& io, void* stack) {
  io_of_fibre = &io;
  getcontext(&of_fibre);
  of_fibre.uc_stack.ss_sp = stack;
  of_fibre.uc_stack.ss_size = fibre_stack;
  makecontext(&of_fibre, hold_on_fibre, 0);
  swapcontext(&of_main, &of_fibre);
}
void start_fibre(asio::io_context& io) {
  start_on_fibre(io, ::mmap(nullptr, fibre_stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
/// Known by its saved stack pointer, into the middle of a block of the heap.
void start_fibre_on_heap(asio::io_context& io) {
  void* stack = std::malloc(fibre_stack);
  start_on_fibre(io, stack);
  of_fibre.uc_stack = {};
}
void wake_fibre() { swapcontext(&of_main, &of_fibre); }

/// Says that there is room for so many events as its array has bytes.
void wait_for_too_many_events(asio::io_context& io) {
  struct block {
    epoll_event happened[4];
    std::shared_ptr<pool> held;
  };
  block both;
  make_in(both.held, io);
  const int epoll = ::epoll_create1(0);
  epoll_event registered{};
  registered.events = EPOLLIN;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, parked.descriptor(), &registered);
  clear_stack();
  parked.arrive();
  volatile std::size_t too_many = sizeof both.happened;
  while (::epoll_wait(epoll, both.happened, static_cast<int>(too_many), -1) != 1) {
  }
  both.held->jobs.close();
}

/// struct epoll_event is packed: a pointer in one that has come lies at four bytes.
void hold_in_event_that_came(asio::io_context& io) {
  const int epoll = ::epoll_create1(0);
  const int events = ::eventfd(1, 0);
  epoll_event registered{};
  registered.events = EPOLLIN;
  registered.data.ptr = reinterpret_cast<void*>(~make_hidden(io));
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, events, &registered);
  registered = {};
  alignas(8) epoll_event happened[2] = {};
  if (::epoll_wait(epoll, happened, 2, -1) != 1) std::abort();
  ::close(events);
  ::close(epoll);
  clear_stack();
  parked.wait();
  asm volatile("" : : "r"(happened) : "memory");
  static_cast<pool*>(happened[0].data.ptr)->jobs.close();
}

/// A block that a program gives a thread as its stack, and keeps data at the bottom of.
constexpr std::size_t given_size = 256 * 1024;
void* run_on_given_stack(void* io) {
  clear_stack();
  parked.wait();
  return io;
}
void hold_at_bottom_of_given_stack(asio::io_context& io) {
  void* block = ::mmap(nullptr, given_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* held = new (block) std::shared_ptr<pool>();
  make_in(*held, io);
  clear_stack();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, block, given_size);
  pthread_t thread{};
  if (pthread_create(&thread, &attributes, run_on_given_stack, &io) != 0) std::abort();
  pthread_join(thread, nullptr);
  (*held)->jobs.close();
}

/// A handler's stack that lies in the thread's own stack, above the frame that was interrupted.
void wait_in_handler(int) { parked.wait(); }
[[gnu::noinline]] void hold_and_raise(asio::io_context& io) {
  std::shared_ptr<pool> held;
  make_in(held, io);
  clear_stack();
  pthread_kill(pthread_self(), SIGUSR1);
  held->jobs.close();
}
void hold_below_signal_stack(asio::io_context& io) {
  alignas(16) std::array<char, fibre_stack> space;
  stack_t handlers{};
  handlers.ss_sp = space.data();
  handlers.ss_size = space.size();
  sigaltstack(&handlers, nullptr);
  struct sigaction action {};
  action.sa_handler = wait_in_handler;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  hold_and_raise(io);
  handlers.ss_flags = SS_DISABLE;
  sigaltstack(&handlers, nullptr);
}

/// A fibre's stack likewise.
ucontext_t of_holder;
ucontext_t of_waiting_fibre;
void wait_on_fibre() {
  parked.wait();
  swapcontext(&of_waiting_fibre, &of_holder);
}
[[gnu::noinline]] void hold_and_switch(asio::io_context& io) {
  std::shared_ptr<pool> held;
  make_in(held, io);
  clear_stack();
  swapcontext(&of_holder, &of_waiting_fibre);
  held->jobs.close();
}
void hold_below_fibre_in_stack(asio::io_context& io) {
  alignas(16) std::array<char, fibre_stack> space;
  getcontext(&of_waiting_fibre);
  of_waiting_fibre.uc_stack.ss_sp = space.data();
  of_waiting_fibre.uc_stack.ss_size = space.size();
  makecontext(&of_waiting_fibre, wait_on_fibre, 0);
  hold_and_switch(io);
}

constexpr look_alike look_alikes[] = {
    {"main_local", start_main_local, wake_main_local},
    {"thread_stack", start_thread<hold_on_stack>, open_gate},
    {"pool_on_thread_stack", start_thread<hold_pool_itself>, open_gate},
    {"heap_from_stack", start_thread<hold_by_heap>, open_gate},
    {"thread_local", start_thread<hold_in_thread_local>, open_gate},
    {"thread_specific", start_thread<hold_as_thread_specific>, open_gate},
    {"register", start_thread<hold_during_read<read_with_register>>, open_gate},
    {"vector_register", start_thread<hold_during_read<read_with_vector_register>>, open_gate},
    {"shifted_vector_register", start_thread<hold_during_read<read_with_shifted_vector_register>>, open_gate},
#if defined(__x86_64__)  // aarch64 has none
    {"red_zone", start_thread<hold_during_read<read_with_red_zone>>, open_gate},
#endif
    {"too_many_events", start_thread<wait_for_too_many_events>, open_gate},
    {"event_that_came", start_thread<hold_in_event_that_came>, open_gate},
    {"given_stack", start_thread<hold_at_bottom_of_given_stack>, open_gate},
    {"below_signal_stack", start_thread<hold_below_signal_stack>, open_gate},
    {"below_fibre_in_stack", start_thread<hold_below_fibre_in_stack>, open_gate},
    {"fibre", start_fibre, wake_fibre},
    {"fibre_on_heap", start_fibre_on_heap, wake_fibre},
};

}  // namespace
}  // namespace leaks

int main(int argc, char** argv) {
  std::shared_ptr<leaks::pool> local;
  leaks::local_of_main = &local;
  return leaks::run(argc, argv, leaks::look_alikes);
}
