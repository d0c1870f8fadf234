# cmake -D COMPILER=… -D INCLUDE=… -D ASIO=… -D AGENT=… -D SOURCES=folder -D OUT=folder -P odr.cmake
# A program of which one source lacks the hook: link-time optimization with -Wodr must say so; one that is hooked
# throughout must link without a word.
set(flags -std=c++20 -fcoroutines -O1 -flto=auto -Wodr -pthread -I${ASIO} -I${INCLUDE})
set(hook -include tasks/asio_hook.hpp)
file(MAKE_DIRECTORY ${OUT})

function(compile source object)
  execute_process(COMMAND ${COMPILER} ${flags} ${ARGN} -c ${SOURCES}/${source} -o ${OUT}/${object}
    COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(link_objects said)
  list(TRANSFORM ARGN PREPEND ${OUT}/)
  execute_process(COMMAND ${COMPILER} ${flags} ${ARGN} ${AGENT} -o ${OUT}/odr RESULT_VARIABLE result ERROR_VARIABLE text)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "does not link: ${text}")
  endif()
  set(${said} "${text}" PARENT_SCOPE)
endfunction()

compile(odr_with_hook.cpp one.o ${hook})
compile(odr_without_hook.cpp two_bare.o)
compile(odr_without_hook.cpp two.o ${hook})
link_objects(said one.o two_bare.o)
if(NOT said MATCHES "should match type name")
  message(FATAL_ERROR "-Wodr did not notice the source without the hook: ${said}")
endif()
link_objects(said one.o two.o)
if(said MATCHES "should match type name")
  message(FATAL_ERROR "-Wodr complains about a program that is hooked throughout: ${said}")
endif()
