# SPDX-License-Identifier: Apache-2.0
# Writes one add_test() per name that EXE --list prints.
execute_process(COMMAND ${EXE} --list OUTPUT_VARIABLE names RESULT_VARIABLE rc)
if(NOT rc EQUAL 0)
  message(FATAL_ERROR "${EXE} --list failed")
endif()
string(REPLACE "\n" ";" names "${names}")
set(text "")
foreach(name ${names})
  string(APPEND text "add_test([[${PROGRAM}.${name}]] [[${EXE}]] [[${name}]])\n")
  string(APPEND text "set_tests_properties([[${PROGRAM}.${name}]] PROPERTIES TIMEOUT 120 LABELS \"unit;${FOLDER}\")\n")
endforeach()
file(WRITE ${OUT} "${text}")
