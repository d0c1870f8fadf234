#include "top/screen.hpp"

namespace tasks::cli {

result<std::unique_ptr<screen>> open_screen(bool) {
  return error{error_code::system, "top", "built without ncurses", "install libncurses-dev and build it again"};
}

}  // namespace tasks::cli
