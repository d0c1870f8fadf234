// The hook for one Asio: included by tasks/asio_hook.hpp and tasks/boost_asio_hook.hpp, which define
//
//   TASKS_HOOK_ASIO   the namespace of that Asio
//   TASKS_HOOK_NAME   a namespace of our own for it
//
// and have declared awaitable, awaitable_frame, awaitable_frame_base, awaitable_thread_entry_point,
// associated_allocator and parallel_group_op_handler.
//
// A constrained partial specialization of std::coroutine_traits is more specialized than Asio's own, so every
// awaitable<T, E> gets `promise` below, which derives from Asio's. Nothing depends on Asio's version by number:
//
//   co_await awaitable        -> awaiting_frame       push, pop
//   co_await [](frame*) {}    -> awaiting_operation   block, initiation_scope, resume  (use_awaitable's own leaf)
//   co_await async operation  -> the same             where Asio awaits operations directly (since 1.32)
//   co_await anything else    -> Asio's own awaiter   (this_coro::executor, …)
//
// Between its first operation and its end a composed operation is followed by its handlers: see composed_waits.cpp.

#include "tasks/detail/asio_handlers.ipp"

namespace tasks::detail::TASKS_HOOK_NAME {

template <class T>
inline constexpr bool is_awaitable = false;
template <class T, class E>
inline constexpr bool is_awaitable<host::awaitable<T, E>> = true;

/// What Asio names when an operation begins, before it submits it.
template <class Context, class Operation, class Object>
[[gnu::always_inline]] inline void handler_creation(Context&, Operation& operation, object_type type, Object* object,
                                                    std::uintmax_t native, operation_name name) noexcept {
  constexpr bool is_direct_one = is_direct<Operation>;
  constexpr bool is_timer = requires { object->expiry; };
  constexpr auto timeout = [] {
    if constexpr (is_timer && !is_direct_one)
      return what_ends<typename first<Operation>::type>();
    else
      return ends_another::no;
  }();
  constexpr bool is_part = [] {
    if constexpr (is_direct_one || timeout != ends_another::no)
      return false;
    else
      return has_task<Operation>;
  }();
  constexpr bool is_whole = [] {
    if constexpr (is_part)
      return is_handshake<Operation>();
    else
      return false;
  }();
  record* r = own_state().waiting;
  if constexpr (!is_part && timeout == ends_another::no) {
    if (r == nullptr) return;
    if constexpr (is_direct_one) own_state().waiting = nullptr;
  }
  const auto kind = classify_wait(type.value, name.value);
  auto detail = layout::detail_kind::none;
  std::uint64_t value = 0;
  if constexpr (requires { object->max_buffer_size_; }) {
    detail = layout::detail_kind::capacity;
    value = object->max_buffer_size_;
  } else if constexpr (requires { typename expiry_clock<decltype(object->expiry)>::type; }) {
    using clock = expiry_clock<decltype(object->expiry)>;
    detail = clock::kind;
    value = clock::nanoseconds(object->expiry);
  }
  const auto fd = has_descriptor(kind) ? static_cast<std::uint32_t>(native) : layout::no_descriptor;
  const auto wait = layout::pack_wait(kind, detail, fd);
  if constexpr (is_part) {
    begin_part({&operation, sizeof operation, wait, address(object), value, has<member, Operation>,
                is_named<Operation>("timed_cancel_op_handler"), ends_another::no, is_whole});
  } else if (is_direct_one || kind == layout::wait_kind::post) {
    // Nothing times out what was posted. The kind is known where this is inlined.
    if constexpr (!is_direct_one) own_state().waiting = nullptr;
    publish_wait(r, wait, address(object), value);
  } else {
    begin_part({&operation, sizeof operation, wait, address(object), value, false, false, timeout, false});
  }
}

/// A handler is about to be called.
template <class Handler>
[[gnu::always_inline]] inline void handler_invocation(Handler& handler) noexcept {
  if constexpr (!std::is_function_v<Handler> && has_task<Handler> && !is_plain<Handler>) {
    own_state().reached = nullptr;
    own_state().reached_group = nullptr;
    static_cast<void>(host::associated_allocator<Handler, std::allocator<void>>::get(handler, std::allocator<void>()));
    end_part(is_last<Handler>);
  }
}

/// It has returned, and was moved away, perhaps.
template <class Handler>
[[gnu::always_inline]] inline void handler_completion(Handler&) noexcept {
  if constexpr (!std::is_function_v<Handler> && has_task<Handler> && !is_plain<Handler>) leave_part();
}

/// co_await of another awaitable: a frame above this one. An aggregate, so that the awaitable is made in place.
template <class T, class E>
struct awaiting_frame {
  host::awaitable<T, E> callee;
  entry* slot;

