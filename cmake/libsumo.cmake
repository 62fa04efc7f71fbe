# SPDX-License-Identifier: Apache-2.0
# platoon-libsumo.so, the only C++: SUMO as a library, loaded at run time (src/sumo/libsumo). Built where there are a C++
# compiler, SUMO's headers and its library; the program does without it.
option(PLATOON_LIBSUMO "build the module for libsumo, where SUMO's headers are" ON)
# A fuzzer runs no simulation, and the clone of a process is unknown to ThreadSanitizer.
if(PLATOON_LIBSUMO AND NOT PLATOON_FUZZ AND NOT PLATOON_SANITIZE MATCHES "thread")
  include(CheckLanguage)
  check_language(CXX)
  find_path(LIBSUMO_INCLUDE_DIR libsumo/libsumo.h HINTS $ENV{SUMO_HOME}/include $ENV{SUMO_HOME}/src)
  find_library(LIBSUMO_LIBRARY sumocpp HINTS $ENV{SUMO_HOME}/bin $ENV{SUMO_HOME}/lib)
  if(CMAKE_CXX_COMPILER AND LIBSUMO_INCLUDE_DIR AND LIBSUMO_LIBRARY)
    enable_language(CXX)
    add_library(platoon-libsumo MODULE src/sumo/libsumo/shim.cpp)
    set_target_properties(platoon-libsumo PROPERTIES PREFIX "" CXX_STANDARD 11 CXX_EXTENSIONS ON
      CXX_VISIBILITY_PRESET hidden LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
    target_include_directories(platoon-libsumo SYSTEM PRIVATE ${LIBSUMO_INCLUDE_DIR})
    target_compile_options(platoon-libsumo PRIVATE -Wall -Wextra -Wshadow $<$<BOOL:${PLATOON_WERROR}>:-Werror>)
    target_link_libraries(platoon-libsumo PRIVATE ${LIBSUMO_LIBRARY})
  else()
    message(STATUS "libsumo is not here (package sumo, a C++ compiler): controllers run over TraCI alone")
  endif()
endif()
