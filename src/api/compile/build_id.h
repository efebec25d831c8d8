#pragma once

#include <string>

namespace tempera::api {

// Names this build of the program (the ELF build id that the linker wrote, in hexadecimal): what
// one build compiled is not reused by another, whose schedules may differ.
std::string build_id();

}  // namespace tempera::api
