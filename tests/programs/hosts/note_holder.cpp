// A program that carries the note and a root that nobody uses. Built as every kind of executable there is, and with the
// note in a shared library instead.

#include <unistd.h>

#include <cstdio>

[[gnu::noinline]] int landmark(int value) { return value + 1; }

int main() {
  std::printf("landmark %p\nready\n", reinterpret_cast<void*>(&landmark));
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return landmark(-1);
}
