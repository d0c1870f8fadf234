#pragma once

/// The note that leads every reader to a root: found by program headers alone. See tasks/detail/layout.hpp.

#include "tasks/detail/layout.hpp"

// "R" (SHF_GNU_RETAIN) keeps it under --gc-sections, the group keeps it single under LTO. The offset is relative to
// itself: nothing is relocated at load.
#define TASKS_ROOT_NOTE(root)                                           \
  asm(".pushsection .note.tasks,\"aGR\",@note,tasks_root_note,comdat\n" \
      ".balign 4\n"                                                     \
      ".long 6\n"                                                       \
      ".long 16\n"                                                      \
      ".long 1\n"                                                       \
      ".asciz \"tasks\"\n"                                              \
      ".balign 4\n"                                                     \
      ".long 3\n"                                                       \
      ".long 224\n"                                                     \
      ".quad " #root                                                    \
      " - .\n"                                                          \
      ".popsection\n")
static_assert(sizeof(tasks::layout::root) == 224 && sizeof(tasks::layout::note_descriptor) == 16);
static_assert(tasks::layout::version == 3 && tasks::layout::note_type == 1);
