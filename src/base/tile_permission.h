#pragma once

namespace tempera {

// Whether this process may use the tile registers of AMX, which the system hands out on request:
// the first call asks, for all threads. False where the processor or the system has none.
bool may_use_tiles();

}  // namespace tempera
