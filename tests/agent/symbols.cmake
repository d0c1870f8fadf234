# The library defines nothing but tasks:: and what the compiler instantiates of the standard library: no symbol of its
# Asio or its encoder is left for the linker to merge with the host's. Run with -D NM= -D LIBRARY=.
execute_process(COMMAND ${NM} --demangle --defined-only --extern-only --portability ${LIBRARY}
  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE ";" "," symbols "${symbols}")
string(REPLACE "[" "(" symbols "${symbols}")
string(REPLACE "]" ")" symbols "${symbols}")
string(REPLACE "\n" ";" symbols "${symbols}")
set(ours "^(tasks::|tasks_this_root |tasks_serve |(typeinfo|typeinfo name|vtable|guard variable|TLS init function|TLS wrapper function) for tasks::)")
set(standard " [WVu]( |$)")  # weak: templates, inline functions
set(sanitizers "^(__odr_asan|__asan|__tsan|__ubsan)")
foreach(symbol IN LISTS symbols)
  if(symbol STREQUAL "" OR symbol MATCHES "\\.o\\)?:$" OR symbol MATCHES "${ours}" OR symbol MATCHES "${sanitizers}")
    continue()
  endif()
  if(NOT symbol MATCHES "${standard}" OR symbol MATCHES "asio|protozero|protobuf|^boost")
    message(SEND_ERROR "${LIBRARY} defines ${symbol}")
  endif()
endforeach()
if(NOT symbols MATCHES "tasks::agent::agent")
  message(SEND_ERROR "${LIBRARY}: nm has told nothing")
endif()

# Its thread may begin before the host's objects are made and end after they are destroyed, those of the library among
# them: no key of a thread's storage is one.
execute_process(COMMAND ${NM} --undefined-only --portability ${LIBRARY} OUTPUT_VARIABLE needed COMMAND_ERROR_IS_FATAL ANY)
if(needed MATCHES "pthread_key_create")
  message(SEND_ERROR "${LIBRARY} makes a key for its thread when the program begins (pthread_key_create)")
endif()
