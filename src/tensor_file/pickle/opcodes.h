#pragma once

#include <cstdint>

#include "base/status.h"

namespace tempera::pickle {

class Machine;

// One opcode of protocol 0 to 5, with the bytes after it. data_loss: there is no such opcode.
Status run_opcode(uint8_t opcode, Machine& machine);

}  // namespace tempera::pickle
