# The packages that `cmake/dev package` makes, one of each component of install.cmake:
#
#   tasks_VERSION_ARCH.deb         the executable, its man page and completions
#   tasks-dbgsym_VERSION_ARCH.ddeb its debug information, for who debugs the executable itself
#   libtasks-dev_VERSION_ARCH.deb  headers, archives, the CMake package, pkg-config
#
# Not of a tree that somebody else's project has taken in: CPack's settings are global.
if(NOT TASKS_INSTALL OR NOT TASKS_BUILD_CLI OR NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tasks)
set(CPACK_PACKAGE_VENDOR "")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each has its own, in its first line
set(CPACK_PACKAGE_CONTACT "The authors of tasks <tasks@packages.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES OFF)  # the package with the debug information is made of what would be lost
set(CPACK_THREADS 0)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL cli dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# CPack takes the architecture of the machine that it runs on.
if(CMAKE_CROSSCOMPILING AND CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()

set(CPACK_DEBIAN_CLI_PACKAGE_NAME tasks)
set(CPACK_DEBIAN_CLI_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_CLI_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_CLI_PACKAGE_SUGGESTS "libtasks-dev, openssh-client, gdb")
set(CPACK_DEBIAN_CLI_DEBUGINFO_PACKAGE ON)
set(CPACK_COMPONENT_CLI_DESCRIPTION "see every coroutine of a running C++20 program
Shows, from another terminal, what the coroutines of a running program on
Asio or Boost.Asio do: what each waits for and since when, which chain of
co_awaits led there, who spawned it, and which will never wake, with evidence.
.
The program is not stopped for that, and needs no debugger. It is linked with
libtasks-dev; of programs that are not, most is known all the same.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libtasks-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
# Nothing is linked but libc's and the C++ library's own. Asio may be any: the system's, or a program's own copy.
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "libasio-dev | libboost-dev")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "tasks (= ${PROJECT_VERSION}), cmake, pkg-config")
set(CPACK_COMPONENT_DEV_DESCRIPTION "coroutines of a C++20 program, visible to tasks
Linked to a program on Asio or Boost.Asio, this makes each of its coroutines
visible to the tasks command, with no change of a source: a header that the
compiler includes, and a thread that answers on a local socket.
.
Has the CMake package, and descriptions for pkg-config. A program so linked
needs nothing at run time that it did not need before.")

# What Debian asks of a package, and `cmake --install` does not.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/packaging/debian.cmake)
set(CPACK_TASKS_SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
set(CPACK_TASKS_STRIP ${CMAKE_STRIP})
include(CPack)
