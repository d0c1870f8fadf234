# `cmake --install`, and the package that find_package(tasks) finds: the targets have the names they have in the source
# tree. The executable comes with its man page and completions, which it prints itself.
#
# Two components, each a package of packaging.cmake: `dev` for those who link it, and `cli`, which is whatever names none.
# What is installed is said here alone.
if(NOT TASKS_INSTALL)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME cli)
set(_tasks_package ${CMAKE_INSTALL_LIBDIR}/cmake/tasks)
foreach(_tasks_target agent asio boost_asio autostart exceptions exceptions_static)
  set_target_properties(tasks_${_tasks_target} PROPERTIES EXPORT_NAME ${_tasks_target})
  install(TARGETS tasks_${_tasks_target} EXPORT tasks
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
    OBJECTS DESTINATION ${CMAKE_INSTALL_LIBDIR}/tasks COMPONENT dev
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()
install(DIRECTORY agent/include/tasks DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(EXPORT tasks NAMESPACE tasks:: DESTINATION ${_tasks_package} FILE tasksTargets.cmake COMPONENT dev)

configure_package_config_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/tasksConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/tasksConfig.cmake INSTALL_DESTINATION ${_tasks_package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tasksConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tasksConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/tasksConfigVersion.cmake
  DESTINATION ${_tasks_package} COMPONENT dev)

# For make and Meson. Written when they are installed: only then is the prefix known.
install(TARGETS tasks_autostart_archive tasks_exceptions_archive ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
foreach(_tasks_target tasks tasks-asio tasks-boost-asio tasks-autostart tasks-exceptions)
  install(CODE "
    set(version ${PROJECT_VERSION})
    set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
    cmake_path(ABSOLUTE_PATH prefix NORMALIZE)
    set(includedir \"${CMAKE_INSTALL_INCLUDEDIR}\")
    set(libdir \"${CMAKE_INSTALL_LIBDIR}\")
    cmake_path(APPEND pkgconfigdir \"\${prefix}\" \"\${libdir}\" pkgconfig)
    foreach(folder includedir libdir)
      if(NOT IS_ABSOLUTE \"\${\${folder}}\")
        set(\${folder} \"\\\${prefix}/\${\${folder}}\")
      endif()
    endforeach()
    string(MD5 place \"\$ENV{DESTDIR}\${prefix}\")  # two may install at the same time
    set(file \"${CMAKE_CURRENT_BINARY_DIR}/pkgconfig/\${place}/${_tasks_target}.pc\")
    configure_file(\"${CMAKE_CURRENT_SOURCE_DIR}/cmake/pkgconfig/${_tasks_target}.pc.in\" \"\${file}\" @ONLY)
    file(INSTALL \"\${file}\" DESTINATION \"\${pkgconfigdir}\")"
    COMPONENT dev)
endforeach()

if(TASKS_BUILD_CLI)
  if(TARGET tasks-serve)
    install(TARGETS tasks-serve RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/tasks)
    configure_file(cli/serve/tasks-serve.service.in tasks-serve.service @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tasks-serve.service cli/serve/tasks-serve.socket
      DESTINATION lib/systemd/system)
  endif()
  configure_file(cli/tasks-record@.service.in tasks-record@.service @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tasks-record@.service DESTINATION lib/systemd/system)
  # For who shows and watches what `tasks serve` tells at /metrics.
  install(FILES cli/serve/grafana/tasks.json DESTINATION ${CMAKE_INSTALL_DATADIR}/tasks/grafana)
  install(FILES cli/serve/prometheus/alerts.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/tasks/prometheus)
  install(TARGETS tasks RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES cli/debuggers/tasks_ask.py cli/debuggers/tasks_gdb.py cli/debuggers/tasks_lldb.py
    DESTINATION ${CMAKE_INSTALL_DATADIR}/tasks/debuggers)
  # tasks_printed(FOLDER FILE ARGUMENT…): installs what the executable prints as FOLDER/FILE.
  function(tasks_printed folder file)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/printed/${file})
    add_custom_command(OUTPUT ${output} COMMAND tasks ${ARGN} > ${output} DEPENDS tasks)
    set_property(GLOBAL APPEND PROPERTY TASKS_PRINTED ${output})
    install(FILES ${output} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
  endfunction()
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/printed)
  tasks_printed(man/man1 tasks.1 man)
  tasks_printed(bash-completion/completions tasks completion bash)
  tasks_printed(zsh/site-functions _tasks completion zsh)
  tasks_printed(fish/vendor_completions.d tasks.fish completion fish)
  get_property(_tasks_printed GLOBAL PROPERTY TASKS_PRINTED)
  add_custom_target(tasks_documentation ALL DEPENDS ${_tasks_printed})
endif()
