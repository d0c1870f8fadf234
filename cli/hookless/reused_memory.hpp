#pragma once

/// Asio keeps memory that was given back to it, and gives it to the next one who wants no more than there is
/// (thread_info_base::allocate): behind a frame may be what another one left there.
///
///   {frame, its size | how large the memory is, in units of 4 bytes, in one byte | of nobody}

#include "hookless/frame_scan.hpp"
#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

/// Makes zero what is behind the frames of Asio's whose size is known, where that byte says as much as the heap does.
void erase_behind_frames(memory_image& image, const heap_map& heap, const frame_scan& scan);

}  // namespace tasks::cli
