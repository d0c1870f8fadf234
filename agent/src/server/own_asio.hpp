#pragma once

/// The agent's own Asio: included before any other header by every source of the server.
///
/// The host may use another version of Asio, or the same one configured otherwise, and the linker would merge the two.
/// So CMakeLists.txt renames the namespace and Asio's C symbols for these sources, and here whatever configuration the
/// host has put on the command line is dropped. Asio's includes are not affected by the macro `asio`.

#ifndef asio
#  error "the server's sources are compiled with -Dasio=tasks_asio; see agent/CMakeLists.txt"
#endif

#undef ASIO_CUSTOM_HANDLER_TRACKING
#undef ASIO_DISABLE_CO_AWAIT
#undef ASIO_DISABLE_EPOLL
#undef ASIO_DISABLE_EVENTFD
#undef ASIO_DISABLE_THREAD_KEYWORD_EXTENSION
#undef ASIO_DISABLE_THREADS
#undef ASIO_DISABLE_TIMERFD
#undef ASIO_DISABLE_VISIBILITY
#undef ASIO_DYN_LINK
#undef ASIO_ENABLE_BUFFER_DEBUGGING
#undef ASIO_ENABLE_HANDLER_TRACKING
#undef ASIO_HAS_BOOST_BIND
#undef ASIO_HAS_BOOST_CONFIG
#undef ASIO_HAS_BOOST_CONTEXT_FIBER
#undef ASIO_HAS_CO_AWAIT
#undef ASIO_HAS_IO_URING
#undef ASIO_HAS_IO_URING_AS_DEFAULT
#undef ASIO_HAS_STD_COROUTINE
#undef ASIO_HAS_THREAD_KEYWORD_EXTENSION
#undef ASIO_HEADER_ONLY
#undef ASIO_NO_DEFAULT_LINKED_LIBS
#undef ASIO_NO_DEPRECATED
#undef ASIO_NO_EXCEPTIONS
#undef ASIO_NO_EXTENSIONS
#undef ASIO_NO_TS_EXECUTORS
#undef ASIO_SEPARATE_COMPILATION
#undef ASIO_SOURCE
#undef ASIO_STANDALONE
#undef ASIO_THREAD_KEYWORD
#undef ASIO_USE_TS_EXECUTOR_AS_DEFAULT

#define ASIO_STANDALONE
#define ASIO_HEADER_ONLY
#define ASIO_DISABLE_VISIBILITY  // else it makes its own classes visible
#define ASIO_NO_DEPRECATED
#define ASIO_HAS_CO_AWAIT  // which Asio 1.22 does not find out about clang
#define ASIO_HAS_STD_COROUTINE
// As Asio does on x86 alone. Elsewhere an object with a constructor keeps its key of pthread_key_create(3), and the
// agent's thread may begin before that is made, and live when it has been destroyed.
#define ASIO_HAS_THREAD_KEYWORD_EXTENSION 1

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
