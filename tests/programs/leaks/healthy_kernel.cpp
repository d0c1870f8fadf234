// verdict: none
/// Idle pools that are held by the kernel alone, on behalf of a program.

#include <linux/io_uring.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "healthy.hpp"

namespace leaks {
namespace {

gate parked;
void open_gate() { parked.open(); }

template <void (*Hold)(asio::io_context&)>
void start_thread(asio::io_context& io) {
  parked.start(io, Hold);
}

/// An epoll instance that alone knows a pool, until the gate is opened.
int make_epoll(asio::io_context& io) {
  const int epoll = ::epoll_create1(0);
  epoll_event registered{};
  registered.events = EPOLLIN;
  registered.data.ptr = reinterpret_cast<void*>(~make_hidden(io));
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, parked.descriptor(), &registered);
  registered = {};
  clear_stack();
  return epoll;
}
void close_by_event(int epoll) {
  epoll_event happened{};
  while (::epoll_wait(epoll, &happened, 1, -1) != 1) {
  }
  static_cast<pool*>(happened.data.ptr)->jobs.close();
}

void wait_for_event(asio::io_context& io) {
  const int epoll = make_epoll(io);
  parked.arrive();
  close_by_event(epoll);
}

/// Of a descriptor that no other thread has.
void wait_for_event_of_its_own(asio::io_context& io) {
  if (::unshare(CLONE_FILES) != 0) std::abort();
  wait_for_event(io);
}

/// A message of one byte with room for a descriptor.
struct message {
  char byte = 0;
  iovec bytes{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  message() {
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
};
std::array<int, 2> couriers;
void send_descriptor(int sent) {
  message carrier;
  cmsghdr* const head = CMSG_FIRSTHDR(&carrier.header);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof sent);
  std::memcpy(CMSG_DATA(head), &sent, sizeof sent);
  if (::sendmsg(couriers[0], &carrier.header, 0) != 1) std::abort();
  ::close(sent);
}
/// The epoll instance is on its way from one socket of the process to another.
void start_epoll_in_flight(asio::io_context& io) {
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, couriers.data()) != 0) std::abort();
  send_descriptor(make_epoll(io));
}
void wake_epoll_in_flight() {
  message carrier;
  if (::recvmsg(couriers[1], &carrier.header, 0) != 1) std::abort();
  int epoll = 0;
  std::memcpy(&epoll, CMSG_DATA(CMSG_FIRSTHDR(&carrier.header)), sizeof epoll);
  parked.open();
  close_by_event(epoll);
}

constexpr unsigned no_mmap = 1 << 14, registered_only = 1 << 15;  // IORING_SETUP_…, since Linux 6.5
constexpr unsigned by_number = 1 << 4;                            // IORING_ENTER_REGISTERED_RING
constexpr std::size_t most_of_rings = 1 << 21, most_of_requests = 4096;

template <class T>
T* map_pages(std::size_t size) {
  return static_cast<T*>(
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
}

/// The last word of what tells of the offsets in a ring is where the program has put it.
template <class Offsets, class T>
void set_place(Offsets& offsets, T* place) {
  std::memcpy(reinterpret_cast<char*>(&offsets + 1) - sizeof place, &place, sizeof place);
}

/// By a request to a ring that has neither a descriptor nor a mapping of the kernel's, but a thread of it. Where the
/// kernel has no such rings, by an epoll instance.
void wait_for_ring(asio::io_context& io) {
  auto* const rings = map_pages<char>(most_of_rings);
  auto* const requests = map_pages<io_uring_sqe>(most_of_requests);
  io_uring_params its{};
  its.flags = no_mmap | registered_only | IORING_SETUP_SQPOLL;
  set_place(its.cq_off, rings);
  set_place(its.sq_off, requests);
  const auto ring = ::syscall(SYS_io_uring_setup, 1, &its);
  if (ring < 0) return wait_for_event(io);
  requests->opcode = IORING_OP_POLL_ADD;
  requests->fd = parked.descriptor();
  requests->poll_events = POLLIN;
  requests->user_data = ~make_hidden(io);
  const auto place = [&](unsigned offset) { return std::atomic_ref(*reinterpret_cast<unsigned*>(rings + offset)); };
  place(its.sq_off.tail) = 1;
  ::syscall(SYS_io_uring_enter, ring, 0, 0, IORING_ENTER_SQ_WAKEUP | by_number, nullptr, 0);
  while (place(its.sq_off.head) != 1) std::this_thread::yield();
  *requests = {};
  clear_stack();
  parked.arrive();
  pollfd opened{parked.descriptor(), POLLIN, 0};
  while (::poll(&opened, 1, -1) != 1) {
  }
  while (place(its.cq_off.tail) == 0) std::this_thread::yield();
  reinterpret_cast<pool*>(reinterpret_cast<io_uring_cqe*>(rings + its.cq_off.cqes)->user_data)->jobs.close();
}

timer_t posix_timer;
void start_posix_timer(asio::io_context& io) {
  sigset_t queued;
  sigemptyset(&queued);
  sigaddset(&queued, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &queued, nullptr);
  sigevent with{};
  with.sigev_notify = SIGEV_SIGNAL;
  with.sigev_signo = SIGUSR2;
  with.sigev_value.sival_ptr = reinterpret_cast<void*>(~make_hidden(io));
  if (timer_create(CLOCK_MONOTONIC, &with, &posix_timer) != 0) std::abort();
}
void wake_posix_timer() {
  const itimerspec at_once{{}, {0, 1}};
  timer_settime(posix_timer, 0, &at_once, nullptr);
  sigset_t queued;
  sigemptyset(&queued);
  sigaddset(&queued, SIGUSR2);
  siginfo_t came{};
  while (sigwaitinfo(&queued, &came) < 0) {
  }
  static_cast<pool*>(came.si_value.sival_ptr)->jobs.close();
}

constexpr look_alike look_alikes[] = {
    {"epoll_data", start_thread<wait_for_event>, open_gate},
    {"own_descriptors", start_thread<wait_for_event_of_its_own>, open_gate},
    {"epoll_in_flight", start_epoll_in_flight, wake_epoll_in_flight},
    {"polled_ring", start_thread<wait_for_ring>, open_gate},
    {"posix_timer", start_posix_timer, wake_posix_timer},
};

}  // namespace
}  // namespace leaks

int main(int argc, char** argv) { return leaks::run(argc, argv, leaks::look_alikes); }
