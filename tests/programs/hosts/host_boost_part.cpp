#include <boost/asio.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>

namespace net = boost::asio;
using net_error = boost::system::error_code;
#define HOST_SIGNAL SIGUSR2
#include "host_part.hpp"

std::unique_ptr<host_part> make_boost_part() { return std::make_unique<part>(); }
