# Where everything that is not ours comes from: Debian 12's packages, found the ordinary way.
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
  # Recordings are compressed with the one, and the other's CRC-32 tells what is damaged in them.
  pkg_check_modules(libzstd REQUIRED IMPORTED_TARGET libzstd)
  pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
  # protobuf compresses with it, too; as an archive it has to stand behind protobuf's.
  find_library(TASKS_LIBz_ARCHIVE libz.a)
  mark_as_advanced(TASKS_LIBz_ARCHIVE)
  if(TASKS_SANITIZE OR NOT TASKS_LIBz_ARCHIVE)
    set_property(TARGET protobuf::libprotobuf APPEND PROPERTY INTERFACE_LINK_LIBRARIES PkgConfig::zlib)
  else()
    set_property(TARGET protobuf::libprotobuf APPEND PROPERTY INTERFACE_LINK_LIBRARIES ${TASKS_LIBz_ARCHIVE})
  endif()
  # Reads where coroutines suspend, in programs without the hook. Without it their lines are not known.
  find_package(Zydis CONFIG)
  # Takes the terminal for `tasks top`. Without it that says so.
  pkg_check_modules(ncursesw IMPORTED_TARGET ncursesw)
endif()
if(TASKS_BUILD_TESTS)
  find_package(GTest REQUIRED)
  if(NOT TASKS_QUICK_TESTS AND NOT TASKS_SHORT_TESTS)
    find_package(Boost 1.81)
    find_package(OpenSSL)
  endif()
endif()
