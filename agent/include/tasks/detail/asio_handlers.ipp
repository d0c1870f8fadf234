// What the types of one Asio's handlers tell: included by asio_hook.ipp.
//
// By their template arguments where that will do: to search a type's name, which may have thousands of characters,
// costs the compiler more than everything else here.

namespace tasks::detail::TASKS_HOOK_NAME {

namespace host = ::TASKS_HOOK_ASIO;

/// The handler of a task itself: use_awaitable's, or that of an operation which is awaited directly. The latter's
/// template has two arguments or three, so that it cannot be declared; its first one is the operation's signature.
template <class T>
inline constexpr bool is_own = false;
template <class E, class... Args>
inline constexpr bool is_own<host::detail::awaitable_handler<E, Args...>> = true;
template <template <class, class, class...> class Handler, class R, class... Args, class E, class... More>
inline constexpr bool is_own<Handler<R(Args...), E, More...>> =
    begins_with<Handler<R(Args...), E, More...>>("detail::awaitable_async_op_handler");
/// Is it nothing but a handler and the arguments that it is called with?
template <class T>
inline constexpr bool is_binder = begins_with<T>("detail::binder") || begins_with<T>("detail::move_binder");
template <class T>
inline constexpr bool is_channel_handler =
    begins_with<T>("detail::channel_handler") || begins_with<T>("detail::completion_payload_handler");
/// A task's own handler, alone or in binders: what ends then is what the task awaits, and it goes on.
template <class T>
inline constexpr bool is_plain = is_own<T>;
// clang-format off: 14 knows no requires-clauses
template <template <class...> class Around, class First, class... Rest>
requires is_plain<First>
inline constexpr bool is_plain<Around<First, Rest...>> =
    is_own<Around<First, Rest...>> || is_binder<Around<First, Rest...>>;
template <template <class, class> class Around, class Payload, class Second>
requires is_own<Second>
inline constexpr bool is_plain<Around<Payload, Second>> = is_channel_handler<Around<Payload, Second>>;
// clang-format on
/// An operation with such a handler.
template <class T>
inline constexpr bool is_direct = false;
template <template <class...> class Operation, class... Args>
inline constexpr bool is_direct<Operation<Args...>> = (is_plain<Args> || ...);

template <class T>
inline constexpr bool is_ranged_member = false;
template <template <class, class, class, class> class Handler, class C, class H, class Op, class A>
inline constexpr bool is_ranged_member<Handler<C, H, Op, A>> =
    begins_with<Handler<C, H, Op, A>>("detail::ranged_parallel_group_op_handler");
template <template <class, class, class, class, class> class Handler, class E, class C, class H, class Op, class A>
inline constexpr bool is_ranged_member<Handler<E, C, H, Op, A>> =
    begins_with<Handler<E, C, H, Op, A>>("detail::ranged_parallel_group_op_handler");
/// A member's handler with nothing around it.
template <class T>
inline constexpr bool is_member = is_ranged_member<T>;
template <std::size_t I, class C, class H, class... Ops>
inline constexpr bool is_member<host::experimental::detail::parallel_group_op_handler<I, C, H, Ops...>> = true;
template <class E, std::size_t I, class C, class H, class... Ops>
inline constexpr bool
    is_member<host::experimental::detail::parallel_group_op_handler_with_executor<E, I, C, H, Ops...>> = true;
/// Such a handler with nothing around it but the arguments that it is called with: a member that is over.
template <class T>
inline constexpr bool is_last = is_member<T>;
// clang-format off: 14 knows no requires-clauses
template <template <class...> class Around, class First, class... Rest>
requires is_last<First>
inline constexpr bool is_last<Around<First, Rest...>> =
    is_member<Around<First, Rest...>> || is_binder<Around<First, Rest...>>;
template <template <class, class> class Around, class Payload, class Second>
requires is_member<Second>
inline constexpr bool is_last<Around<Payload, Second>> = is_channel_handler<Around<Payload, Second>>;
// clang-format on

/// Is something of this kind among its template arguments, or theirs? Of templates with other parameters than those
/// below, as Beast's read_msg_op<Stream, Buffer, bool, Body, Allocator, Handler>, its name tells.
template <template <class> class Is, class T>
inline constexpr bool has = Is<T>::value || Is<T>::is_in_name();
template <template <class> class Is, template <class...> class Around, class... Args>
inline constexpr bool has<Is, Around<Args...>> = Is<Around<Args...>>::value || (has<Is, Args> || ...);
template <template <class> class Is, template <bool, class...> class Around, bool B, class... Args>
inline constexpr bool has<Is, Around<B, Args...>> = (has<Is, Args> || ...);
template <template <class> class Is, template <std::size_t, class...> class Around, std::size_t N, class... Args>
inline constexpr bool has<Is, Around<N, Args...>> = Is<Around<N, Args...>>::value || (has<Is, Args> || ...);
template <template <class> class Is, template <class, std::size_t, class...> class Around, class A, std::size_t N,
          class... Args>
inline constexpr bool has<Is, Around<A, N, Args...>> = Is<Around<A, N, Args...>>::value || (has<Is, Args> || ...);
template <class T>
struct own : std::bool_constant<is_own<T>> {
  static consteval bool is_in_name() {
    return is_named<T>("awaitable_handler") || is_named<T>("awaitable_async_op_handler");
  }
};
template <class T>
struct member : std::bool_constant<is_member<T>> {
  static consteval bool is_in_name() { return is_named<T>("parallel_group_op_handler"); }
};
/// A task's handler is in it somewhere, or seems to be: what asks looks for it when it runs.
template <class T>
inline constexpr bool has_task = has<own, T>;
/// The first template argument.
template <class T>
struct first {
  using type = void;
};
template <template <class...> class Operation, class First, class... Rest>
struct first<Operation<First, Rest...>> {
  using type = First;
};

}  // namespace tasks::detail::TASKS_HOOK_NAME
