# SPDX-License-Identifier: Apache-2.0
function(platoon_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wformat=2 -Wwrite-strings)
  if(PLATOON_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
