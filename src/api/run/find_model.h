#pragma once

#include <string>

#include "base/status.h"

namespace tempera::api {

// The folder of the model to use where the user names none: $TEMPERA_MODEL, else the bundled one,
// installed beside this program (../share/tempera/models/tempera-emoji) or in the source tree that
// it was built from. not_found names all places looked at.
Result<std::string> find_default_model();

}  // namespace tempera::api
