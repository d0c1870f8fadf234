# The agent's thread, in one relocatable object whose only symbol is tasks_serve(). All that it runs is in it, with an
# operator new of its own (arena.hpp), and without exceptions and libstdc++'s own code: libc may take the program for
# single-threaded. What it may call of others is listed in tests/agent/symbols.cmake.
find_program(TASKS_OBJCOPY NAMES ${CMAKE_OBJCOPY} objcopy REQUIRED DOC "GNU objcopy")
mark_as_advanced(TASKS_OBJCOPY)

add_library(tasks_server OBJECT
  common/cpu_quota.cpp
  common/failure_copy.cpp
  common/small_file.cpp
  common/socket_names.cpp
  common/stack_groups.cpp
  common/task_copy.cpp
  common/utf8.cpp
  src/readers/locations.cpp
  src/readers/record_reader.cpp
  src/readers/self_memory.cpp
  src/readers/slab_map.cpp
  src/readers/task_times.cpp
  src/readers/task_walk.cpp
  src/readers/text_filter.cpp
  src/server/arena.cpp
  src/server/own_descriptors.cpp
  src/server/process_vitals.cpp
  src/server/server.cpp
  src/server/session.cpp
  src/server/stale_names.cpp
  src/server/timing_switch.cpp
  src/server/wire.cpp
  src/server/wire_request.cpp
)
# libc++ has code in its library whatever is asked for, and with it memory of the program's: then all is as elsewhere, a
# pthread's with malloc and exceptions.
include(CheckCXXSourceCompiles)
check_cxx_source_compiles("#include <cstddef>\n#if !defined(_LIBCPP_VERSION)\n#error no\n#endif\nint main() {}" TASKS_HAS_LIBCXX)
# -fno-lto: what is combined below must be machine code. -fno-plt: functions of libraries are looked up when the program
# is loaded; when they are first called it would be under the loader's lock.
# -O2 whatever the build: g++ has coroutines go on by tail calls from there on, and the thread's stack is small.
target_compile_options(tasks_server PRIVATE -fno-lto -fno-plt $<$<NOT:$<BOOL:${TASKS_HAS_LIBCXX}>>:-fno-exceptions>
  $<$<CXX_COMPILER_ID:GNU>:-fcoroutines -O2 -fno-instrument-functions>)
tasks_inside(tasks_server)
target_include_directories(tasks_server PRIVATE include src common)
set_target_properties(tasks_server PROPERTIES UNITY_BUILD OFF PRECOMPILE_HEADERS "")
target_link_libraries(tasks_server PRIVATE Threads::Threads)

# --force-group-allocation dissolves the groups by which the linker would take the host's copy of a template for ours.
set(_tasks_combined ${CMAKE_CURRENT_BINARY_DIR}/tasks_server.o)
add_custom_command(OUTPUT ${_tasks_combined}
  COMMAND ${CMAKE_CXX_COMPILER} -nostdlib -fno-lto -r -Wl,--force-group-allocation
    -o ${_tasks_combined} $<TARGET_OBJECTS:tasks_server>
  COMMAND ${TASKS_OBJCOPY} --keep-global-symbol=tasks_serve ${_tasks_combined}
  DEPENDS tasks_server $<TARGET_OBJECTS:tasks_server>
  COMMAND_EXPAND_LISTS VERBATIM
  COMMENT "Combining the agent's server")
set_source_files_properties(${_tasks_combined} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
target_sources(tasks_agent PRIVATE ${_tasks_combined})
