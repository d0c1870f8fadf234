"""The library, for Conan 2: `conan create cmake/packaging/conan`.

The executable `tasks` is not in this package: one of a release looks at programs of that release, however they were built,
and it is in Debian's package, or built with `cmake --preset package`.
"""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir


class TasksConan(ConanFile):
    name = "tasks"
    description = "See every coroutine of a running C++20 program on Asio"
    license = "Apache-2.0"
    topics = ("coroutines", "asio", "debugging", "leaks")
    package_type = "static-library"
    settings = "os", "arch", "compiler", "build_type"

    @property
    def _sources(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        text = load(self, os.path.join(self._sources, "CMakeLists.txt"))
        self.version = re.search(r"project\(tasks VERSION ([\d.]+)", text).group(1)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "agent/*", "cmake/*"):
            copy(self, pattern, src=self._sources, dst=self.export_sources_folder)

    def requirements(self):
        # Nothing that is compiled has Asio in it: who links it has whichever Asio it likes.
        self.requires("asio/[>=1.22 <2]", headers=True, libs=False, visible=False)

    def validate(self):
        check_min_cppstd(self, 20)
        if self.settings.os != "Linux" or self.settings.arch not in ("x86_64", "armv8"):
            raise ConanInvalidConfiguration("tasks is for Linux on x86-64 and aarch64")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["TASKS_BUILD_CLI"] = False
        toolchain.cache_variables["TASKS_BUILD_TESTS"] = False
        folder = self.dependencies["asio"].cpp_info.aggregated_components().includedirs[0]
        toolchain.cache_variables["TASKS_ASIO_INCLUDE_DIR"] = folder
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))  # PkgConfigDeps writes these

    def package_info(self):
        # find_package(tasks) finds what CMake has installed, with the options that C sources are not given.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append(os.path.join("lib", "cmake", "tasks"))

        agent = self.cpp_info.components["agent"]
        agent.set_property("pkg_config_name", "tasks")
        agent.libs = ["tasks_agent"]
        agent.system_libs = ["pthread"]

        for hook in ("asio", "boost_asio"):
            component = self.cpp_info.components[hook]
            component.set_property("pkg_config_name", "tasks-" + hook.replace("_", "-"))
            component.requires = ["agent"]
            component.cxxflags = ["-include", f"tasks/{hook}_hook.hpp"]
            component.libs = []

        autostart = self.cpp_info.components["autostart"]
        autostart.set_property("pkg_config_name", "tasks-autostart")
        autostart.requires = ["agent"]
        autostart.libs = ["tasks_autostart"]
        autostart.exelinkflags = autostart.sharedlinkflags = ["-Wl,--undefined=tasks_autostart"]

        exceptions = self.cpp_info.components["exceptions"]
        exceptions.set_property("pkg_config_name", "tasks-exceptions")
        exceptions.requires = ["agent"]
        exceptions.libs = ["tasks_exceptions"]
        exceptions.system_libs = ["dl"]
        exceptions.exelinkflags = exceptions.sharedlinkflags = ["-Wl,--undefined=__wrap___cxa_throw"]
