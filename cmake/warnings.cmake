# Warnings are errors, in our own code only: tasks_warnings is linked privately and never exported.
add_library(tasks_warnings INTERFACE)
target_compile_options(tasks_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Werror)
