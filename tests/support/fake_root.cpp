// A root behind an ELF note, as the agent has them: what makes an executable or a library look instrumented.

#include "tasks/detail/layout.hpp"

asm(R"(
.pushsection .note.tasks,"aGR",@note,tasks_root_note,comdat
.balign 4
.long 6
.long 16
.long 1
.asciz "tasks"
.balign 4
.long 1
.long 224
.quad tasks_fake_root - .
.popsection
)");
static_assert(sizeof(tasks::layout::root) == 224 && tasks::layout::version == 1);

extern "C" {
[[gnu::used, gnu::visibility("hidden")]] constinit tasks::layout::root tasks_fake_root = {
    tasks::layout::root_magic,
    tasks::layout::version,
    sizeof(tasks::layout::root),
    tasks::layout::record_size,
    sizeof(tasks::layout::frame_header),
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {}};
}
