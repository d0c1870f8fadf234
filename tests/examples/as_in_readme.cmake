# README shows the whole of SOURCE in one block.
file(READ ${README} readme)
file(READ ${SOURCE} source)
string(FIND "${readme}" "\n```cpp\n${source}```\n" found)
if(found EQUAL -1)
  message(FATAL_ERROR "${README} does not show ${SOURCE} as it is")
endif()
