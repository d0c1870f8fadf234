# Run by CPack when a package's files lie ready, before they are packed: what Debian asks of them.
foreach(name cli dev)
  set(root ${CPACK_TEMPORARY_DIRECTORY}/${name}/usr)
  if(NOT IS_DIRECTORY ${root})
    continue()
  endif()
  string(TOUPPER ${name} component)
  set(package ${CPACK_DEBIAN_${component}_PACKAGE_NAME})
  set(documents ${root}/share/doc/${package})

  # Debian's policy, 12.5 and 12.7.
  file(WRITE ${documents}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: tasks

Files: *
Copyright: 2026 the authors of tasks
License: Apache-2.0

License: Apache-2.0
 On Debian systems the whole text is in /usr/share/common-licenses/Apache-2.0.
")
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # of SOURCE_DATE_EPOCH, where that is set
  file(WRITE ${documents}/changelog "tasks (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * What has changed is in CHANGELOG.md.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  file(COPY ${CPACK_TASKS_SOURCE_DIR}/CHANGELOG.md DESTINATION ${documents})
  file(GLOB pages ${root}/share/man/man*/*)
  execute_process(COMMAND gzip -9n ${documents}/changelog ${documents}/CHANGELOG.md ${pages} COMMAND_ERROR_IS_FATAL ANY)

  # What lintian says, and is meant so.
  if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${package}.lintian-overrides)
    file(MAKE_DIRECTORY ${root}/share/lintian/overrides)
    file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/${package}.lintian-overrides ${root}/share/lintian/overrides/${package})
  endif()

  # Debian's zsh looks here, and not in site-functions.
  if(EXISTS ${root}/share/zsh/site-functions)
    file(RENAME ${root}/share/zsh/site-functions ${root}/share/zsh/vendor-completions)
  endif()

  # Lines of the library's own sources are nobody's business who links it; its symbols are.
  file(GLOB_RECURSE archives ${root}/lib/*.a ${root}/lib/*.o)
  if(archives)
    execute_process(COMMAND ${CPACK_TASKS_STRIP} --strip-debug --enable-deterministic-archives ${archives}
      COMMAND_ERROR_IS_FATAL ANY)
  endif()
endforeach()