  bool await_ready() const noexcept { return false; }

  template <class Promise>
  [[gnu::always_inline]] void await_suspend(std::coroutine_handle<Promise> caller) {
    using callee_frame = host::detail::awaitable_frame<T, E>;
    static_assert(sizeof callee == sizeof(callee_frame*), "asio::awaitable is a pointer to its frame");
    auto* frame = std::coroutine_handle<callee_frame>::from_promise(*std::bit_cast<view>(&callee)->frame).address();
    push(slot, frame, *static_cast<const std::uint64_t*>(frame));
    using caller_frame = typename Promise::asio_frame;
    callee.await_suspend(
        std::coroutine_handle<caller_frame>::from_promise(static_cast<caller_frame&>(caller.promise())));
  }

  [[gnu::always_inline, gnu::flatten]] T await_resume() {
    pop(slot);
    return callee.await_resume();
  }

  struct [[gnu::may_alias]] pointer_to_frame {
    host::detail::awaitable_frame<T, E>* frame;
  };
  using view = const pointer_to_frame*;
};

/// The function that starts an operation, wrapped: while it runs the task is named to handler_creation().
/// Holds a pointer: the function lives in the awaiting frame until the full expression ends.
template <class F>
class initiation {
 public:
  initiation(F& function, record* r) noexcept : function_(std::addressof(function)), record_(r) {}

  template <class... Args>
  auto operator()(Args&&... args) -> decltype(std::declval<F>()(std::forward<Args>(args)...)) {
    initiation_scope scope(record_);
    return std::forward<F>(*function_)(std::forward<Args>(args)...);
  }

 private:
  std::remove_reference_t<F>* function_;
  record* record_;
};

/// How Asio's awaiter is given the wrapped function: a function it takes by value, …
template <class F>
struct passed_by_value {
  passed_by_value(F&, record*) noexcept {}
  initiation<F> pass(F& function, record* r) noexcept { return {function, r}; }
};
/// … to an operation it keeps a reference, so that the wrapper must stay where it is.
template <class F>
struct passed_by_reference {
  passed_by_reference(F& function, record* r) noexcept : start(function, r) {}
  initiation<F>&& pass(F&, record*) noexcept { return std::move(start); }
  initiation<F> start;
};

/// co_await of an operation: the task may block. Neither copied nor moved, since Asio's awaiter may point into it.
template <class Base, class F, class Passed>
class awaiting_operation {
 public:
  awaiting_operation(Base& base, F& function, entry* slot)
      : passed_(function, owner(slot)),
        inner_(base.await_transform(passed_.pass(function, owner(slot)))),
        slot_(slot) {}
  awaiting_operation(const awaiting_operation&) = delete;
  awaiting_operation& operator=(const awaiting_operation&) = delete;

  bool await_ready() const noexcept { return false; }

#if defined(__clang__)
  // Inlined, clang 16 may keep this function's own variables in the coroutine frame, which another thread may resume,
  // or destroy, before it returns (llvm/llvm-project#56301).
  [[gnu::noinline]]
#endif
  void
  await_suspend(std::coroutine_handle<> handle) {
    block(owner(slot_));
    inner_.await_suspend(handle);
  }

  decltype(auto) await_resume() {
    resume(slot_);
    return inner_.await_resume();
  }

 private:
  [[no_unique_address]] Passed passed_;
  decltype(std::declval<Base&>().await_transform(std::declval<initiation<F>>())) inner_;
  entry* slot_;
};

template <class T, class E>
class promise : public host::detail::awaitable_frame<T, E> {
  using base = host::detail::awaitable_frame<T, E>;
  static constexpr bool is_root = std::is_same_v<T, host::detail::awaitable_thread_entry_point>;

 public:
  using asio_frame = base;

  // Asio keeps a frame's memory for the thread that it ends on; see own_state().
#if defined(__clang__)
  [[gnu::noinline]]
#endif
  void*
  operator new(std::size_t size) {
    const auto whole = size + sizeof(layout::frame_header);
    void* memory;
    if constexpr (requires { base::operator new(whole); })
      memory = base::operator new(whole);
    else
      memory = ::operator new(whole);
    auto* header = static_cast<layout::frame_header*>(memory);
    header->magic = layout::frame_magic;
    header->size = static_cast<std::uint32_t>(size);
    return header + 1;
  }

#if defined(__clang__)
  [[gnu::noinline]]
#endif
  void
  operator delete(void* frame, std::size_t size) {
    void* memory = static_cast<layout::frame_header*>(frame) - 1;
    const auto whole = size + sizeof(layout::frame_header);
#if defined(__GNUC__) && !defined(__clang__)
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // g++ loses track of which new it came from
#endif
    if constexpr (requires { base::operator new(whole); })
      base::operator delete(memory, whole);
    else
      ::operator delete(memory);
#if defined(__GNUC__) && !defined(__clang__)
#  pragma GCC diagnostic pop
#endif
  }

