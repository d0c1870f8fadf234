// A library whose constructor waits for a thread that throws. The loader's lock is held meanwhile.

#include <stdexcept>
#include <thread>

namespace {

[[gnu::constructor]] void begin() {
  std::thread([] {
    try {
      throw std::runtime_error("caught");
    } catch (const std::exception&) {
      try {
        std::rethrow_exception(std::current_exception());
      } catch (const std::exception&) {
      }
    }
  }).join();
}

}  // namespace
