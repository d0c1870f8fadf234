// verdict: none
/// Tasks that something pending will wake: a live task, a callback, a message, a timer, a socket, a cancellation
/// signal.

#include <signal.h>

#include "healthy.hpp"

namespace leaks {
namespace {

/// What pends in most of them: a timer that is due tomorrow.
std::optional<asio::steady_timer> tomorrow;
void start_tomorrow(asio::io_context& io) { tomorrow.emplace(io, 24h); }
void wake_tomorrow() { tomorrow->cancel(); }

awaitable<void> close_tomorrow(std::shared_ptr<pool> held) {
  const counted self;
  co_await tomorrow->async_wait(no_throw);
  held->jobs.close();
}
void start_live_task(asio::io_context& io) {
  start_tomorrow(io);
  co_spawn(io, close_tomorrow(make_pool(io)), detached);
}

awaitable<void> close_pool_tomorrow(pool& work) {
  const counted self;
  co_await tomorrow->async_wait(no_throw);
  work.jobs.close();
}
/// The pool is part of this frame; its tasks know it by reference.
awaitable<void> own_a_pool() {
  const counted self;
  pool mine(co_await this_coro::executor);
  co_await (idle_in(mine) && close_pool_tomorrow(mine));
}
void start_live_frame(asio::io_context& io) {
  start_tomorrow(io);
  co_spawn(io, own_a_pool(), detached);
}

void start_pending_callback(asio::io_context& io) {
  start_tomorrow(io);
  tomorrow->async_wait([held = make_pool(io)](error_code) { held->jobs.close(); });
}

/// Its handler owns what it waits on: only the io_context knows of it.
gate opened;
void start_descriptor_callback(asio::io_context& io) {
  const auto input = std::make_shared<asio::posix::stream_descriptor>(io, opened.descriptor());
  input->async_wait(asio::posix::stream_descriptor::wait_read,
                    [input, held = make_pool(io)](error_code) { held->jobs.close(); });
}
void wake_opened() { opened.open(); }

std::optional<event> happened;
void start_event_callback(asio::io_context& io) {
  happened.emplace(io.get_executor());
  happened->async_receive([held = make_pool(io)](error_code, nothing) { held->jobs.close(); });
}
void wake_happened() { happened->close(); }

std::optional<asio::signal_set> signals;
void start_signal_callback(asio::io_context& io) {
  signals.emplace(io, SIGUSR1);
  signals->async_wait([held = make_pool(io)](error_code, int) { held->jobs.close(); });
}
void wake_signal() { ::raise(SIGUSR1); }

/// An io_context that nobody has run yet.
asio::io_context later;
void start_posted_handler(asio::io_context& io) {
  asio::post(later, [held = make_pool(io)] { held->jobs.close(); });
}
void wake_later() { later.run(); }

awaitable<void> close_at_once(std::shared_ptr<pool> held) {
  held->jobs.close();
  co_return;
}
void start_ready_task(asio::io_context& io) { co_spawn(later, close_at_once(make_pool(io)), detached); }

/// Waits for one pool, and holds the next.
awaitable<void> close_after(std::shared_ptr<pool> first, std::shared_ptr<pool> next) {
  const counted self;
  co_await first->jobs.async_receive(no_throw);
  next->jobs.close();
}
std::shared_ptr<pool> first_of_chain;
void start_chain(asio::io_context& io) {
  auto next = make_pool(io);
  for (int i = 0; i < 8; ++i) {
    const auto first = std::make_shared<pool>(io.get_executor());
    co_spawn(io, close_after(first, next), detached);
    next = first;
  }
  first_of_chain = next;
}
void wake_chain() { first_of_chain->jobs.close(); }

using numbers = concurrent_channel<int>;
awaitable<void> produce(std::shared_ptr<numbers> to) {
  const counted self;
  co_await to->async_send(ok, 1, no_throw);
}
awaitable<void> consume_tomorrow(std::shared_ptr<numbers> from) {
  const counted self;
  co_await tomorrow->async_wait(no_throw);
  for (int i = 0; i < 4; ++i) co_await from->async_receive(no_throw);
}
/// A full buffer; its reader comes back.
void start_backpressure(asio::io_context& io) {
  start_tomorrow(io);
  const auto between = std::make_shared<numbers>(io.get_executor(), 1);
  for (int i = 0; i < 4; ++i) co_spawn(io, produce(between), detached);
  co_spawn(io, consume_tomorrow(between), detached);
}

using pool_channel = concurrent_channel<std::shared_ptr<pool>>;
std::optional<pool_channel> mailbox;
void wake_mailbox() {
  mailbox->try_receive([](error_code, const std::shared_ptr<pool>& held) { held->jobs.close(); });
}
void start_message_in_buffer(asio::io_context& io) {
  mailbox.emplace(io.get_executor(), 1);
  mailbox->try_send(ok, make_pool(io));
}
awaitable<void> deliver(std::shared_ptr<pool> held) {
  const counted self;
  co_await mailbox->async_send(ok, std::move(held), no_throw);
}
void start_message_of_sender(asio::io_context& io) {
  mailbox.emplace(io.get_executor());
  co_spawn(io, deliver(make_pool(io)), detached);
}

/// Nobody else knows what it waits on, but somebody can cancel it.
asio::cancellation_signal cancel;
awaitable<void> wait_for_nobody() {
  const counted self;
  pool mine(co_await this_coro::executor);
  co_await mine.jobs.async_receive(no_throw);
}
void start_cancellation_signal(asio::io_context& io) {
  co_spawn(io, wait_for_nobody(), asio::bind_cancellation_slot(cancel.slot(), detached));
}
void wake_cancelled() { cancel.emit(asio::cancellation_type::terminal); }

/// Waits for whichever comes first.
awaitable<void> wait_for_pool_until_tomorrow() {
  const counted self;
  pool mine(co_await this_coro::executor);
  co_await (mine.jobs.async_receive(use_awaitable) || tomorrow->async_wait(no_throw));
}
void start_deadline(asio::io_context& io) {
  start_tomorrow(io);
  co_spawn(io, wait_for_pool_until_tomorrow(), detached);
}

std::shared_ptr<asio::steady_timer> condition;
awaitable<void> wait_for_condition(std::shared_ptr<asio::steady_timer> on) {
  const counted self;
  co_await on->async_wait(no_throw);
}
void start_condition_timer(asio::io_context& io) {
  condition = std::make_shared<asio::steady_timer>(io, asio::steady_timer::time_point::max());
  co_spawn(io, wait_for_condition(condition), detached);
}
void wake_condition() { condition->cancel(); }

bool stopping = false;
awaitable<void> tick() {
  const counted self;
  asio::steady_timer timer(co_await this_coro::executor);
  while (!stopping) {
    timer.expires_after(50ms);
    co_await timer.async_wait(use_awaitable);
  }
}
/// A timer that is due tomorrow and nobody's but its handler's, which owns the pool too; in the same queue another that
/// never expires. It is found again through what looks like no pointer.
std::uintptr_t hidden = 0;
void start_timer_of_its_handler(asio::io_context& io) {
  start_condition_timer(io);
  auto due = std::make_unique<asio::steady_timer>(io, 24h);
  auto& timer = *due;
  hidden = ~reinterpret_cast<std::uintptr_t>(due.get());
  timer.async_wait([own = std::move(due), held = make_pool(io)](error_code) { held->jobs.close(); });
}
void wake_timer_of_its_handler() {
  wake_condition();
  reinterpret_cast<asio::steady_timer*>(~hidden)->cancel();
}

void start_periodic_timer(asio::io_context& io) { co_spawn(io, tick(), detached); }
void wake_periodic() { stopping = true; }

asio::ip::port_type port = 0;
awaitable<void> serve() {
  const counted self;
  tcp::acceptor acceptor(co_await this_coro::executor, {asio::ip::address_v4::loopback(), 0});
  port = acceptor.local_endpoint().port();
  const tcp::socket client = co_await acceptor.async_accept(use_awaitable);
}
void start_acceptor(asio::io_context& io) { co_spawn(io, serve(), detached); }
void wake_acceptor() {
  asio::io_context mine;
  tcp::socket(mine).connect({asio::ip::address_v4::loopback(), port});
}

/// A pipe's reader holds the pool.
awaitable<void> close_when_opened(std::shared_ptr<pool> held) {
  const counted self;
  asio::posix::stream_descriptor input(co_await this_coro::executor, opened.descriptor());
  char c = 0;
  co_await input.async_read_some(asio::buffer(&c, 1), use_awaitable);
  held->jobs.close();
}
void start_descriptor_task(asio::io_context& io) { co_spawn(io, close_when_opened(make_pool(io)), detached); }

constexpr look_alike look_alikes[] = {
    {"live_task", start_live_task, wake_tomorrow, 2},
    {"live_frame", start_live_frame, wake_tomorrow, 3},
    {"pending_callback", start_pending_callback, wake_tomorrow},
    {"descriptor_callback", start_descriptor_callback, wake_opened},
    {"event_callback", start_event_callback, wake_happened},
    {"signal_callback", start_signal_callback, wake_signal},
    {"posted_handler", start_posted_handler, wake_later},
    {"ready_task", start_ready_task, wake_later, 2},
    {"chain", start_chain, wake_chain, 9},
    {"backpressure", start_backpressure, wake_tomorrow, 4},
    {"message_in_buffer", start_message_in_buffer, wake_mailbox},
    {"message_of_sender", start_message_of_sender, wake_mailbox, 2},
    {"cancellation_signal", start_cancellation_signal, wake_cancelled},
    {"deadline", start_deadline, wake_tomorrow, 3},
    {"condition_timer", start_condition_timer, wake_condition},
    {"timer_of_its_handler", start_timer_of_its_handler, wake_timer_of_its_handler, 2},
    {"periodic_timer", start_periodic_timer, wake_periodic},
    {"acceptor", start_acceptor, wake_acceptor},
    {"descriptor_task", start_descriptor_task, wake_opened, 2},
};

}  // namespace
}  // namespace leaks

int main(int argc, char** argv) { return leaks::run(argc, argv, leaks::look_alikes); }
