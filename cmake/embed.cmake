# SPDX-License-Identifier: Apache-2.0
# cmake -DIN=FILE -DOUT=FILE.c -DNAME=SYMBOL -P embed.cmake: a file as `const char SYMBOL[]`, with a NUL at its end.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
get_filename_component(file ${IN} NAME)
file(WRITE ${OUT} "/* Made from ${file} by cmake/embed.cmake. */\nextern const char ${NAME}[];\n"
  "const char ${NAME}[] = {\n${bytes}0};\n")
