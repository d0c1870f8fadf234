#pragma once

/// The agent's own encoder, as own_asio.hpp for Asio. A failed assertion of protozero's would end the host.

#ifndef protozero
#  error "the server's sources are compiled with -Dprotozero=tasks_protozero; see agent/CMakeLists.txt"
#endif

#undef protozero_assert
#define protozero_assert(condition) static_cast<void>(0)

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
