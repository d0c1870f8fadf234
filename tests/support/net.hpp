#pragma once

/// `net`: the Asio that a test is compiled for. The sources know nothing of the hook: it is force-included.

#if defined(TASKS_TEST_BOOST)
#  include <boost/asio.hpp>
#  include <boost/asio/experimental/as_single.hpp>
#  include <boost/asio/experimental/awaitable_operators.hpp>
#  include <boost/asio/experimental/channel.hpp>
#  include <boost/asio/experimental/concurrent_channel.hpp>
#  include <boost/asio/experimental/parallel_group.hpp>
namespace net = boost::asio;
using net::as_tuple;
using net::deferred;
using net_error = boost::system::error_code;
#else
#  include <asio.hpp>
#  include <asio/experimental/as_single.hpp>
#  if __has_include(<asio/as_tuple.hpp>)
#    include <asio/as_tuple.hpp>
namespace net_tuple = asio;
#  else
#    include <asio/experimental/as_tuple.hpp>
namespace net_tuple = asio::experimental;
#  endif
#  include <asio/experimental/awaitable_operators.hpp>
#  include <asio/experimental/channel.hpp>
#  include <asio/experimental/concurrent_channel.hpp>
#  include <asio/experimental/parallel_group.hpp>
#  if __has_include(<asio/deferred.hpp>)
using asio::deferred;
#  else
#    include <asio/experimental/deferred.hpp>
using asio::experimental::deferred;
#  endif
namespace net = asio;
using net_tuple::as_tuple;
using net_error = std::error_code;
#endif

using channel = net::experimental::channel<void(net_error, int)>;
using concurrent_channel = net::experimental::concurrent_channel<void(net_error, int)>;
using net::use_awaitable;
template <class T>
using awaitable = net::awaitable<T>;
