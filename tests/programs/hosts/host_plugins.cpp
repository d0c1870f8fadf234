// A process whose tasks and agents are in two shared libraries, "a" and "b". Input: "open a 3", "close a"; the answer
// says whether the library is mapped afterwards. "abort now" does.
#include <dlfcn.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "host_plugin.hpp"

int main() {
  std::map<std::string, void*> open;
  const auto path = [](const std::string& name) {
    return std::string(HOST_PLUGIN_DIR "/libhost_plugin_") + name + ".so";
  };
  const auto calls = [&open](const std::string& name) {
    return *static_cast<const plugin_calls*>(dlsym(open.at(name), "plugin"));
  };
  std::cout << "ready" << std::endl;
  for (std::string word, name; std::cin >> word >> name;) {
    if (word == "abort") std::abort();
    if (word == "open") {
      int tasks = 0;
      std::cin >> tasks;
      open[name] = dlopen(path(name).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (open[name] == nullptr) return std::cerr << dlerror() << '\n', 1;
      calls(name).start(tasks);
    } else {
      calls(name).stop();
      dlclose(open.at(name));
      open.erase(name);
    }
    void* again = dlopen(path(name).c_str(), RTLD_NOW | RTLD_NOLOAD);
    std::cout << (again != nullptr ? "mapped" : "gone") << std::endl;
    if (again != nullptr) dlclose(again);
  }
  for (const auto& [name, handle] : open) calls(name).stop();
}
