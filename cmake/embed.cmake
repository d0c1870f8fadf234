# cmake -DFROM=FILE -DNAME=name -DTO=HEADER -P embed.cmake: a header with the bytes of a file.
file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${TO} "#pragma once\n\ninline constexpr unsigned char ${NAME}[] = {${bytes}};\n")
