// Loads a library of which nothing is ready before another thread's first exception has been caught.

#include <dlfcn.h>

#include <cstdio>

int main() {
  if (dlopen(THROWING_LIBRARY, RTLD_NOW) == nullptr) std::puts(dlerror());
  std::puts("loaded");
}
