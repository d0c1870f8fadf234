// The lab that answers as written, as a program of its own: to be started in another namespace.
// Its argument is the socket's directory.

#include <unistd.h>

#include <cstdio>

#include "support/lab_script.hpp"

int main(int argc, char** argv) {
  auto script = tasks::testing::lab_script();
  if (argc > 1) script.directory = argv[1];
  const tasks::testing::fake_agent lab(script);
  std::printf("ready\n");
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}