  ~promise() {
    if constexpr (is_root) end_task(owner(slot()));
  }

  [[gnu::always_inline]] auto get_return_object() {
    if constexpr (is_root) slot() = begin_task(frame());
    return base::get_return_object();
  }

  void unhandled_exception() {
    base::unhandled_exception();
    if constexpr (!is_root) end_by_exception(slot());
  }

  /// Every frame is first resumed by the thread that pushed it, right after the push.
  auto initial_suspend() noexcept {
    if constexpr (is_root) {
      return base::initial_suspend();
    } else {
      struct first_run : decltype(std::declval<base&>().initial_suspend()) {
        promise* self;
        void await_resume() const noexcept { self->slot() = adopt(self->frame()); }
      };
      return first_run{{}, this};
    }
  }

  template <class U>
  [[gnu::always_inline]] auto await_transform(host::awaitable<U, E>&& callee,
                                              std::source_location where = std::source_location::current()) {
    // Asio's own throws when the task is cancelled and else returns its argument; called for every await, by value, it
    // costs 10 instructions more.
    if (may_be_cancelled()) [[unlikely]]
      static_cast<void>(base::await_transform(host::awaitable<U, E>()));
    entry* e = slot();
    set_location(e, where);
    return awaiting_frame<U, E>{std::move(callee), e};
  }

  // clang-format off: 14 knows no requires-clauses
  template <class X>
  requires(!is_awaitable<std::remove_cvref_t<X>>) auto await_transform(
      X&& x, std::source_location where = std::source_location::current()) {
    // clang-format on
    if constexpr (is_function<X>) {
      entry* e = slot();
      set_location(e, where);
      return awaiting_operation<base, X, passed_by_value<X>>(*this, x, e);
    } else if constexpr (is_operation<X>) {
      entry* e = slot();
      set_location(e, where);
      return awaiting_operation<base, X, passed_by_reference<X>>(*this, x, e);
    } else {
      return base::await_transform(std::forward<X>(x));
    }
  }

 private:
  /// A function of the awaiting frame, which it detaches from its thread.
  template <class X>
  static constexpr bool is_function = requires(X&& x, host::detail::awaitable_frame_base<E>* f) {
    std::forward<X>(x)(f);
  };
  /// An operation that Asio's awaiter starts with a handler of its own.
  template <class X>
  static constexpr bool is_operation = requires(base& b, X&& x) {
    typename decltype(b.await_transform(std::forward<X>(x)))::handler_type;
  };

  bool may_be_cancelled() const noexcept {
    if constexpr (requires {
                    this->attached_thread_->throw_if_cancelled();
                    !!this->attached_thread_->get_cancellation_state().cancelled();
                  })
      return this->attached_thread_->throw_if_cancelled() &&
             !!this->attached_thread_->get_cancellation_state().cancelled();
    else
      return true;
  }

