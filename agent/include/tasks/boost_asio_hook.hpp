#pragma once

/// Makes the tasks of Boost.Asio visible. Included before anything of Asio: by the CMake target tasks::boost_asio,
/// which force-includes it in every C++ source, or as the very first #include of each. Changes no type's layout and
/// needs no change of a source. Inert below C++20, without coroutines, and where Asio is not found.
///
/// Asio reads its configuration macros here, for the first time: give them (BOOST_ASIO_DISABLE_EPOLL, …) on the command
/// line, not in a source.

#if defined(__cplusplus) && __cplusplus >= 202002L && defined(__cpp_impl_coroutine) && defined(__has_include)
#  if __has_include(<boost/asio/detail/handler_tracking.hpp>)

#    if defined(BOOST_ASIO_AWAITABLE_HPP) || defined(BOOST_ASIO_DETAIL_HANDLER_TRACKING_HPP)
#      error \
          "tasks: tasks/boost_asio_hook.hpp must come before every header of Boost.Asio: link tasks::boost_asio, or include it first"
#    endif
#    if defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING) || defined(BOOST_ASIO_CUSTOM_HANDLER_TRACKING)
#      error \
          "tasks: BOOST_ASIO_ENABLE_HANDLER_TRACKING and this hook exclude each other: both define Asio's tracking macros"
#    endif

#    if defined(__clang__) && !defined(BOOST_ASIO_HAS_CO_AWAIT)
// Asio 1.22 knows coroutines of clang only as std::experimental's.
#      define BOOST_ASIO_HAS_CO_AWAIT 1
#      define BOOST_ASIO_HAS_STD_COROUTINE 1
#    endif

#    include <boost/asio/detail/config.hpp>
#    include <boost/asio/detail/handler_tracking.hpp>

#    if defined(BOOST_ASIO_HAS_CO_AWAIT)

#      include "tasks/detail/hook_common.hpp"

#      if !defined(BOOST_ASIO_INLINE_NAMESPACE_BEGIN)
#        define TASKS_HOOK_BEGIN
#        define TASKS_HOOK_END
#      else
#        define TASKS_HOOK_BEGIN BOOST_ASIO_INLINE_NAMESPACE_BEGIN
#        define TASKS_HOOK_END BOOST_ASIO_INLINE_NAMESPACE_END
#      endif
namespace boost::asio {
TASKS_HOOK_BEGIN
template <typename T, typename Executor>
class awaitable;
template <typename T, typename Allocator>
struct associated_allocator;
namespace detail {
template <typename T, typename Executor>
class awaitable_frame;
template <typename Executor>
class awaitable_frame_base;
struct awaitable_thread_entry_point;
template <typename, typename...>
class awaitable_handler;
// What is invoked is called `handler` wherever Asio says that it is, but in blocking_executor_op, which finds this one.
void handler();
}  // namespace detail
namespace experimental::detail {
template <std::size_t I, typename Condition, typename Handler, typename... Ops>
struct parallel_group_op_handler;
template <typename Executor, std::size_t I, typename Condition, typename Handler, typename... Ops>
struct parallel_group_op_handler_with_executor;
}  // namespace experimental::detail
TASKS_HOOK_END
}  // namespace boost::asio
#      undef TASKS_HOOK_BEGIN
#      undef TASKS_HOOK_END

#      define TASKS_HOOK_ASIO boost::asio
#      define TASKS_HOOK_NAME boost_asio
#      include "tasks/detail/asio_hook.ipp"
#      undef TASKS_HOOK_ASIO
#      undef TASKS_HOOK_NAME

#      undef BOOST_ASIO_HANDLER_CREATION
#      define BOOST_ASIO_HANDLER_CREATION(args) ::tasks::detail::boost_asio::handler_creation args
#      undef BOOST_ASIO_HANDLER_INVOCATION_BEGIN
#      define BOOST_ASIO_HANDLER_INVOCATION_BEGIN(args) ::tasks::detail::boost_asio::handler_invocation(handler)
#      undef BOOST_ASIO_HANDLER_INVOCATION_END
#      define BOOST_ASIO_HANDLER_INVOCATION_END ::tasks::detail::boost_asio::handler_completion(handler)

#    endif
#  endif
#endif
