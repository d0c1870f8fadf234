#pragma once

/// Asio keeps memory that was given back to it, and gives it to the next one who wants no more than there is
/// (thread_info_base::allocate): behind a frame may be what another one left there.
///
///   {block, its size | how large the memory is, in units of 4 bytes, in one byte | of nobody}

#include <cstdint>

#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

/// Is an object of the heap as large as malloc, or Asio, makes one for so many bytes?
[[nodiscard]] bool was_allocated_for(const memory_image& image, const range& object, std::uint64_t size);

/// Makes zero what is behind a block of so many bytes that Asio has allocated, if it has: where that byte says as much
/// as the heap does.
void erase_behind(memory_image& image, const heap_map& heap, std::uint64_t block, std::uint64_t size);

}  // namespace tasks::cli
