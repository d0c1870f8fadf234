# The agent's thread, in one relocatable object whose only symbol is tasks_serve(). The host may use another
# version of Asio and of protozero, or the same configured otherwise; header-only code of two versions in one binary is
# merged by the linker and crashes. Renamed namespaces keep the two apart in names, local symbols in everything else.
find_program(TASKS_OBJCOPY NAMES ${CMAKE_OBJCOPY} objcopy REQUIRED DOC "GNU objcopy")
mark_as_advanced(TASKS_OBJCOPY)

add_library(tasks_server OBJECT
  src/server/server.cpp
  src/server/session.cpp
  src/server/wire.cpp
  src/server/wire_request.cpp
)
# A configuration of Asio's that the host has put on whole directories is none of ours; own_asio.hpp drops the rest.
foreach(_tasks_property COMPILE_DEFINITIONS COMPILE_OPTIONS)
  get_target_property(_tasks_inherited tasks_server ${_tasks_property})
  if(_tasks_inherited)
    list(FILTER _tasks_inherited EXCLUDE REGEX "^(-D)?(ASIO|BOOST_ASIO|PROTOZERO)_")
    set_property(TARGET tasks_server PROPERTY ${_tasks_property} "${_tasks_inherited}")
  endif()
endforeach()
target_compile_definitions(tasks_server PRIVATE
  asio=tasks_asio
  protozero=tasks_protozero
  asio_detail_posix_thread_function=tasks_asio_thread_function
  asio_signal_handler=tasks_asio_signal_handler
)
# -fno-lto: what is combined below must be machine code. (And g++ 12 takes Asio's coroutine frames for mismatched.)
target_compile_options(tasks_server PRIVATE -fno-lto
  $<$<CXX_COMPILER_ID:GNU>:-fcoroutines>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
tasks_inside(tasks_server)
target_include_directories(tasks_server PRIVATE include src common)
target_include_directories(tasks_server SYSTEM PRIVATE ${TASKS_ASIO_INCLUDE_DIR} ${TASKS_PROTOZERO_INCLUDE_DIR})
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