  void* frame() noexcept { return std::coroutine_handle<promise>::from_promise(*this).address(); }
  entry*& slot() noexcept {
    void* begin = frame();
#if defined(__clang__)
#  if __has_feature(undefined_behavior_sanitizer)
    // Before clang splits a coroutine it takes the promise for a variable, with nothing before it.
    asm("" : "+r"(begin));
#  endif
#endif
    return (static_cast<layout::frame_header*>(begin) - 1)->slot;
  }
};

/// Leaves in the thread that this handler's task was reached. A handler that was moved away has none.
template <class Handler>
[[gnu::always_inline]] inline void reach(Handler& h) noexcept {
  using outermost = std::remove_pointer_t<decltype(h.entry_point())>;
  entry* reached = nullptr;
  if (auto* frame = h.entry_point()) {
    const auto* memory = std::coroutine_handle<outermost>::from_promise(*frame).address();
    reached = (static_cast<const layout::frame_header*>(memory) - 1)->slot;
  }
  own_state().reached = reached;
}

/// Does every handler that wraps another pass the question on with an allocator to fall back on, as in Asio
/// before 1.24, where both questions are one function? Then one who asks without asks for an operation of the task's
/// own.
template <class Probe>
inline constexpr bool wrappers_fall_back = requires {
  &host::associated_allocator<Probe, std::allocator<void>>::get;
};

/// The allocator of a group's member, which Asio does not ask its group for. A group of a number that is known only
/// when it runs (Members: 0) has it in itself.
template <class Member, std::size_t Index, std::size_t Members, class Allocator>
struct member_allocator {
  using asio_associated_allocator_is_unspecialised = void;
  using type = Allocator;
  static type get(const Member& m) noexcept { return get(m, Allocator()); }
  static type get(const Member& m, const Allocator& a) noexcept {
    const auto& handler = m.state_->handler_.handler_;
    using asked = std::remove_cvref_t<decltype(handler)>;
    thread_state& t = own_state();
    t.reached = nullptr;
    t.reached_group = nullptr;
    static_cast<void>(host::associated_allocator<asked, Allocator>::get(handler, a));
    // In a group within a group it is not known which of the two has ended what.
    t.reached_member = t.reached_group == nullptr ? t.reached : nullptr;
    t.reached_group = m.state_.get();
    if constexpr (Members != 0) {
      t.member = Index;
      t.members = Members;
    } else {
      t.member = static_cast<std::uint32_t>(m.idx_);
      t.members = static_cast<std::uint32_t>(m.state_->handler_.completion_order_.size());
    }
    return a;
  }
};

/// Satisfied by all; its presence makes the specialization below the more specialized one.
template <class E>
concept any_executor = true;

}  // namespace tasks::detail::TASKS_HOOK_NAME

// Every handler is asked for its allocator when its operation begins, and passes the question on to what it wraps. The
// answers stay what they are; that a task's own handler was asked, and on the way the member of a group, stays in the
// thread.

// clang-format off: 14 knows no requires-clauses
template <class Handler, class Allocator>
requires(tasks::detail::TASKS_HOOK_NAME::is_own<Handler>&& requires(Handler& h) {
  h.entry_point();
}) struct TASKS_HOOK_ASIO::associated_allocator<Handler, Allocator> {
  // clang-format on
  using asio_associated_allocator_is_unspecialised = void;
  using type = Allocator;
  [[gnu::always_inline]] static type get(const Handler& h) noexcept {
    if constexpr (tasks::detail::TASKS_HOOK_NAME::wrappers_fall_back<Handler*>) return Allocator();
    return get(h, Allocator());
  }
  [[gnu::always_inline]] static type get(const Handler& h, const Allocator& a) noexcept {
    tasks::detail::TASKS_HOOK_NAME::reach(const_cast<Handler&>(h));
    return a;
  }
};

// clang-format off: 14 knows no requires-clauses
template <class Member, class Allocator>
requires tasks::detail::TASKS_HOOK_NAME::is_ranged_member<Member>
struct TASKS_HOOK_ASIO::associated_allocator<Member, Allocator>
    : tasks::detail::TASKS_HOOK_NAME::member_allocator<Member, std::size_t(-1), 0, Allocator> {
};
// clang-format on

template <std::size_t I, class Condition, class Handler, class... Ops, class Allocator>
struct TASKS_HOOK_ASIO::associated_allocator<
    TASKS_HOOK_ASIO::experimental::detail::parallel_group_op_handler<I, Condition, Handler, Ops...>, Allocator>
    : tasks::detail::TASKS_HOOK_NAME::member_allocator<
          TASKS_HOOK_ASIO::experimental::detail::parallel_group_op_handler<I, Condition, Handler, Ops...>, I,
          sizeof...(Ops), Allocator> {};

template <class Executor, std::size_t I, class Condition, class Handler, class... Ops, class Allocator>
struct TASKS_HOOK_ASIO::associated_allocator<
    TASKS_HOOK_ASIO::experimental::detail::parallel_group_op_handler_with_executor<Executor, I, Condition, Handler,
                                                                                   Ops...>,
    Allocator>
    : tasks::detail::TASKS_HOOK_NAME::member_allocator<
          TASKS_HOOK_ASIO::experimental::detail::parallel_group_op_handler_with_executor<Executor, I, Condition,
                                                                                         Handler, Ops...>,
          I, sizeof...(Ops), Allocator> {};

// clang-format off: 14 knows no requires-clauses
template <class T, class E, class... Args>
requires tasks::detail::TASKS_HOOK_NAME::any_executor<E>
// clang-format on
struct std::coroutine_traits<TASKS_HOOK_ASIO::awaitable<T, E>, Args...> {
  using promise_type = tasks::detail::TASKS_HOOK_NAME::promise<T, E>;
};
