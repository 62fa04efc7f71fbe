# SPDX-License-Identifier: Apache-2.0
install(TARGETS platoon platoon-server LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS platoon-bin RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET platoon-spawn)
  install(TARGETS platoon-spawn RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/platoon)
endif()
install(DIRECTORY include/platoon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(EXISTS ${CMAKE_SOURCE_DIR}/scenarios)
  install(DIRECTORY scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/platoon USE_SOURCE_PERMISSIONS
    PATTERN "*.net.xml" EXCLUDE)
endif()
install(FILES LICENSE NOTICE README.md README.zh-CN.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
# The .pc files are written when installing, so that they name the prefix that is installed to, whatever was configured.
install(CODE "
  set(PROJECT_VERSION ${PROJECT_VERSION})
  set(CMAKE_INSTALL_LIBDIR ${CMAKE_INSTALL_LIBDIR})
  set(CMAKE_INSTALL_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR})
  foreach(pc platoon platoon-server)
    configure_file(\"${CMAKE_SOURCE_DIR}/cmake/\${pc}.pc.in\" \"${CMAKE_BINARY_DIR}/\${pc}.pc\" @ONLY)
  endforeach()")
foreach(pc platoon platoon-server)
  install(FILES ${CMAKE_BINARY_DIR}/${pc}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
