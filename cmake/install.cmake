# make install: the program, the bundled model, and the libraries with headers, a CMake package and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
get_property(libraries GLOBAL PROPERTY TEMPERA_LIBRARIES)

install(TARGETS tempera tempera-run RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY models/tempera-emoji DESTINATION ${CMAKE_INSTALL_DATADIR}/tempera/models)
install(TARGETS tempera_c tempera_c_run LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES src/api/c/tempera.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ${libraries} EXPORT tempera ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tempera
  FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN cli EXCLUDE PATTERN "schedules" EXCLUDE)
install(DIRECTORY ${CMAKE_BINARY_DIR}/generated/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tempera)

# find_package(tempera): link tempera::tempera_api_compile, or tempera::tempera_api_run to run artifacts only.
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/tempera)
install(EXPORT tempera NAMESPACE tempera:: DESTINATION ${package})
configure_file(cmake/tempera-config.cmake.in tempera-config.cmake @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/tempera-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/tempera-config.cmake ${CMAKE_BINARY_DIR}/tempera-config-version.cmake
  DESTINATION ${package})

# Static libraries that use each other: one group, in which the linker looks until nothing is missing.
list(TRANSFORM libraries PREPEND "-l" OUTPUT_VARIABLE TEMPERA_LINK_FLAGS)
list(JOIN TEMPERA_LINK_FLAGS " " TEMPERA_LINK_FLAGS)
find_package(LLVM 19.1 REQUIRED CONFIG)  # for its folder
configure_file(cmake/tempera.pc.in tempera.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/tempera.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
