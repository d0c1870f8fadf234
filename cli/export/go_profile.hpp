#pragma once

/// Tasks in the two forms in which Go's runtime tells of goroutines as text, so that what reads those reads these.
///
///   write_goroutine_counts()   /debug/pprof/goroutine?debug=1     stacks, each with how many tasks are in it
///   write_goroutine()          /debug/pprof/goroutine?debug=2     a task, with what it waits for and for how long
///
/// Sources: printCountProfile() and printStackRecord() of Go 1.19's runtime/pprof/pprof.go, goroutineheader() and
/// printcreatedby() of its runtime/traceback.go; who reads it: parseGoCount() of google/pprof's
/// profile/legacy_profile.go.
///
/// | Go's                    | here |
/// | ----------------------- | ---- |
/// | number of a goroutine   | id of a task |
/// | address, pc             | a hash of function and file, and in its lowest 20 bits the line: the same wherever and
/// whenever that is told | | function+0x52           | the offset is the line | | function(0xc000, …)     |
/// function(...), without its parameters' types | | created by              | the spawn site, where it is known | |
/// runnable, running       | ready, or waiting for its turn (post); running | | chan send, chan receive | channel send,
/// channel receive | | sleep                   | timer | | IO wait                 | any wait for a socket or
/// descriptor | | select                  | several of them at once | | (no word of Go's)       | signal, resolve,
/// tasks; another operation by its name; else blocked |

#include <fmt/format.h>

#include <string>

#include "export/stack_profile.hpp"
#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// Those with most tasks first. The name of the profile is `tasks`. A stack is cut in its middle beyond 1,000 places,
/// a name beyond 16 KiB: its readers take lines of 64 KiB.
void write_goroutine_counts(fmt::memory_buffer& out, const stack_profile& profile);

/// One task, and a blank line behind it. `stacks` merges its native frames and its awaits, and is left with its stack.
void write_goroutine(fmt::memory_buffer& out, const v1::Task& task, const resolved& meaning, stack_profile& stacks);

/// What Go calls what it does: "chan receive".
[[nodiscard]] std::string goroutine_state(const v1::Task& task, const resolved& meaning);

}  // namespace tasks::cli
