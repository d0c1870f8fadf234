// A process whose tasks and agents are in two shared libraries, "a" and "b". Input: "open a 3", "close a"; the answer
// says whether the library is mapped afterwards. "abort now" does. "reload a 300" opens and closes it so often while
// another thread forks. "fork a 3" forks, where "a" is open: the child answers with its number, and has so many more
// tasks until a word comes; then the answer is how it ended.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <thread>

#include "host_plugin.hpp"

namespace {

std::map<std::string, void*> open;

std::string path(const std::string& name) { return std::string(HOST_PLUGIN_DIR "/libhost_plugin_") + name + ".so"; }

plugin_calls calls(const std::string& name) {
  return *static_cast<const plugin_calls*>(dlsym(open.at(name), "plugin"));
}

void open_with(const std::string& name, int tasks) {
  void* const opened = dlopen(path(name).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) {
    std::cerr << dlerror() << '\n';
    std::exit(1);
  }
  open[name] = opened;
  calls(name).start(tasks);
}

void close_it(const std::string& name) {
  calls(name).stop();
  dlclose(open.at(name));
  open.erase(name);
}

void reload(const std::string& name, int times) {
  std::atomic<bool> done = false;
  std::thread forks([&done] {
    while (!done) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      waitpid(child, nullptr, 0);
    }
  });
  for (int i = 0; i < times; ++i) {
    open_with(name, 1);
    close_it(name);
  }
  done = true;
  forks.join();
}

/// Its exit code.
int fork_with(const std::string& name, int tasks) {
  const pid_t child = fork();
  if (child == 0) {
    calls(name).start(tasks);
    std::cout << getpid() << std::endl;
    std::string word;
    std::cin >> word;
    calls(name).stop();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main() {
  std::cout << "ready" << std::endl;
  for (std::string word, name; std::cin >> word >> name;) {
    if (word == "abort") std::abort();
    int number = 0;
    if (word != "close") std::cin >> number;
    if (word == "open") open_with(name, number);
    if (word == "reload") reload(name, number);
    if (word == "close") close_it(name);
    if (word == "fork") {
      std::cout << fork_with(name, number) << std::endl;
      continue;
    }
    void* again = dlopen(path(name).c_str(), RTLD_NOW | RTLD_NOLOAD);
    std::cout << (again != nullptr ? "mapped" : "gone") << std::endl;
    if (again != nullptr) dlclose(again);
  }
  for (const auto& [name, handle] : open) calls(name).stop();
}
