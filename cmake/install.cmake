# `cmake --install`, and the package that find_package(tasks) finds: the targets have the names they have in the source
# tree. cli/ adds what the executable comes with.
if(NOT TASKS_INSTALL)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(_tasks_package ${CMAKE_INSTALL_LIBDIR}/cmake/tasks)
foreach(_tasks_target agent asio boost_asio autostart)
  if(NOT TARGET tasks_${_tasks_target})
    continue()
  endif()
  set_target_properties(tasks_${_tasks_target} PROPERTIES EXPORT_NAME ${_tasks_target})
  install(TARGETS tasks_${_tasks_target} EXPORT tasks
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    OBJECTS DESTINATION ${CMAKE_INSTALL_LIBDIR}/tasks
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()
install(DIRECTORY agent/include/tasks DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT tasks NAMESPACE tasks:: DESTINATION ${_tasks_package} FILE tasksTargets.cmake)

configure_package_config_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/tasksConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/tasksConfig.cmake INSTALL_DESTINATION ${_tasks_package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tasksConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tasksConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/tasksConfigVersion.cmake
  DESTINATION ${_tasks_package})
