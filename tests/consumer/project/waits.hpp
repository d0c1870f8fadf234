#pragma once

#if !defined(PREFIX)
#  define PREFIX
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define PUBLIC extern "C" [[gnu::visibility("default")]]

/// Starts a task that waits until the process ends.
PUBLIC void JOIN(PREFIX, wait_on_asio)();
/// The same on Boost.Asio.
PUBLIC void JOIN(PREFIX, wait_on_boost)();
/// tasks::count(), as the library sees it that defines this.
PUBLIC long JOIN(PREFIX, count)();
