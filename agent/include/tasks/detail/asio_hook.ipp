// The hook for one Asio: included by tasks/asio_hook.hpp and tasks/boost_asio_hook.hpp, which define
//
//   TASKS_HOOK_ASIO   the namespace of that Asio
//   TASKS_HOOK_NAME   a namespace of our own for it
//
// and have declared awaitable, awaitable_frame, awaitable_frame_base and awaitable_thread_entry_point.
//
// A constrained partial specialization of std::coroutine_traits is more specialized than Asio's own, so every
// awaitable<T, E> gets `promise` below, which derives from Asio's. Nothing depends on Asio's version by number:
//
//   co_await awaitable        -> awaiting_frame       push, pop
//   co_await [](frame*) {}    -> awaiting_operation   block, initiation_scope, resume  (use_awaitable's own leaf)
//   co_await async operation  -> the same             where Asio awaits operations directly (since 1.32)
//   co_await anything else    -> Asio's own awaiter   (this_coro::executor, …)

namespace tasks::detail::TASKS_HOOK_NAME {

namespace host = ::TASKS_HOOK_ASIO;

template <class T>
inline constexpr bool is_awaitable = false;
template <class T, class E>
inline constexpr bool is_awaitable<host::awaitable<T, E>> = true;

/// What Asio names when an operation begins, before it submits it.
template <class Context, class Operation, class Object>
[[gnu::always_inline]] inline void handler_creation(Context&, Operation&, object_type type, Object* object,
                                                    std::uintmax_t native, operation_name operation) noexcept {
  record* r = this_thread.waiting;
  if (r == nullptr) return;
  this_thread.waiting = nullptr;
  const auto kind = classify_wait(type.value, operation.value);
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
  publish_wait(r, layout::pack_wait(kind, detail, fd), address(object), value);
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

  void* operator new(std::size_t size) {
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

  void operator delete(void* frame, std::size_t size) {
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
  entry*& slot() noexcept { return (static_cast<layout::frame_header*>(frame()) - 1)->slot; }
};

/// Satisfied by all; its presence makes the specialization below the more specialized one.
template <class E>
concept any_executor = true;

}  // namespace tasks::detail::TASKS_HOOK_NAME

// clang-format off: 14 knows no requires-clauses
template <class T, class E, class... Args>
requires tasks::detail::TASKS_HOOK_NAME::any_executor<E>
// clang-format on
struct std::coroutine_traits<TASKS_HOOK_ASIO::awaitable<T, E>, Args...> {
  using promise_type = tasks::detail::TASKS_HOOK_NAME::promise<T, E>;
};
