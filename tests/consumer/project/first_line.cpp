#include <tasks/asio_hook.hpp>

#include "plain.cpp"
