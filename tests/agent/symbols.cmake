# The library defines nothing but tasks:: and what the compiler instantiates of the standard library. And the agent's
# thread calls nothing but what is listed here. Run with -D NM= -D LIBRARY= -D SERVER=, the object that the thread runs,
# and -D SANITIZED=: sanitizers call more, and there the thread is a pthread.
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

if(SANITIZED)
  return()
endif()

# libc may take the program for single-threaded, although that thread runs, and leave out its locks: what it calls has none
# (see arena.hpp). No malloc and nothing that calls it, no stdio, no exceptions, nothing of the loader's, no thread-local
# variables of libraries, no cancellation points, no constructors or destructors of static objects.
set(ours "tasks::detail::(known_registries|store_ticks|store_timing|counter_is_steady)\\(.*")
set(memory "mem(chr|cmp|cpy|move|set)|bcmp|strn?len|__mem(cpy|move|set)_chk")
string(JOIN "|" calls __errno_location __sched_cpucount clock_gettime "get(euid|pid|sockopt|tid)" kill "l?stat" mmap munmap
  prctl process_vm_readv sched_getaffinity shutdown socket syscall sysconf unlink unshare)
string(JOIN "|" arithmetic "std::__detail::_Prime_rehash_policy::_M_(need_rehash|next_bkt)\\(.*"
  "std::__detail::_List_node_base::_M_(hook|unhook)\\(.*" std::nothrow)
string(JOIN "|" compilers _GLOBAL_OFFSET_TABLE_ __stack_chk_fail tasks_this_root "__(asan|tsan|ubsan)_.*" "__sanitizer_.*")
execute_process(COMMAND ${NM} --demangle --undefined-only --format=just-symbols ${SERVER} OUTPUT_VARIABLE needed
  COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE ";" "," needed "${needed}")
string(REPLACE "[" "(" needed "${needed}")
string(REPLACE "]" ")" needed "${needed}")
string(REPLACE "\n" ";" needed "${needed}")
foreach(symbol IN LISTS needed)
  if(NOT symbol STREQUAL "" AND NOT symbol MATCHES "^(${ours}|${memory}|${calls}|${arithmetic}|${compilers})$")
    message(SEND_ERROR "the agent's thread may call ${symbol}")
  endif()
endforeach()
if(NOT needed MATCHES "tasks::detail::store_ticks")
  message(SEND_ERROR "${SERVER}: nm has told nothing")
endif()
