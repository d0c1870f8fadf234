// A root behind an ELF note, as the agent has them: what makes an executable or a library look instrumented.

#include "registry/root_note.hpp"

TASKS_ROOT_NOTE(tasks_fake_root);

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
    {},
    {},
    {},
    {}};
}
