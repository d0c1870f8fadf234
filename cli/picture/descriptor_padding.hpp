#pragma once

/// Asio's record of a descriptor, as every version that was tried lays it out on 64 bits:
///
///   {next, function, result : 32, …, two links, an empty base, mutex, enabled : 8, …, reactor, descriptor : 32, events
///   : 32, queues, flags : 32, …}

#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

/// Makes zero what nobody has written between its members. There lies, in memory that was used before, what is left of
/// another one's address, whose low byte is the mutex's flag now: an address near by. None: without symbols.
void erase_descriptor_padding(memory_image& image, const heap_map& heap, modules& code);

}  // namespace tasks::cli
