#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <asio/impl/src.hpp>  // ASIO_SEPARATE_COMPILATION: Asio's own functions are ordinary ones of this program

namespace net = asio;
using net_error = asio::error_code;
#define HOST_SIGNAL SIGUSR1
#include "host_part.hpp"

std::unique_ptr<host_part> make_standalone_part() { return std::make_unique<part>(); }
