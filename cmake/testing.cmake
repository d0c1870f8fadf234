# How tests and the programs they inspect are declared.

# A failed test tells its line itself; a sanitizer reads those of the functions that called.
if(NOT TASKS_SANITIZE)
  set(TASKS_TEST_DEBUG -g0)
endif()
set(TASKS_TEST_PROGRAMS ${PROJECT_BINARY_DIR}/tests/programs)

# Programs without sanitizers are inspected by an executable with them: a picture is taken of their memory alone.
set(TASKS_SANITIZE_PROGRAMS ${TASKS_SANITIZE})
if(TASKS_PROGRAMS_OF)
  set(TASKS_TEST_PROGRAMS ${TASKS_PROGRAMS_OF}/tests/programs)
  set(TASKS_SANITIZE_PROGRAMS "")
endif()

# tasks_needs(TARGET program…): builds these targets before that one, as far as they are built here.
function(tasks_needs target)
  set(programs ${ARGN})
  if(TASKS_PROGRAMS_OF)
    list(FILTER programs INCLUDE REGEX "^tasks$")
  endif()
  if(programs)
    add_dependencies(${target} ${programs})
  endif()
endfunction()

# Of tests that are compiled with the hook: what a compiler keeps across a suspension it does not keep at -O0.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND NOT TASKS_SANITIZE)
  set(TASKS_HOOK_TEST_OPTIONS -O2)
endif()

# Standalone Asio as a program has it that knows nothing of us. Asio 1.22 has to be told of clang's coroutines.
add_library(tasks_plain_asio INTERFACE)
target_include_directories(tasks_plain_asio SYSTEM INTERFACE ${TASKS_ASIO_INCLUDE_DIR})
target_compile_definitions(tasks_plain_asio INTERFACE
  $<$<CXX_COMPILER_ID:Clang>:ASIO_HAS_CO_AWAIT> $<$<CXX_COMPILER_ID:Clang>:ASIO_HAS_STD_COROUTINE>)
target_link_libraries(tasks_plain_asio INTERFACE Threads::Threads)

# An Asio that keeps its timers elsewhere. An archive is unpacked once.
set(newer_asio ${TASKS_NEWER_ASIO})
if(NOT newer_asio)
  set(newer_asio ${PROJECT_SOURCE_DIR}/build/asio-newer)
elseif(NOT EXISTS ${newer_asio})
  message(FATAL_ERROR "TASKS_NEWER_ASIO: there is no ${newer_asio}")
elseif(NOT IS_DIRECTORY ${newer_asio})
  get_filename_component(newer_asio_name ${newer_asio} NAME)
  set(newer_asio_folder ${PROJECT_BINARY_DIR}/${newer_asio_name}.unpacked)
  if(NOT EXISTS ${newer_asio_folder})
    file(ARCHIVE_EXTRACT INPUT ${newer_asio} DESTINATION ${newer_asio_folder})
  endif()
  set(newer_asio ${newer_asio_folder})
endif()
file(GLOB TASKS_NEWER_ASIO_INCLUDE_DIR ${newer_asio}/include ${newer_asio}/*/include)

add_custom_target(test_programs)  # all of them

# tasks_long_test(NAME SECONDS): a test that is begun before shorter ones, so that nobody waits for it alone at the end;
# it takes minutes with a sanitized executable, where there is another one.
function(tasks_long_test name seconds)
  set_tests_properties(${name} PROPERTIES COST ${seconds})
  if(TASKS_EXECUTABLE_OF)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT TASKS_TEST_EXECUTABLE=${TASKS_EXECUTABLE_OF}/cli/tasks)
  endif()
endfunction()

# tasks_program(NAME source… [LIBRARIES …]): a program to inspect, found by program_path("NAME").
function(tasks_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE tasks_warnings Threads::Threads ${arg_LIBRARIES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/programs)
  add_dependencies(test_programs ${name})
endfunction()

# Of what is compiled for aarch64 these have the labels `arm` and `machine`.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  include(${PROJECT_SOURCE_DIR}/tests/arm/tests.cmake)
endif()

# tasks_test(NAME [QUICK] [BUSY] [LONG] sources… [LIBRARIES …] [LABELS …] [LOCK resource] [PROGRAMS …])
# One GoogleTest executable, each of its tests a ctest `NAME.Suite.Claim`. LABELS tsan: also run under ThreadSanitizer; the
# target `tests_LABEL` builds all that have it.
# LOCK: tests that share the resource, a port for instance, run one after another. PROGRAMS: targets that it starts.
# QUICK: it is one of those that `cmake/dev check` builds and runs: soon compiled, soon over, and often what a change
# breaks first. BUSY: what it starts never rests, and is told by what it gets of the CPUs: fewer others run beside it.
# LONG: a sanitized executable would take minutes, so that one without is tested, where there is one; what it does is
# told by other tests with a sanitized one.
#
# GoogleMock is read from one precompiled header, except where a hook has to come before all other headers. Those tests
# are not optimized: what they test is, and they only look at it; half of the time that they take to compile is saved.
function(tasks_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "QUICK;BUSY;LONG" "LOCK" "LIBRARIES;LABELS;PROGRAMS")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE tasks_warnings tasks_test_support GTest::gmock GTest::gtest_main
    ${arg_LIBRARIES})
  if(NOT arg_LIBRARIES MATCHES "tasks::(boost_)?asio")
    target_precompile_headers(${name} REUSE_FROM tasks_gmock)
    target_compile_options(${name} PRIVATE -O0 ${TASKS_TEST_DEBUG})
  endif()
  tasks_needs(${name} ${arg_PROGRAMS})
  if(name IN_LIST TASKS_ARM_TESTS)
    list(APPEND arg_LABELS arm)
  elseif(name IN_LIST TASKS_MACHINE_TESTS)
    list(APPEND arg_LABELS machine)
    set_property(GLOBAL APPEND PROPERTY TASKS_MACHINE_EXECUTABLES $<TARGET_FILE:${name}>)
  endif()
  set(properties TIMEOUT 300)
  if(arg_LABELS)
    list(APPEND properties LABELS "${arg_LABELS}")
  endif()
  foreach(label IN LISTS arg_LABELS)
    if(NOT TARGET tests_${label})
      add_custom_target(tests_${label})
    endif()
    add_dependencies(tests_${label} ${name})
  endforeach()
  if(arg_BUSY)
    list(APPEND properties PROCESSORS 2)
  endif()
  if(arg_LONG AND TASKS_EXECUTABLE_OF)
    list(APPEND properties ENVIRONMENT TASKS_TEST_EXECUTABLE=${TASKS_EXECUTABLE_OF}/cli/tasks)
  endif()
  if(arg_LOCK)
    list(APPEND properties RESOURCE_LOCK "${arg_LOCK}")
  endif()
  if(TASKS_QUICK_TESTS AND NOT arg_QUICK)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST
    PROPERTIES ${properties})
endfunction()

# tasks_newer_asio_test(NAME …): as tasks_test(), compiled with the newer Asio. Where there is none it is one test, NAME,
# that is skipped.
function(tasks_newer_asio_test name)
  if(TASKS_NEWER_ASIO_INCLUDE_DIR)
    tasks_test(${name} ${ARGN})
    target_include_directories(${name} SYSTEM BEFORE PRIVATE ${TASKS_NEWER_ASIO_INCLUDE_DIR})
  elseif(NOT TASKS_QUICK_TESTS)
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "no newer Asio: set TASKS_NEWER_ASIO")
    set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "no newer Asio")
  endif()
endfunction()
