#pragma once

namespace tempera::cli {

// From now on the first SIGINT or SIGTERM only asks to stop, at the next step; the second ends the
// program at once.
void install_stop_handler();
bool stop_requested();

}  // namespace tempera::cli
