/// A program whose constants have what LeakSanitizer's runtime says of ptrace(2), as those have that it is linked into.
/// Aborts.

#include <cstdio>
#include <cstdlib>

int main() {
  std::puts("HINT: LeakSanitizer does not work under ptrace (strace, gdb, etc)");
  std::abort();
}
