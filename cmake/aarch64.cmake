# Toolchain of the preset `arm`: Debian's cross compiler, and the libraries that `cmake/dev test-arm` unpacks.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(TASKS_ARM_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm/sysroot CACHE PATH "Folder of arm64's libraries and headers")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TASKS_ARM_SYSROOT)
get_filename_component(CMAKE_SYSROOT ${TASKS_ARM_SYSROOT} ABSOLUTE)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)

# An emulator of the instructions and the system calls: tests run as they would there.
find_program(TASKS_QEMU qemu-aarch64 NO_CMAKE_FIND_ROOT_PATH)
set(CMAKE_CROSSCOMPILING_EMULATOR ${TASKS_QEMU} -L ${CMAKE_SYSROOT})
