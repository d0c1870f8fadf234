# Where everything that is not ours comes from: Debian 12's packages, found the ordinary way.
# CMAKE_MODULE_PATH has modules for those that ship no CMake package.
find_package(Threads REQUIRED)
find_path(TASKS_ASIO_INCLUDE_DIR asio.hpp DOC "Directory of standalone Asio's asio.hpp (libasio-dev)")
find_path(TASKS_PROTOZERO_INCLUDE_DIR protozero/pbf_writer.hpp DOC "Directory of protozero (libprotozero-dev)")
mark_as_advanced(TASKS_ASIO_INCLUDE_DIR TASKS_PROTOZERO_INCLUDE_DIR)
foreach(_tasks_dependency ASIO PROTOZERO)
  if(NOT TASKS_${_tasks_dependency}_INCLUDE_DIR)
    string(TOLOWER ${_tasks_dependency} _tasks_package)
    message(FATAL_ERROR "tasks needs ${_tasks_package}: install lib${_tasks_package}-dev, "
      "or set TASKS_${_tasks_dependency}_INCLUDE_DIR")
  endif()
endforeach()

if(TASKS_BUILD_CLI OR TASKS_BUILD_TESTS)
  # Static: half of what the tasks executable takes to start is the loading of shared libraries. See cli/README.md.
  set(Protobuf_USE_STATIC_LIBS ON)
  find_package(Protobuf REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(fmt REQUIRED)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(libdw REQUIRED IMPORTED_TARGET libdw)
endif()
if(TASKS_BUILD_TESTS)
  find_package(GTest REQUIRED)
  if(NOT TASKS_QUICK_TESTS)
    find_package(Boost 1.81)
  endif()
endif()
