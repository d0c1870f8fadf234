# Warnings, in our own code only: tasks_warnings is linked privately and never exported. They are errors here, but not in
# who builds us with a compiler that we do not know.
add_library(tasks_warnings INTERFACE)
target_compile_options(tasks_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast)
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(tasks_warnings INTERFACE -Werror)
endif()
# g++ 12 sees overlapping copies in `"literal" + std::string` at -O3 (GCC bug 105651).
target_compile_options(tasks_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# … and takes for read what std::regex and std::variant never do (GCC bug 105562), at -O3 and in sanitized builds.
target_compile_options(tasks_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
